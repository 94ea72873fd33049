"""How fast it goes, and how long one waits."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from imgproxy_py.warming.pace import LONGEST_REST, Pace, pause, retry_after

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 7 ", 7),
        ("100000", LONGEST_REST),
        ("9" * 5000, LONGEST_REST),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30),
        ("Sat, 21 Nov 2026 11:59:00 GMT", 0),
        ("Sat, 21 Nov 2026 12:00:05 -0000", 5),
        ("", 0),
        ("soon", 0),
        ("-1", 0),
        ("1.5", 0),
        ("²", 0),
    ],
)
def test_a_rest_is_asked_for_in_seconds_or_by_a_date(value: str, seconds: float) -> None:
    assert retry_after(value, NOW) == seconds


def test_pauses_double_up_to_half_a_minute() -> None:
    assert [pause(attempt, lambda low, high: high) for attempt in (1, 2, 3, 4, 10, 100)] == [1, 2, 4, 8, 30, 30]
    assert [pause(attempt, lambda low, high: low) for attempt in (1, 2)] == [0.5, 1]


async def test_so_many_begin_in_a_second() -> None:
    pace, loop = Pace(rate=50), asyncio.get_running_loop()
    started = loop.time()
    await asyncio.gather(*(pace.turn() for _ in range(11)))
    assert loop.time() - started >= 10 / 50


async def test_nobody_begins_during_a_rest_even_if_it_is_prolonged() -> None:
    pace, loop = Pace(), asyncio.get_running_loop()
    started = loop.time()
    pace.rest(0.05)
    waiting = asyncio.create_task(pace.turn())
    await asyncio.sleep(0.03)
    pace.rest(0.1)
    pace.rest(0.0)  # a shorter one changes nothing
    await waiting
    assert loop.time() - started >= 0.13
