"""Thousands at once are begun a few at a time, so that others are heard in between."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from imgproxy_py.web.rounds import LONG, Rounds, woken


@pytest.fixture
def begun() -> list[int]:
    return []


async def begin(rounds: Rounds, number: int, begun: list[int]) -> None:
    if not rounds.join():
        turn = asyncio.get_running_loop().create_future()
        rounds.wait(partial(woken, turn))
        await turn
    begun.append(number)


async def test_a_few_are_begun_in_each_round_in_their_order(begun: list[int]) -> None:
    rounds, seen = Rounds(3), []
    tasks = [asyncio.create_task(begin(rounds, number, begun)) for number in range(20)]
    while len(begun) < 20:
        before = len(begun)
        await asyncio.sleep(0)
        seen.append(len(begun) - before)
    assert begun == list(range(20))
    assert max(seen) <= 3
    await asyncio.gather(*tasks)
    for _ in range(3):
        await asyncio.sleep(0)
    assert not rounds._running


async def test_somebody_else_is_heard_before_the_last_has_begun(begun: list[int]) -> None:
    rounds, heard = Rounds(2), []
    tasks = [asyncio.create_task(begin(rounds, number, begun)) for number in range(100)]
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(lambda: heard.append(len(begun)))
    await asyncio.gather(*tasks)
    assert heard[0] < 10


async def test_who_left_takes_no_turn_from_others(begun: list[int]) -> None:
    rounds = Rounds(1)
    tasks = [asyncio.create_task(begin(rounds, number, begun)) for number in range(6)]
    await asyncio.sleep(0)
    for leaving in (2, 3):
        tasks[leaving].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert begun == [0, 1, 4, 5]
    assert not rounds.waiting


class Busy:
    """An event loop's clock whose rounds take so many seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def begins(self, rounds: Rounds, seconds: float) -> list[int]:
        """Give how many of a hundred are begun in each round."""
        begun: list[int] = []
        tasks = [asyncio.create_task(begin(rounds, number, begun)) for number in range(100)]
        seen = []
        while len(begun) < 100:
            before = len(begun)
            self.now += seconds
            await asyncio.sleep(0)
            seen.append(len(begun) - before)
        await asyncio.gather(*tasks)
        return seen


async def test_in_rounds_that_take_long_fewer_are_begun_though_never_none() -> None:
    busy = Busy()
    seen = await busy.begins(Rounds(8, least=2, clock=busy), 2 * LONG)
    assert set(seen[5:-1]) == {2}


async def test_in_rounds_that_are_short_as_many_are_begun_as_may_be() -> None:
    busy = Busy()
    seen = await busy.begins(Rounds(8, least=2, clock=busy), LONG / 2)
    assert set(seen[2:-1]) == {8}


async def test_when_rounds_are_short_again_more_are_begun_again() -> None:
    busy = Busy()
    rounds = Rounds(8, clock=busy)
    await busy.begins(rounds, 2 * LONG)
    seen = await busy.begins(rounds, LONG / 2)
    assert (seen[2] < 8, seen[-2]) == (True, 8)


async def test_what_happened_between_two_crowds_says_nothing_of_rounds() -> None:
    busy = Busy()
    rounds = Rounds(8, clock=busy)
    for _ in range(3):
        seen = await busy.begins(rounds, LONG / 2)
        assert set(seen[2:-1]) == {8}
        busy.now += 100 * LONG
