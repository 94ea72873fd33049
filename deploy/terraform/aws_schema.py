"""Reads the AWS provider's schema out of its published typed classes, as far as our configuration uses it.

The wheel `cdktn-provider-aws` (successor of `cdktf-cdktf-provider-aws`, which stopped at provider 6.25) holds classes
generated from the provider's own schema, one file a resource. The generator leaves all of it in them: which arguments
there are, required or computed, of what type, which are blocks and how many of them may be. The wheel is read, never
installed or run.

    aws_schema.py WHEEL --for DIRECTORY... > schema.json

writes the schema of the resources and data sources that the `*.tf` below the directories name, and of the provider.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_USED = re.compile(r'^\s*(resource|data)\s+"(aws_[a-z0-9_]+)"', re.MULTILINE)
_VERSION = re.compile(r"bindings for hashicorp/aws provider version (\S+)")

_CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+) \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_MEMBER = re.compile(
    r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)$"
    r"(.*?)(?=^    // \w+ - computed: |^    // =====|\Z)",
    re.MULTILINE | re.DOTALL,
)
_PLAIN = re.compile(r"this\.get(\w+)Attribute\('(\w+)'\)")
_INTERPOLATED = re.compile(r"this\.interpolationForAttribute\('(\w+)'\)")
_NESTED = re.compile(r'new (?:\w+\.)?(\w+)\(this, "(\w+)"(?:, (true|false))?\)')
_MAPS = re.compile(r"new cdktn\.((?:String|Number|Boolean|Any)Map)(List)?\(this")
_SUPER = re.compile(r"super\(terraformResource, terraformAttribute, (true|false|\w+)(?:, (0|\w+))?\)")
_HCL = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_SYNTHESIZE = re.compile(r"^    synthesizeHclAttributes\(\) \{$(.*?)^    \}$", re.MULTILINE | re.DOTALL)
_ATTRIBUTE = re.compile(
    r"^ {8,12}(\w+): \{\n\s+value: .*?,\n\s+isBlock: (true|false),\n\s+type: \"(\w+)\",\n\s+storageClassType: \"(\w+)\",",
    re.MULTILINE,
)

_TYPES: dict[str, Any] = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "NumberList": ["list", "number"],
    "StringMap": ["map", "string"],
    "NumberMap": ["map", "number"],
    "BooleanMap": ["map", "bool"],
    "AnyMap": ["map", "string"],
}

_SAME = {
    ("resource", "aws_wafv2_web_acl"): (("rule", "statement"), ("resource", "aws_wafv2_web_acl_rule"), "statement")
}
"""Blocks that the generator leaves open because they nest without end, and where the same block is spelled out."""

_DEPTH = 2
"""How often a block of blocks of its own kind is followed."""

_STORED: dict[str, Any] = {"string": "string", "number": "number", "boolean": "bool"}

Json = dict[str, Any]
Written = dict[str, tuple[bool, str, str]]
"""By argument: whether it is a block, how it is nested, and what its value is."""


@dataclass(slots=True)
class Module:
    """One resource's generated file: its classes, and what their writers of HCL say of each argument."""

    text: str
    classes: dict[str, tuple[str, str]] = field(default_factory=dict)
    written: dict[str, Written] = field(default_factory=dict)
    around: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, base, body in _CLASS.findall(self.text):
            self.classes[name] = (base, body)
        for name, body in _HCL.findall(self.text):
            self.written[name[0].upper() + name[1:]] = _written(body)

    def schema(self) -> Json:
        """Give the whole resource, whose class is the one with a `synthesizeHclAttributes`, as a block."""
        body = next(body for _, body in self.classes.values() if _SYNTHESIZE.search(body))
        found = _SYNTHESIZE.search(body)
        return self._block(body, _written(found[1]) if found else {})

    def _block(self, body: str, written: Written) -> Json:
        attributes, blocks = {}, {}
        for member in _members(body):
            is_block, kind, value = written.get(member.name, (False, "", ""))
            if member.nested and is_block:
                if self.around.count(member.nested) < _DEPTH:
                    self.around.append(member.nested)
                    blocks[member.name] = self._nested_block(member, kind)
                    self.around.pop()
            elif member.type is None and not member.nested:  # the provider's own are written, never read
                if is_block:
                    blocks[member.name] = self._written_block(kind, value)
                else:
                    given = {"required": member.required, "optional": member.optional, "computed": member.computed}
                    attributes[member.name] = {"type": _stored(kind, value), **given}
            else:
                attributes[member.name] = self._attribute(member, kind)
        return {"attributes": attributes, "blocks": blocks}

    def _nested_block(self, member: Member, kind: str) -> Json:
        mode, most = self._nesting(member, kind)
        base = _base(member.nested)
        return {
            "mode": mode,
            "min": int(member.required),
            "max": most,
            "block": self._block(self._element(member), self.written.get(base, {})),
        }

    def _written_block(self, kind: str, value: str) -> Json:
        members = self.written[_base(value)].items()
        given = {"required": False, "optional": True, "computed": False}
        attributes = {name: {"type": _stored(inner, of), **given} for name, (_, inner, of) in members}
        return {"mode": kind, "min": 0, "max": 0, "block": {"attributes": attributes, "blocks": {}}}

    def _attribute(self, member: Member, kind: str) -> Json:
        given = {"required": member.required, "optional": member.optional, "computed": member.computed}
        if not member.nested:
            return {"type": member.type, **given}
        mode, _ = self._nesting(member, kind)
        inner = self._block(self._element(member), self.written.get(_base(member.nested), {}))
        # A block within an attribute is an attribute of the same shape.
        nested = dict(inner["attributes"])
        for name, block in inner["blocks"].items():
            nested[name] = {
                "nested": block["block"]["attributes"],
                "mode": block["mode"],
                "required": block["min"] > 0,
                "optional": block["min"] == 0,
                "computed": False,
            }
        return {"nested": nested, "mode": mode, **given}

    def _element(self, member: Member) -> str:
        name = member.nested
        if name.endswith(("List", "Map")) and self.classes[name][0] in ("ComplexList", "ComplexMap"):
            name = _base(name) + "OutputReference"
        return self.classes[name][1]

    def _nesting(self, member: Member, kind: str) -> tuple[str, int]:
        base, body = self.classes[member.nested]
        if base == "ComplexMap":
            return "map", 0
        if base == "ComplexList":
            return ("set" if member.wraps_set else "list"), 0
        found = _SUPER.search(body)
        if found is None:
            raise SystemExit(f"{member.nested}: no constructor that says how it is nested")
        if found[2] is None:
            return "single", 1
        return ("set" if found[1] == "true" else "list"), 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One argument or computed value of a class; `nested` names the class of its value, blank if it is plain."""

    name: str
    computed: bool
    optional: bool
    required: bool
    type: Any = None
    nested: str = ""
    wraps_set: bool = False


def _base(name: str) -> str:
    return name.removesuffix("OutputReference").removesuffix("List").removesuffix("Map")


def _written(body: str) -> Written:
    return {name: (block == "true", kind, value) for name, block, kind, value in _ATTRIBUTE.findall(body)}


def _stored(kind: str, value: str) -> Any:
    if kind in ("list", "set", "map"):
        return [kind, _STORED[value.removesuffix("List").removesuffix("Map")]]
    return _STORED[value]


def _members(body: str) -> Iterator[Member]:
    for name, computed, optional, required, code in _MEMBER.findall(body):
        given = {"computed": computed == "true", "optional": optional == "true", "required": required == "true"}
        if found := _MAPS.search(code):
            kind = _TYPES[found[1]]
            yield Member(name=name, type=["list", kind] if found[2] else kind, **given)
        elif found := _NESTED.search(code):
            yield Member(name=name, nested=found[1], wraps_set=found[3] == "true", **given)
        elif found := _PLAIN.search(code):
            kind = _TYPES[found[1]]
            if "Fn.tolist(" in code and isinstance(kind, list):
                kind = ["set", *kind[1:]]
            yield Member(name=name, type=kind, **given)
        elif _INTERPOLATED.search(code):
            yield Member(name=name, type="dynamic", **given)
        elif re.search(r"return this\._\w+;", code):
            yield Member(name=name, **given)
        else:
            raise SystemExit(f"{name}: its getter is of a kind that is not known:\n{code[:400]}")


def used(directories: Iterable[Path]) -> set[tuple[str, str]]:
    """Give pairs of `resource` or `data` and a type's name, as the configuration names them."""
    return {
        pair
        for directory in directories
        for path in directory.rglob("*.tf")
        if ".terraform" not in path.parts
        for pair in _USED.findall(path.read_text())
    }


def folder(kind: str, name: str) -> str:
    """Give the folder in the package that holds a type."""
    bare = name.removeprefix("aws_").replace("_", "-")
    return f"data-aws-{bare}" if kind == "data" else bare


def read(wheel: Path, wanted: set[tuple[str, str]]) -> Json:
    """Read the wanted types and the provider; `unknown` lists those that the wheel does not have."""
    twins = {_SAME[pair][1] for pair in wanted & _SAME.keys()}
    folders = {f"package/lib/{folder(*pair)}": pair for pair in wanted | twins}
    folders["package/lib/provider"] = ("provider", "aws")
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        version = _VERSION.search(archive.read(metadata).decode())
        packed = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        texts = _texts(archive.read(packed), folders)
    result: Json = {"version": version[1] if version else "", "resource": {}, "data": {}}
    result["unknown"] = sorted(" ".join(pair) for place, pair in folders.items() if place not in texts)
    for place, text in texts.items():
        kind, name = folders[place]
        result.setdefault(kind, {})[name] = Module(text).schema()
    result["provider"] = result["provider"]["aws"]
    for pair in wanted & _SAME.keys():
        (outer, inner), (kind, twin), name = _SAME[pair]
        block = result[pair[0]][pair[1]]["blocks"][outer]["block"]
        del block["attributes"][inner]
        block["blocks"][inner] = result[kind][twin]["blocks"][name] | {"max": 1}
    return result


def _texts(package: bytes, folders: Iterable[str]) -> dict[str, str]:
    """Give all generated code of each folder: large types have their classes in files beside the main one."""
    parts: dict[str, list[str]] = {}
    with tarfile.open(fileobj=io.BytesIO(package)) as opened:
        for entry in opened:
            place = "/".join(entry.name.split("/")[:3])
            if place in folders and entry.name.endswith(".js"):
                file = opened.extractfile(entry)
                parts.setdefault(place, []).append(file.read().decode() if file else "")
    return {place: "\n".join(texts) for place, texts in parts.items()}


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--for", dest="directories", type=Path, nargs="+", required=True)
    chosen = parser.parse_args()
    schema = read(chosen.wheel, used(chosen.directories))
    if schema["unknown"]:
        sys.exit(f"the provider {schema['version']} has no {', '.join(schema['unknown'])}")
    json.dump(schema, sys.stdout, indent=1, sort_keys=True)


if __name__ == "__main__":
    main()
