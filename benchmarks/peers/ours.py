"""Our own server among the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks import service
from benchmarks.measures import OURS
from benchmarks.peers import Server, Wanted
from benchmarks.processes import HOST

NO_RESULTS = {"IMGPROXY_MEMORY_CACHE_BYTES": "0"}
"""No finished picture is kept."""

NOTHING_KEPT = NO_RESULTS | {"IMGPROXY_ORIGINALS_CACHE_BYTES": "0", "IMGPROXY_PIXELS_CACHE_BYTES": "0"}
"""And no request profits from another's original or pixels."""


@contextmanager
def serving(pictures: Path, work: Path, settings: Mapping[str, str], name: str = OURS) -> Iterator[Server]:
    """Serve a folder of pictures, with these settings beside those that are always on."""
    with service.serving(pictures, work, settings) as running:
        yield Server(name=name, host=HOST, port=running.port, pid=running.pid, target=target)


def target(wanted: Wanted) -> str:
    """Give the signed target of a picture."""
    quality = "" if wanted.quality is None else f"/q:{wanted.quality}"
    return service.signed(
        f"/rs:fit:{wanted.width}:{wanted.height}{quality}/plain/local:///{wanted.source}@{wanted.format}"
    )
