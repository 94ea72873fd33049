#!/usr/bin/env python3
"""Validates manifests: `deploy/validate.py FILE…`, with the environment in .venv-deploy.

Kubernetes' own objects are judged by the strict schemas of the last four minors that kubernetes-validate carries, custom
resources by the types that their projects' definitions were turned into (deploy/crds): TypeScript refuses fields that do
not exist, the validators values that do not fit. An object of a kind that nobody knows is an error.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from kubernetes_validate import utils

ROOT = Path(__file__).parents[1]
CRDS = ROOT / "deploy" / "crds"
MINORS = list(dict.fromkeys(utils.all_versions()))[-4:]
MISSING = 77

MODELS = {
    "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
    "keda.sh": "@kubernetes-models/keda",
    "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
}
"""Groups of custom resources, and the packages that have their types."""


def main() -> int:
    """Validate the files that are named; give the exit code."""
    utils.schema_contents = cache(utils.schema_contents)
    errors, customs = [], []
    for name in sys.argv[1:]:
        objects = [one for one in yaml.safe_load_all(Path(name).read_text()) if one]
        native = [one for one in objects if one["apiVersion"].partition("/")[0] not in MODELS]
        customs += [(name, one) for one in objects if one["apiVersion"].partition("/")[0] in MODELS]
        found = [error for one in native for minor in MINORS for error in _judge(one, minor)]
        errors += [f"{name}: {error}" for error in found]
        told = "wrong" if found else "valid for " + " ".join(minor.rpartition(".")[0] for minor in MINORS)
        print(f"{Path(name).stem:<20} {len(native):>3} objects {told}, {len(objects) - len(native)} custom resources")
    if customs:
        if not (CRDS / "node_modules").is_dir() or not shutil.which("node"):
            print("deploy/crds/node_modules or node is missing: run deploy/install-tools")
            return MISSING
        errors += _judge_customs(customs)
    print(*errors, sep="\n")
    kinds = ", ".join(sorted({one["kind"] for _, one in customs}))
    print(f"{len(customs)} custom resources ({kinds}) judged, {len(errors)} errors in all")
    return int(bool(errors))


def _judge(one: dict[str, Any], minor: str) -> list[str]:
    name = f"{one['kind']}/{one['metadata']['name']} for {minor}"
    try:
        kubernetes_validate.validate(one, minor, strict=True)
    except utils.ValidationError as error:
        return [f"{name}: {'.'.join(map(str, error.path))}: {error.message}"]
    except utils.SchemaNotFoundError as error:
        return [f"{name}: {error.message}"]
    return []


def _judge_customs(customs: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """Give what TypeScript and the validators have against custom resources."""
    folder = CRDS / "judged"  # beside node_modules, where imports are looked for
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    lines, checks = [], []
    for number, (name, one) in enumerate(customs):
        group, version = one["apiVersion"].split("/")
        module = f"{MODELS[group]}/{group}/{version}/{one['kind']}"
        text = json.dumps(one)
        lines.append(f"// {name}\nimport type {{ I{one['kind']} as T{number} }} from '{module}';")
        lines.append(f"export const c{number}: T{number} = {text};")
        checks.append(f"check({json.dumps(name)}, (await import('{module}')).{one['kind']}, {text});")
    (folder / "all.ts").write_text("\n".join(lines))
    (folder / "all.mjs").write_text(
        "let wrong = 0;\n"
        "function check(name, Kind, one) {\n"
        "  try { new Kind(one).validate(); }\n"
        "  catch (error) { wrong = 1; console.log(`${name}: ${one.kind}: ${error.message}`); }\n"
        "}\n" + "\n".join(checks) + "\nprocess.exitCode = wrong;\n"
    )
    options = "--noEmit --strict --skipLibCheck --module nodenext --moduleResolution nodenext --target es2022"
    typed = _run("node", "node_modules/typescript/bin/tsc", *options.split(), "judged/all.ts")
    valued = _run("node", "judged/all.mjs")
    shutil.rmtree(folder)
    return [*typed, *valued]


def _run(*command: str) -> list[str]:
    done = subprocess.run(command, cwd=CRDS, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).splitlines() if done.returncode else []


if __name__ == "__main__":
    sys.exit(main())
