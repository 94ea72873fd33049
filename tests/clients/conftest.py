"""Servers of the same originals, for all that the JavaScript client asks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.service import serving
from tests.clients import originals
from tests.clients.asking import Server


@pytest.fixture(scope="session")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return originals.fill(tmp_path_factory.mktemp("originals"))


@pytest.fixture(scope="session")
def lenient(
    settings: dict[str, str], threads: ThreadPoolExecutor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that permits every option."""
    permissions = {"allow_security_options": "true", "allow_bypass_cache": "true"}
    with serving(tmp_path_factory.mktemp("lenient"), **settings, **permissions) as running:
        yield Server(running.port, threads)


@pytest.fixture(scope="session")
def strict(
    settings: dict[str, str], threads: ThreadPoolExecutor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that permits no option that needs permission."""
    with serving(tmp_path_factory.mktemp("strict"), **settings) as running:
        yield Server(running.port, threads)


@pytest.fixture(scope="session")
def presets_only(
    settings: dict[str, str], threads: ThreadPoolExecutor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server whose URLs name presets and nothing else."""
    with serving(tmp_path_factory.mktemp("presets"), **settings, only_presets="true") as running:
        yield Server(running.port, threads)
