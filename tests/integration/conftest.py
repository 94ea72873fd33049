"""Integration tests run on the event loop of production; what depends on its sockets most runs on asyncio's as well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

_ON_BOTH = frozenset({"test_http_source"})


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"uvloop": uvloop.new_event_loop}
    return factories | ({"asyncio": asyncio.new_event_loop} if item.path.stem in _ON_BOTH else {})
