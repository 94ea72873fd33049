"""Compiles the engine's native part when the package is built or installed from its folder.

Without a C compiler the package works too, only slower; BUILD_NATIVE=1 makes that an error, 0 leaves it out.
"""

from __future__ import annotations

import os
import runpy
import shlex
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("imgproxy_py/engine/native")
FLAGS = ("-std=c11", "-O3", "-fPIC", "-shared", "-fno-strict-overflow", "-Wall", "-Wextra")


class NativeBuildHook(BuildHookInterface[Any]):
    """Puts the compiled part beside its sources, and into the wheel, which then is for this platform, and any Python 3."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; `version` and `build_data` are hatchling's."""
        wanted = os.environ.get("BUILD_NATIVE", "")
        if self.target_name != "wheel" or wanted == "0":
            return
        try:
            made = compiled(Path(self.root) / FOLDER)
        except (OSError, subprocess.CalledProcessError) as error:
            if wanted == "1":
                raise
            self.app.display_warning(f"The native part was not compiled, JPEGs and profiles will take longer: {error}")
            return
        build_data["artifacts"].append(f"{FOLDER}/{made.name}")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def compiled(folder: Path) -> Path:
    """Compile the C files of a folder into one shared library there, by `CC` (else `cc`) with `CFLAGS`."""
    made = folder / runpy.run_path(str(folder / "__init__.py"))["file_name"]()
    new = made.with_suffix(".new")
    compiler, flags = shlex.split(os.environ.get("CC", "cc")), shlex.split(os.environ.get("CFLAGS", ""))
    sources = sorted(map(str, folder.glob("*.c")))
    subprocess.run([*compiler, *FLAGS, *flags, "-o", str(new), *sources], check=True)  # noqa: S603 -- our own sources
    for former in folder.glob("*.so"):
        former.unlink()
    return new.replace(made)
