"""Two instances of the service, and each edge in front of both."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import pictures
from tests.acceptance.origin import Origin
from tests.acceptance.service import Answer, Service, serving
from tests.cdn.edges import EDGES, SERVICE_SECRET, Edge, has_tools

KEY, SALT = b"a key of tests", b"a salt of tests"

SETTINGS = {
    "key": KEY.hex(),
    "salt": SALT.hex(),
    "secret": SERVICE_SECRET,
    "images_source": "local:///",
    "auto_avif": "true",
    "auto_webp": "true",
    "presets": "card=rs:fill:40:30",
    "cache_tag_headers": "xkey,Cache-Tag",
    "stale_while_revalidate": "2",
    "stale_if_error": "60",
    "allow_loopback_source_addresses": "true",
}


def signed(path: str) -> str:
    """A target of the imgproxy dialect."""
    return f"/{signature(path.encode())}{path}"


def asked_by_query(key: str, query: str) -> str:
    """A target of the query dialect, its parameters in the order given."""
    parameters = "&".join(sorted(query.split("&"), key=lambda one: one.partition("=")[0]))
    return f"/images/{key}?{query}&s={signature(f'/images/{key}?{parameters}'.encode())}"


def signature(text: bytes) -> str:
    return base64.urlsafe_b64encode(hmac.digest(KEY, SALT + text, hashlib.sha256)).decode().rstrip("=")


@dataclass
class Fleet:
    """The instances behind the edges and their folder of originals."""

    services: list[Service]
    folder: Path
    made: int = field(default=0)

    @property
    def ports(self) -> list[int]:
        return [one.port for one in self.services]

    def put(self, name: str = "", *, shade: int = 90) -> str:
        """Put an original and give its URL; a new name unless one is given."""
        self.made += 1
        name = name or f"original-{self.made}.png"
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pictures.png(pictures.solid(64, 48, (shade, 140, 200))))
        written = int(time.time()) - 1000 + self.made
        os.utime(path, (written, written))
        return f"local:///{name}"

    def asked(self, source: str) -> list[dict[str, object]]:
        """The lines of every request for pictures of an original that reached an instance so far."""
        for service in self.services:
            if service.process.poll() is None:
                service.line(service.get("/settled"))  # lines come in order: after this one no earlier is missing
        return [one for service in self.services for one in list(service.events) if one.get("source") == source]

    def straight(self, target: str, **headers: str) -> Answer:
        """Ask an instance without an edge."""
        return self.services[0].get(target, Authorization=f"Bearer {SERVICE_SECRET}", **headers)


@pytest.fixture(scope="session")
def tools() -> None:
    if not has_tools():
        pytest.skip("nginx and varnishd are not there; deploy/tools.d/cdn gets them")


@pytest.fixture(scope="session")
def fleet(tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("originals")
    directory = tmp_path_factory.mktemp("fleet")
    with ExitStack() as stack:
        settings = {**SETTINGS, "local_filesystem_root": str(folder)}
        services = [stack.enter_context(serving(directory, **settings)) for _ in range(2)]
        yield Fleet(services, folder)


@pytest.fixture(scope="session", params=EDGES)
def edge(request: pytest.FixtureRequest, fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with EDGES[request.param](tmp_path_factory.mktemp("edge"), fleet.ports) as one:
        yield one


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as one:
        yield one
