"""thumbor, from PyPI, in an environment of its own: signed URLs, its own defaults, a process a CPU."""

from __future__ import annotations

import hmac
import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers import CannotRun, Server, Wanted
from benchmarks.processes import HOST, free_port, running, wait_for

_REQUIREMENTS = Path(__file__).with_name("thumbor.txt")
_KEY = "a key for measuring"
_CONFIGURATION = """\
SECURITY_KEY = {key!r}
ALLOW_UNSAFE_URL = False
LOADER = "thumbor.loaders.file_loader"
FILE_LOADER_ROOT_PATH = {pictures!r}
STORAGE = "thumbor.storages.no_storage"
RESULT_STORAGE = {results}
RESULT_STORAGE_FILE_STORAGE_ROOT_PATH = {work!r}
"""


class Thumbor:
    """thumbor, installed into a folder."""

    name = "thumbor"
    keeps = True
    takes_quality = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def prepare(self) -> str:
        python = self._folder / "bin" / "python"
        if not python.exists():
            _run(sys.executable, "-m", "venv", str(self._folder))
        _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(_REQUIREMENTS))
        versions = _run(
            str(python),
            "-c",
            'from importlib.metadata import version as v; print(f\'thumbor {v("thumbor")}, Pillow {v("pillow")}\')',
        )
        return f"{versions}, {_processes()} processes"

    @contextmanager
    def serving(self, pictures: Path, work: Path, *, keeps: bool) -> Iterator[Server]:
        port = free_port()
        log, configuration = work / f"thumbor-{port}.log", work / f"thumbor-{port}.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                key=_KEY,
                pictures=str(pictures.resolve()),
                results="'thumbor.result_storages.file_storage'" if keeps else None,
                work=str(work / f"thumbor-{port}"),
            )
        )
        command = [str(self._folder / "bin" / "thumbor"), "--ip", HOST, "--port", str(port), "--conf"]
        with running([*command, str(configuration), "--processes", str(_processes())], log, {}) as process:
            wait_for(process, port, log)
            yield Server(name=self.name, host=HOST, port=port, pid=process.pid, target=target)


def target(wanted: Wanted) -> str:
    """Give the signed target of a picture."""
    quality = "" if wanted.quality is None else f":quality({wanted.quality})"
    path = f"{wanted.width}x{wanted.height}/filters:format({wanted.format}){quality}/{wanted.source}"
    digest = hmac.digest(_KEY.encode(), path.encode(), "sha1")  # thumbor's signatures are SHA-1
    return f"/{urlsafe_b64encode(digest).decode()}/{path}"


def _processes() -> int:
    return os.cpu_count() or 1


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotRun(f"{command[0]}: {getattr(error, 'stderr', '') or error}"[-300:].strip()) from error
    return done.stdout.strip()
