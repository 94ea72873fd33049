"""Puts together the bill of materials of an image: see deploy/sbom, which runs this."""

# ruff: noqa: S603, T201

from __future__ import annotations

import email
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

Entry = dict[str, Any]


def wheels(root: Path) -> Entry:
    """Have cyclonedx-py describe what is installed for Python.

    It asks an interpreter where that looks for packages. The image's may be for another architecture, and would look
    in this machine's folders, so a program of two lines answers in its place.
    """
    places = [str(path) for path in root.glob("opt/imgproxy-py/lib/python3*/site-packages")]
    if not places:
        sys.exit(f"{root} is no root file system of the image")
    with tempfile.TemporaryDirectory() as folder:
        answering = Path(folder, "python")
        answering.write_text(f"#!/bin/sh\nprintf %s {shlex.quote(json.dumps(places))}\n")
        answering.chmod(0o755)
        command = [
            sys.executable,
            "-m",
            "cyclonedx_py",
            "environment",
            "--spec-version",
            "1.6",
            "--output-reproducible",
        ]
        return dict(json.loads(subprocess.run([*command, str(answering)], check=True, capture_output=True).stdout))


def debian(root: Path) -> list[Entry]:
    """Describe Debian's packages."""
    release = dict(line.split("=", 1) for line in (root / "etc/os-release").read_text().splitlines() if "=" in line)
    distro = f"debian-{release['VERSION_ID'].strip(chr(34))}"
    components = []
    for path in sorted((root / "var/lib/dpkg/status.d").iterdir()):
        if path.suffix == ".md5sums":
            continue
        package = email.message_from_string(path.read_text())
        name, version, architecture = (package[field] for field in ("Package", "Version", "Architecture"))
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={architecture}&distro={distro}"
        components.append(
            {
                "bom-ref": purl,
                "type": "library",
                "name": name,
                "version": version,
                "description": package["Description"].partition("\n")[0],
                "supplier": {"name": package["Maintainer"]},
                "purl": purl,
            }
        )
    return components


def main(root: Path, output: Path) -> None:
    """Write the bill, and judge it by CycloneDX's schema."""
    bill = wheels(root)
    ours = next(one for one in bill["components"] if one["name"] == "imgproxy_py")
    bill["components"] = [one for one in bill["components"] if one is not ours]
    bill["metadata"]["component"] = {"bom-ref": ours["bom-ref"], "type": "container", "name": "imgproxy_py",
                                     "version": ours["version"], "licenses": ours["licenses"]}  # fmt: skip
    packages = debian(root)
    of_python = len(bill["components"])
    bill["components"] += packages
    text = json.dumps(bill, indent=1, sort_keys=True) + "\n"
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        sys.exit(f"not CycloneDX 1.6: {error}")
    if str(root) in text:
        sys.exit("the bill names a folder of this machine")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text)
    print(f"{output.name}: CycloneDX 1.6, {of_python} wheels and {len(packages)} packages of Debian; valid")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
