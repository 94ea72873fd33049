"""So many hold an original at once; the rest wait in turn, and a seat is never lost."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from imgproxy_py.engine.seats import EACH_ROUND, Seats


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def comes(seats: Seats, client: str, order: list[str]) -> asyncio.Task[None]:
    async def come() -> None:
        await seats.take(client, 1.0)
        order.append(client)

    return asyncio.create_task(come())


async def test_there_are_so_many_and_no_more() -> None:
    seats, order = Seats(2), []
    tasks = [comes(seats, "a", order) for _ in range(5)]
    await settle()
    assert (seats.taken, len(seats.line), len(order), seats.free) == (2, 3, 2, False)
    for _ in range(3):
        seats.give_back()
    await settle()
    assert (seats.taken, len(seats.line), len(order)) == (2, 0, 5)
    await asyncio.gather(*tasks)


async def test_clients_take_turns() -> None:
    seats, order = Seats(1), []
    tasks = [comes(seats, client, order) for client in ("a", "a", "a", "a", "b")]
    for _ in range(5):
        await settle()
        seats.give_back()
    await asyncio.gather(*tasks)
    assert order.index("b") <= 2


async def test_who_leaves_the_line_is_not_called() -> None:
    seats, order = Seats(1), []
    first, second, third = (comes(seats, client, order) for client in "abc")
    await settle()
    second.cancel()
    await asyncio.wait([second])
    seats.give_back()
    await asyncio.gather(first, third)
    assert (order, seats.taken) == (["a", "c"], 1)


@pytest.mark.parametrize("called_first", [True, False])
async def test_a_seat_is_not_lost_to_one_who_leaves_as_he_is_called(called_first: bool) -> None:
    seats, order = Seats(1), []
    first, second, third = (comes(seats, "a", order) for _ in range(3))
    await settle()
    if called_first:
        seats.give_back()
        second.cancel()
    else:
        second.cancel()
        seats.give_back()
    await asyncio.wait([second])
    await settle()
    assert (len(order), seats.taken, len(seats.line)) == (2, 1, 0)
    await asyncio.gather(first, third)


async def test_who_gets_up_as_he_sits_down_leaves_others_time_in_between() -> None:
    seats, seen = Seats(64), [0]
    order: list[str] = []
    for _ in range(64):
        await seats.take("a", 1.0)

    async def come_for_nothing() -> None:
        await seats.take("a", 1.0)
        order.append("a")
        seats.give_back()

    tasks = [asyncio.create_task(come_for_nothing()) for _ in range(300)]
    await settle()
    for _ in range(64):
        seats.give_back()
    while len(order) < 300:
        await asyncio.sleep(0)
        seen.append(len(order))
    assert max(after - before for before, after in pairwise(seen)) <= EACH_ROUND
    await asyncio.gather(*tasks)
    assert (seats.taken, len(seats.line), seats.free) == (0, 0, True)


async def test_somebody_who_waits_is_never_forgotten() -> None:
    seats, order = Seats(3 * EACH_ROUND), []
    tasks = [comes(seats, "a", order) for _ in range(6 * EACH_ROUND)]
    await settle()
    for _ in range(3 * EACH_ROUND):
        seats.give_back()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert (seats.taken, len(seats.line)) == (3 * EACH_ROUND, 0)
