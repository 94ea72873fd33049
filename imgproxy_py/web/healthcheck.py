"""Asks this container's own service whether it lives: `python -m imgproxy_py.web.healthcheck`, for images' HEALTHCHECK.

It is asked every few seconds for as long as the service runs, so it imports next to nothing: 0.06 s of CPU, where the
command line with all its commands would take most of a second.
"""

from __future__ import annotations

import http.client
import os
import socket
import sys

from imgproxy_py.web.addresses import check_address

PATIENCE = 4.0
"""Seconds for an answer."""

_DEFAULT = ":8080"  # as in `ServerSettings`, which a test compares
_ANYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - replaced, not bound


def main() -> int:
    """Ask `/health` where `IMGPROXY_BIND` says; give the process' exit code."""
    connection = _connect(os.environ.get("IMGPROXY_BIND") or _DEFAULT)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        said = answer.read(200).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        sys.stdout.write(f"no answer: {error or type(error).__name__}\n")
        return 1
    finally:
        connection.close()
    sys.stdout.write(f"{answer.status} {said}\n")
    return 0 if answer.status == http.HTTPStatus.OK else 1


def _connect(bind: str) -> http.client.HTTPConnection:
    """Give a connection to where a service listens that was started with this address."""
    if bind.startswith("unix:"):
        return _UnixConnection(bind.removeprefix("unix:"))
    host, _, port = check_address(bind).rpartition(":")
    host = host.strip("[]")
    return http.client.HTTPConnection(_ANYWHERE.get(host, host), int(port), timeout=PATIENCE)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP on a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


if __name__ == "__main__":
    sys.exit(main())
