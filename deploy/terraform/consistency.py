"""Checks what Terraform itself does not: nothing declared in vain, tables in READMEs, names that others own.

consistency.py            tells what differs
consistency.py --write    writes the tables in the READMEs
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "terraform"
TABLES = re.compile(r"<!-- inputs and outputs: deploy/terraform/consistency.py --write -->\n.*", re.DOTALL)
MARK = "<!-- inputs and outputs: deploy/terraform/consistency.py --write -->\n"

_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}$', re.MULTILINE | re.DOTALL)
_ARGUMENT = re.compile(r"^  (\w+) += (.*?)(?=^  \w+ +=|^  \w+ \{|\n\n|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A variable or an output."""

    name: str
    arguments: dict[str, str]

    @property
    def description(self) -> str:
        """Its description, as it reads in a table."""
        return str(ast.literal_eval(self.arguments.get("description", '""'))).replace("|", "\\|")

    @property
    def type(self) -> str:
        """Its type on one line."""
        return (
            re.sub(r"\s+", " ", re.sub(r"\n\s+(?=\w+ +=)", ", ", self.arguments["type"])).replace("{, ", "{ ").strip()
        )

    @property
    def default(self) -> str:
        """Its default on one line, blank if it is required."""
        if "default" not in self.arguments:
            return "required"
        text = re.sub(r"\s+", " ", self.arguments["default"]).strip()
        return f"`{text.replace('[ ', '[').replace(', ]', ']')}`"


def declared(kind: str, folder: Path) -> list[Declared]:
    """Give the variables or outputs of a module."""
    path = folder / {"variable": "variables.tf", "output": "outputs.tf"}[kind]
    return [
        Declared(name=name, arguments={key: value.strip() for key, value in _ARGUMENT.findall(body)})
        for found, name, body in _BLOCK.findall(path.read_text())
        if found == kind
    ]


def tables(folder: Path) -> str:
    """Give the tables of a module's README."""
    inputs = "".join(
        f"| `{one.name}` | `{one.type}` | {one.default} | {one.description} |\n" for one in declared("variable", folder)
    )
    outputs = "".join(f"| `{one.name}` | {one.description} |\n" for one in declared("output", folder))
    return (
        f"{MARK}\n## Inputs\n\n| name | type | default | meaning |\n|---|---|---|---|\n{inputs}"
        f"\n## Outputs\n\n| name | meaning |\n|---|---|\n{outputs}"
    )


def in_vain(folder: Path) -> list[str]:
    """Tell what a module declares and never uses, or does not describe."""
    code = {path.name: path.read_text() for path in folder.glob("*.tf")}
    used = "\n".join(text for name, text in code.items() if name != "variables.tf")
    every = "\n".join(code.values())
    variables, outputs = declared("variable", folder), declared("output", folder)
    blocks = re.findall(r"^locals \{\n(.*?)^\}$", every, re.MULTILINE | re.DOTALL)
    names = [name for block in blocks for name in re.findall(r"^  (\w+) +=", block, re.MULTILINE)]
    return [
        *(f"variable {one.name} is never used" for one in variables if not re.search(rf"\bvar\.{one.name}\b", used)),
        *(f"variable {one.name} lacks a description" for one in variables if not one.description),
        *(f"variable {one.name} lacks a type" for one in variables if "type" not in one.arguments),
        *(f"output {one.name} lacks a description" for one in outputs if not one.description),
        *(f"local {name} is never used" for name in names if not re.search(rf"\blocal\.{name}\b", every)),
    ]


def check_module(folder: Path, *, write: bool) -> list[str]:
    """Check one module, or write its tables."""
    where = folder.relative_to(ROOT)
    wrong = [f"{where}: no {name}" for name in ("main.tf", "versions.tf", "README.md") if not (folder / name).is_file()]
    if wrong:
        return wrong
    wrong = [f"{where}: {line}" for line in in_vain(folder)]
    readme = folder / "README.md"
    text = readme.read_text()
    if not TABLES.search(text):
        return [*wrong, f"{where}/README.md has no line {MARK.strip()}"]
    right = TABLES.sub(lambda _: tables(folder), text)
    if write:
        readme.write_text(right)
    elif text != right:
        wrong.append(f"{where}/README.md is not what variables.tf and outputs.tf say: run consistency.py --write")
    return wrong


def query_parameters() -> set[str]:
    """Give the parameters of the query dialect, as its code has them."""
    tree = ast.parse((ROOT / "imgproxy_py/dialects/query/parameters.py").read_text())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            called = getattr(target, "attr", None) or getattr(target, "id", "")
            if called in ("ALIASES", "_parameters") and isinstance(node.value, ast.Dict):
                names |= {str(key.value) for key in node.value.keys if isinstance(key, ast.Constant)}
            if called == "SIGNATURE":
                names.add(ast.literal_eval(node.value))
    return names


def check_shared() -> list[str]:
    """Check what the service says too: parameters, hints, tags' headers, settings."""
    wrong = []
    cdn = TERRAFORM / "modules/cdn"
    variables = {one.name: one.arguments for one in declared("variable", cdn)}
    listed = set(ast.literal_eval(variables["query_parameters"]["default"]))
    if listed != query_parameters():
        wrong.append(f"cdn: query_parameters and the query dialect differ in {sorted(listed ^ query_parameters())}")
    negotiation = (ROOT / "imgproxy_py/recipe/negotiation.py").read_text()
    hints = re.search(r'^HINT_HEADERS = "(.*)"$', negotiation, re.MULTILINE)
    in_key = re.search(r"client_hints \? (\[.*?\])", (cdn / "main.tf").read_text())
    if not hints or not in_key or ast.literal_eval(in_key[1]) != hints[1].split(", "):
        wrong.append("cdn: hint_headers are not what the service names in Vary")
    separators = (ROOT / "imgproxy_py/delivery/settings.py").read_text()
    tag_header = ast.literal_eval(variables["cache_tag_header"]["default"])
    if f'"{tag_header.lower()}": ","' not in separators:
        wrong.append(f"cdn: the service does not divide {tag_header} by commas")
    settings = set(re.findall(r"^\| `(IMGPROXY_\w+)`", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))
    texts = [*TERRAFORM.rglob("*.tf"), *TERRAFORM.rglob("README.md"), ROOT / "docs/aws.md"]
    for path in texts:
        if ".terraform" in path.parts:
            continue
        named = set(re.findall(r"\bIMGPROXY_[A-Z0-9_]*[A-Z0-9]\b(?!_\*)", path.read_text()))
        if unknown := sorted(named - settings):
            wrong.append(f"{path.relative_to(ROOT)}: no such settings: {', '.join(unknown)}")
    return wrong


def main() -> None:
    """Run the checks."""
    write = "--write" in sys.argv[1:]
    folders = sorted([*(TERRAFORM / "modules").iterdir(), *(TERRAFORM / "examples").iterdir()])
    wrong = [line for folder in folders for line in check_module(folder, write=write)] + check_shared()
    if wrong:
        sys.exit("\n".join(wrong))
    variables = sum(len(declared("variable", folder)) for folder in folders)
    outputs = sum(len(declared("output", folder)) for folder in folders)
    counted = (
        f"{variables} variables, {outputs} outputs, {len(folders)} READMEs, {len(query_parameters())} query parameters"
    )
    sys.stdout.write(f"said twice {counted}\n")


if __name__ == "__main__":
    main()
