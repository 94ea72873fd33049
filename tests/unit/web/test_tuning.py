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
from imgproxy_py.web.tuning import CALM, SWITCH_SECONDS, collect, settle, tune


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


async def collections(
    connections: int, monkeypatch: pytest.MonkeyPatch, *, in_flight: int = 0, kept: int = 20, enough: int = 100
) -> list[tuple[int, int]]:
    """Give generation and found garbage of each collection while so many were connected and objects came and stayed."""
    monkeypatch.setattr(tuning, "YOUNG_SECONDS", 0.002)
    monkeypatch.setattr(tuning, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(tuning, "ENOUGH", enough)
    tune()
    gc.collect()
    seen = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            seen.append((info["generation"], info["collected"]))

    gc.callbacks.append(note)
    collecting = asyncio.create_task(collect(Traffic(in_flight, connections)))
    stays: list[list[object]] = []
    try:
        for _ in range(30):
            stays += [[] for _ in range(kept)]
            circle: list[object] = []
            circle.append(circle)
            del circle
            await asyncio.sleep(0.005)
    finally:
        collecting.cancel()
        gc.callbacks.remove(note)
    return seen


async def test_all_are_looked_through_while_few_are_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2 in dict(await collections(CALM - 1, monkeypatch))


async def test_a_crowd_is_not_kept_waiting_for_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2 not in dict(await collections(CALM, monkeypatch))


async def test_too_much_that_is_new_is_looked_through_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "TOO_MANY", 1000)
    assert 2 in dict(await collections(CALM, monkeypatch, kept=100))


async def test_who_is_being_answered_is_not_kept_waiting_for_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2 not in dict(await collections(1, monkeypatch, in_flight=1))


async def test_where_somebody_is_always_being_answered_garbage_is_looked_for_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tuning, "LATEST_SECONDS", 0.05)
    assert 2 in dict(await collections(1, monkeypatch, in_flight=1))


async def test_without_much_that_is_new_all_are_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2 not in dict(await collections(0, monkeypatch, enough=10**9))


async def test_garbage_is_found_among_what_is_new_however_little_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = await collections(CALM, monkeypatch, kept=0)
    assert {0, 1} == set(dict(seen))
    assert sum(found for _, found in seen) >= 3
