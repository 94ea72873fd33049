"""The server that is measured: the real command, signatures, a log file and metrics on."""

from __future__ import annotations

import hmac
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import HOST, cpu_seconds, free_port, get, running, wait_for

_KEY, _SALT = b"a key for measuring", b"a salt for measuring"
_COMMAND = str(Path(sys.executable).with_name("imgproxy-py"))


@dataclass(frozen=True, slots=True)
class Service:
    """A running server."""

    pid: int
    port: int

    def cpu(self) -> float:
        """Give the CPU seconds it has used."""
        return cpu_seconds(self.pid)


@contextmanager
def serving(pictures: Path, work: Path, settings: Mapping[str, str]) -> Iterator[Service]:
    """Serve a folder of pictures, with these settings beside those that are always on."""
    port = free_port()
    environment = {
        "IMGPROXY_BIND": f"{HOST}:{port}",
        "IMGPROXY_KEY": _KEY.hex(),
        "IMGPROXY_SALT": _SALT.hex(),
        "IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(pictures.resolve()),
        "IMGPROXY_PROMETHEUS_BIND": f"{HOST}:{free_port()}",
        **settings,
    }
    log = work / f"server-{port}.log"
    with running([_COMMAND, "serve"], log, environment) as process:
        wait_for(process, port, log)
        get(port, "/health")  # a supervisor listens before there is anybody to answer
        yield Service(process.pid, port)


def signed(path: str) -> str:
    """Give a path of the imgproxy dialect with its signature before it."""
    digest = hmac.digest(_KEY, _SALT + path.encode(), "sha256")
    return f"/{urlsafe_b64encode(digest).rstrip(b'=').decode()}{path}"
