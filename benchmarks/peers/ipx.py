"""ipx on sharp, from npm, in a folder of its own, by its own command and with its own defaults."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers import CannotRun, Server, Wanted
from benchmarks.processes import HOST, free_port, running, wait_for

_LISTS = [Path(__file__).with_name(name) for name in ("package.json", "package-lock.json")]
_VERSIONS = """
const installed = (name) => require(`${process.cwd()}/node_modules/${name}/package.json`).version;
const { vips } = require("sharp").versions;
console.log(`ipx ${installed("ipx")}, sharp ${installed("sharp")}, libvips ${vips}, Node.js ${process.versions.node}`);
"""


class Ipx:
    """ipx, installed into a folder."""

    name = "ipx"
    keeps = False
    takes_quality = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def prepare(self) -> str:
        if shutil.which("npm") is None:
            raise CannotRun("Node.js and npm are not installed; `make servers` installs them")
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._installed():
            for file in _LISTS:
                shutil.copy(file, self._folder)
            self._run("npm", "ci", "--loglevel=error", "--no-audit", "--no-fund", "--ignore-scripts")
        return self._run("node", "-e", _VERSIONS)

    @contextmanager
    def serving(self, pictures: Path, work: Path, *, keeps: bool) -> Iterator[Server]:
        port = free_port()
        log = work / f"ipx-{port}.log"
        command = ["node", str(self._folder / "node_modules" / "ipx" / "bin" / "ipx.mjs"), "serve"]
        options = ["--dir", str(pictures.resolve()), "--host", HOST, "--port", str(port)]
        with running([*command, *options], log, {"NODE_ENV": "production"}) as process:
            wait_for(process, port, log)
            yield Server(name=self.name, host=HOST, port=port, pid=process.pid, target=target)

    def _installed(self) -> bool:
        copies = [self._folder / file.name for file in _LISTS]
        same = all(
            copy.exists() and copy.read_bytes() == file.read_bytes() for copy, file in zip(copies, _LISTS, strict=True)
        )
        return same and (self._folder / "node_modules" / "ipx").exists()

    def _run(self, *command: str) -> str:
        try:
            done = subprocess.run(command, cwd=self._folder, check=True, capture_output=True, text=True, timeout=600)
        except (OSError, subprocess.SubprocessError) as error:
            raise CannotRun(f"{command[0]}: {getattr(error, 'stderr', '') or error}"[-300:].strip()) from error
        return done.stdout.strip()


def target(wanted: Wanted) -> str:
    """Give the target of a picture."""
    quality = "" if wanted.quality is None else f",q_{wanted.quality}"
    return f"/s_{wanted.width}x{wanted.height},f_{wanted.format}{quality}/{wanted.source}"
