"""Builds the image without a container engine's daemon, runs it, fetches pictures from it, and looks at what is inside.

    try.py             build, write the bill of materials to var/sbom.cdx.json, and try; the last line says the sum
    try.py --keep      leave the image in the storage under var/image afterwards, and print how to run it
    try.py --again     try the image that --keep left, without building it anew
    try.py --sbom      build, and write the bill alone

Needs Linux, root, and Debian's debootstrap, buildah, podman, runc and catatonit, which it installs where it may. Leaves with 77
where they cannot be had. The base is made by debootstrap, because no registry of images may be within reach; images that
are published take Debian's own, see docs/container.md.
"""

# It runs programs and prints what they said.
# ruff: noqa: T201

from __future__ import annotations

import argparse
import sys

from building import clean, install_programs, leave, make_and_build
from contents import look_inside, write_sbom
from programs import IMAGE, LIMITS, PODMAN, ROOT, WORK, Wrong, podman
from service import try_it


def main() -> int:
    """Do what was asked for; give the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--keep", action="store_true")
    options.add_argument("--again", action="store_true")
    options.add_argument("--sbom", action="store_true")
    asked = options.parse_args()
    install_programs()
    if not asked.sbom and not (ROOT / ".venv/bin/python").exists():
        leave("not run: no .venv to judge pictures with; make setup")
    WORK.mkdir(parents=True, exist_ok=True)
    try:
        if not asked.again:
            make_and_build()
        (write_sbom if asked.sbom else judge_image)()
    except Wrong as error:
        print(f"FAILED: {error}")
        return 1
    finally:
        if asked.keep:
            print("the image is kept; run it with\n  " + " ".join((*PODMAN, "run", "--rm", *LIMITS, IMAGE)))
        else:
            clean()
    return 0


def judge_image() -> None:
    """Look inside, write the bill of materials, try it, and say the sum."""
    look_inside()
    write_sbom()
    summary = try_it()
    size = int(podman("image", "inspect", "--format", "{{.Size}}", IMAGE)) / 1e6
    print(f"built, run, fetched from: {size:.0f} MB; {summary}")


if __name__ == "__main__":
    sys.exit(main())
