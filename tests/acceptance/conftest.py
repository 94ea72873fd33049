"""What most acceptance tests talk to: a running service, a folder of originals, an origin on the web."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.origin import Origin
from tests.acceptance.service import Service, serving


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The originals that `service` finds at `local:///` and `/images/`."""
    return tmp_path_factory.mktemp("originals")


@pytest.fixture(scope="session")
def service(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for tests that need nothing special; it tells sizes and reads from this host."""
    settings = {
        "local_filesystem_root": str(folder),
        "images_source": "local:///",
        "allow_loopback_source_addresses": "true",
        "allow_security_options": "true",
        "enable_debug_headers": "true",
        "download_timeout": "2",
    }
    with serving(tmp_path_factory.mktemp("service"), **settings) as running:
        yield running


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as one:
        yield one
