"""Every test of settings begins with an environment that sets none."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("IMGPROXY_")]:
        monkeypatch.delenv(name)
