"""A process that serves may open what its operator allows, and its event loop is not kept waiting."""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
from collections.abc import Iterator

import pytest

from imgproxy_py.web import tuning
from imgproxy_py.web.traffic import Traffic
from imgproxy_py.web.tuning import CALM, SWITCH_SECONDS, collect_in_calm, settle, tune


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    limits, interval = resource.getrlimit(resource.RLIMIT_NOFILE), sys.getswitchinterval()
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    sys.setswitchinterval(interval)


def test_as_many_files_may_be_open_as_the_operator_allows() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
    tune()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)


def test_threads_take_turns_often() -> None:
    tune()
    assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)


def test_what_was_there_when_a_process_got_ready_is_not_looked_through_again() -> None:
    gc.unfreeze()
    settle()
    assert gc.get_freeze_count() > 10_000
    assert len(gc.get_objects()) < 10_000


def test_all_objects_are_looked_through_by_themselves_seldom_only() -> None:
    tune()
    young, middle, old = gc.get_threshold()
    assert young * middle * old > 50 * 700 * 10 * 10, "Python's own"


async def full_collections(connections: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Give how often all objects were looked through while so many were connected and garbage was there to be found."""
    monkeypatch.setattr(tuning, "LOOK_SECONDS", 0.01)
    gc.set_threshold(1, 1, 10**6)
    seen = 0

    def count(phase: str, info: dict[str, int]) -> None:
        nonlocal seen
        seen += phase == "stop" and info["generation"] == 2

    gc.callbacks.append(count)
    collecting = asyncio.create_task(collect_in_calm(Traffic(connections=connections)))
    try:
        for _ in range(30):
            kept = [[] for _ in range(20)]
            await asyncio.sleep(0.01)
        assert kept
    finally:
        collecting.cancel()
        gc.callbacks.remove(count)
    return seen


async def test_garbage_is_looked_for_while_few_are_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await full_collections(CALM - 1, monkeypatch) > 0


async def test_a_crowd_is_not_kept_waiting_for_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await full_collections(CALM, monkeypatch) == 0
