"""Every test of the command line begins with an environment that sets nothing."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from imgproxy_py.cli import app


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("IMGPROXY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TERMINAL_WIDTH", "100")


@pytest.fixture
def run() -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return run
