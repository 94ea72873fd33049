"""Thousands at once are begun a few at a time, so that others are heard in between."""

from __future__ import annotations

import asyncio

from imgproxy_py.delivery.rounds import Rounds


async def test_one_alone_goes_on_at_once() -> None:
    rounds = Rounds(2)
    join = rounds.join()
    try:
        join.send(None)
    except StopIteration:
        return
    raise AssertionError("it waited")


async def test_a_few_are_begun_in_each_round_in_their_order() -> None:
    rounds, begun, seen = Rounds(3), [], []

    async def one(number: int) -> None:
        await rounds.join()
        begun.append(number)

    tasks = [asyncio.create_task(one(number)) for number in range(20)]
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


async def test_somebody_else_is_heard_before_the_last_has_begun() -> None:
    rounds, order = Rounds(2), []

    async def one() -> None:
        await rounds.join()
        order.append("begun")

    tasks = [asyncio.create_task(one()) for _ in range(100)]
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(order.append, "else")
    await asyncio.gather(*tasks)
    assert order.index("else") < 10


async def test_who_left_takes_no_turn_from_others() -> None:
    rounds, begun = Rounds(1), []

    async def one(number: int) -> None:
        await rounds.join()
        begun.append(number)

    tasks = [asyncio.create_task(one(number)) for number in range(6)]
    await asyncio.sleep(0)
    for leaving in (2, 3):
        tasks[leaving].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert begun == [0, 1, 4, 5]
    assert not rounds.waiting
