"""So many work, so many wait, the rest are refused; and a thread's place is free when the thread has ended."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from imgproxy_py.deadline import Deadline
from imgproxy_py.engine.cost import Priced
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.pool import Pool
from imgproxy_py.errors import DeadlineExceeded, Overloaded, TooLate
from tests import pictures
from tests.unit.engine.making import recipe_of, transformer


class Gate:
    """Work that tells when it has begun and waits until it may end, whoever asks it to stop."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.open = threading.Event()
        self.interrupt: Interrupt | None = None

    def __call__(self, interrupt: Interrupt) -> str:
        self.interrupt = interrupt
        self.begun.set()
        assert self.open.wait(10)
        return "done"


class Pixels:
    """What must not stay in memory."""


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    made = Pool(2, queue=2)
    yield made
    await asyncio.to_thread(made.close)


async def until(condition) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it did not come to pass")


async def entered(pool: Pool, work) -> tuple[str, float]:
    async with pool.admit() as admission:
        return await admission.run(lambda interrupt: Priced(1, lambda: work(interrupt)))


async def test_as_many_work_as_there_are_places_and_the_others_wait(pool: Pool) -> None:
    gates = [Gate() for _ in range(4)]
    tasks = [asyncio.create_task(entered(pool, gate)) for gate in gates]
    await until(lambda: gates[0].begun.is_set() and gates[1].begun.is_set())
    await asyncio.sleep(0.05)
    assert not gates[2].begun.is_set()
    assert (pool.inside, pool.working, pool.waiting) == (4, 2, 2)
    assert repr(pool) == "<Pool 2 of 2 places, 2 waiting>"
    for gate in gates:
        gate.open.set()
    assert [result for result, _ in await asyncio.gather(*tasks)] == ["done"] * 4
    assert (pool.inside, pool.working, pool.waiting) == (0, 0, 0)


async def test_the_work_of_all_is_done_by_as_many_threads_as_places(pool: Pool) -> None:
    async def one() -> str:
        return (await entered(pool, lambda _: time.sleep(0.01) or threading.current_thread().name))[0]

    names = [await asyncio.gather(*(one() for _ in range(4))) for _ in range(5)]
    assert len({name for group in names for name in group}) <= 2


async def test_those_who_wait_are_served_in_their_order(pool: Pool) -> None:
    blockers = [Gate(), Gate()]
    order: list[int] = []
    tasks = [asyncio.create_task(entered(pool, gate)) for gate in blockers]
    await until(lambda: all(gate.begun.is_set() for gate in blockers))
    for number in (1, 2):
        tasks.append(asyncio.create_task(entered(pool, lambda _, number=number: order.append(number))))
        await asyncio.sleep(0)
    blockers[0].open.set()
    await asyncio.wait(tasks[2:])
    blockers[1].open.set()
    await asyncio.gather(*tasks)
    assert order == [1, 2]


async def test_who_waited_is_told_how_long(pool: Pool) -> None:
    gates = [Gate(), Gate()]
    tasks = [asyncio.create_task(entered(pool, gate)) for gate in gates]
    await until(lambda: all(gate.begun.is_set() for gate in gates))
    third = asyncio.create_task(entered(pool, lambda _: None))
    await asyncio.sleep(0.2)
    for gate in gates:
        gate.open.set()
    assert (await third)[1] >= 190
    assert all(waited < 190 for _, waited in await asyncio.gather(*tasks))


async def test_one_more_than_work_and_wait_is_refused_at_once(pool: Pool) -> None:
    gates = [Gate() for _ in range(4)]
    tasks = [asyncio.create_task(entered(pool, gate)) for gate in gates]
    await asyncio.sleep(0)
    started = time.process_time()
    assert not pool.has_room(Deadline.after(5))
    with pytest.raises(Overloaded, match="2 are worked on and 2 wait"):
        pool.admit()
    assert time.process_time() - started < 0.1
    assert (pool.refused_full, pool.refused_late) == (1, 0)
    for gate in gates:
        gate.open.set()
    await asyncio.gather(*tasks)
    async with pool.admit():
        assert pool.inside == 1


async def test_who_is_inside_without_work_yet_counts(pool: Pool) -> None:
    async with pool.admit(), pool.admit(), pool.admit(), pool.admit():
        with pytest.raises(Overloaded):
            pool.admit()
    assert pool.inside == 0


async def test_a_queue_of_zero_has_no_end() -> None:
    pool = Pool(1)
    gate = Gate()
    tasks = [asyncio.create_task(entered(pool, gate)) for _ in range(50)]
    await until(lambda: pool.inside == 50)
    gate.open.set()
    await asyncio.gather(*tasks)
    assert (pool.inside, pool.refused_full) == (0, 0)
    await asyncio.to_thread(pool.close)


# Leaving early


async def test_a_place_is_taken_until_its_thread_has_ended(pool: Pool) -> None:
    gate = Gate()
    task = asyncio.create_task(entered(pool, gate))
    await until(gate.begun.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gate.interrupt is not None
    assert gate.interrupt.stopped
    assert (pool.inside, pool.working) == (1, 1)
    gate.open.set()
    await until(lambda: pool.inside == 0)
    assert pool.working == 0


async def test_a_timeout_is_a_cancellation(pool: Pool) -> None:
    gate = Gate()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await entered(pool, gate)
    assert (pool.inside, pool.working) == (1, 1)
    gate.open.set()
    await until(lambda: pool.inside == 0)


async def test_who_is_cancelled_while_waiting_never_works(pool: Pool) -> None:
    gates, late = [Gate(), Gate()], Gate()
    tasks = [asyncio.create_task(entered(pool, gate)) for gate in gates]
    await until(lambda: all(gate.begun.is_set() for gate in gates))
    waiting = asyncio.create_task(entered(pool, late))
    await until(lambda: pool.inside == 3)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert pool.inside == 2
    for gate in gates:
        gate.open.set()
    await asyncio.gather(*tasks)
    assert (await entered(pool, lambda _: "next"))[0] == "next"
    assert not late.begun.is_set()


async def test_an_error_frees_the_place(pool: Pool) -> None:
    def fails(_: Interrupt) -> None:
        raise ZeroDivisionError

    for _ in range(10):
        with pytest.raises(ZeroDivisionError):
            await entered(pool, fails)
    assert (pool.inside, pool.working) == (0, 0)


async def test_an_error_before_any_work_frees_the_place(pool: Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        async with pool.admit():
            raise ZeroDivisionError
    assert pool.inside == 0


async def test_an_error_after_the_caller_left_frees_the_place_in_silence(pool: Pool) -> None:
    gate = Gate()

    def fails(interrupt: Interrupt) -> None:
        gate(interrupt)
        raise ZeroDivisionError

    task = asyncio.create_task(entered(pool, fails))
    await until(gate.begun.is_set)
    task.cancel()
    await asyncio.wait([task])
    gate.open.set()
    await until(lambda: pool.inside == 0)


async def test_closing_waits_for_the_threads() -> None:
    pool, gate = Pool(1), Gate()
    task = asyncio.create_task(entered(pool, gate))
    await until(gate.begun.is_set)
    closing = asyncio.create_task(asyncio.to_thread(pool.close))
    await asyncio.sleep(0.05)
    assert not closing.done()
    gate.open.set()
    await closing
    assert (await task)[0] == "done"


# With libvips


@pytest.mark.parametrize(("options", "side"), [("bl:200/f:png", 3600), ("f:webp/q:100", 3600)])
async def test_cancelling_stops_libvips(pool: Pool, options: str, side: int) -> None:
    data = pictures.large_noise(side)
    outcome: list[BaseException] = []

    def work(interrupt: Interrupt) -> None:
        try:
            transformer(webp_effort=6).transform(data, recipe_of(options), interrupt)
        except DeadlineExceeded as error:
            outcome.append(error)
            raise

    task = asyncio.create_task(entered(pool, work))
    await asyncio.sleep(0.2)
    assert pool.working == 1, "the work is not slow enough for this test"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    left_at = time.perf_counter()
    await until(lambda: pool.inside == 0)
    assert time.perf_counter() - left_at < 5
    assert len(outcome) == 1


# By cost, in turns, in time


HUGE, SMALL = 1000.0, 1.0


async def priced(
    pool: Pool, cost: float, work: Callable[[Interrupt], str], client: str = "", seconds: float = 60.0
) -> tuple[str, float]:
    async with pool.admit(Deadline.after(seconds, client)) as admission:
        return await admission.run(lambda interrupt: Priced(cost, lambda: work(interrupt)))


def done(_: Interrupt) -> str:
    return "done"


async def test_small_work_is_not_stuck_behind_huge_work() -> None:
    pool, gates = Pool(3, huge=500), [Gate() for _ in range(5)]
    tasks = [asyncio.create_task(priced(pool, HUGE, gate)) for gate in gates]
    await until(lambda: pool.lanes.huge.running == 2 and len(pool.lanes.huge.line) == 3)
    for _ in range(20):
        assert (await priced(pool, SMALL, done))[0] == "done"
    assert [gate.begun.is_set() for gate in gates].count(True) == 2
    for gate in gates:
        gate.open.set()
    await asyncio.gather(*tasks)
    assert all(gate.begun.is_set() for gate in gates)
    assert (pool.inside, pool.working, pool.seats.taken) == (0, 0, 0)
    await asyncio.to_thread(pool.close)


async def test_with_one_place_huge_work_takes_it_in_turn_with_small_work() -> None:
    pool, gate, order = Pool(1, huge=500), Gate(), []
    blocker = asyncio.create_task(priced(pool, SMALL, gate))
    await until(gate.begun.is_set)
    tasks = [asyncio.create_task(priced(pool, HUGE, lambda _: order.append("huge") or "")) for _ in range(2)]
    tasks += [asyncio.create_task(priced(pool, SMALL, lambda _: order.append("small") or "")) for _ in range(20)]
    await until(lambda: pool.waiting == 22)
    gate.open.set()
    await asyncio.gather(blocker, *tasks)
    assert (order.count("huge"), order.count("small")) == (2, 20)
    first, second = (at for at, name in enumerate(order) if name == "huge")
    assert first < 20, "small work in plenty does not keep huge work out"
    assert second > first + 1, "nor huge work the small"
    await asyncio.to_thread(pool.close)


async def test_huge_work_that_finds_room_stays_in_its_thread() -> None:
    pool, threads = Pool(2, huge=500), []

    def begin(_: Interrupt) -> Priced[str]:
        threads.append(threading.get_ident())
        return Priced(HUGE, lambda: threads.append(threading.get_ident()) or "made")

    async with pool.admit() as admission:
        assert (await admission.run(begin))[0] == "made"
    assert threads[0] == threads[1]
    await asyncio.to_thread(pool.close)


async def test_huge_work_that_waits_has_no_seat() -> None:
    pool, gates = Pool(2, seats=2, huge=500), [Gate(), Gate()]
    tasks = [asyncio.create_task(priced(pool, HUGE, gate)) for gate in gates]
    await until(lambda: len(pool.lanes.huge.line) == 1)
    await until(lambda: pool.seats.taken == 0)
    assert pool.inside == 2
    for gate in gates:
        gate.open.set()
    await asyncio.gather(*tasks)
    assert (pool.inside, pool.seats.taken) == (0, 0)
    await asyncio.to_thread(pool.close)


async def test_one_who_leaves_the_lane_of_huge_work_is_never_worked_for() -> None:
    pool, gate, late = Pool(2, huge=500), Gate(), Gate()
    task = asyncio.create_task(priced(pool, HUGE, gate))
    await until(gate.begun.is_set)
    leaving = asyncio.create_task(priced(pool, HUGE, late))
    await until(lambda: len(pool.lanes.huge.line) == 1)
    leaving.cancel()
    await asyncio.wait([leaving])
    await until(lambda: pool.inside == 1)
    assert len(pool.lanes.huge.line) == 0
    gate.open.set()
    await task
    assert not late.begun.is_set()
    await asyncio.to_thread(pool.close)


async def test_one_clients_flood_does_not_delay_another() -> None:
    pool, gate, order = Pool(1, seats=4), Gate(), []
    blocker = asyncio.create_task(priced(pool, SMALL, gate))
    await until(gate.begun.is_set)

    def note(name: str) -> Callable[[Interrupt], str]:
        return lambda _: order.append(name) or ""

    flood = [asyncio.create_task(priced(pool, SMALL, note("flood"), "flood")) for _ in range(200)]
    await asyncio.sleep(0.01)
    guests = [asyncio.create_task(priced(pool, SMALL, note("guest"), f"guest {one}")) for one in range(3)]
    await asyncio.sleep(0.01)
    gate.open.set()
    await asyncio.gather(blocker, *flood, *guests)
    assert max(at for at, name in enumerate(order) if name == "guest") < 20
    await asyncio.to_thread(pool.close)


async def test_so_many_are_fetched_for_and_the_others_wait_before() -> None:
    pool, fetching, peak = Pool(1, seats=5), 0, 0

    async def one() -> None:
        nonlocal fetching, peak
        async with pool.admit() as admission:
            fetching += 1
            peak = max(peak, fetching)
            await asyncio.sleep(0.001)
            await admission.run(lambda _: Priced(1, lambda: "made"))
            fetching -= 1

    await asyncio.gather(*(one() for _ in range(100)))
    assert peak == 5
    assert (pool.inside, pool.seats.taken) == (0, 0)
    await asyncio.to_thread(pool.close)


def slowed(places: int, **given: Any) -> Pool:
    """A pool that has measured a second of work for each picture."""
    pool = Pool(places, **given)
    for _ in range(50):
        pool.rates.worked(100.0, 1.0)
        pool.rates.seat.add(1.0)
    return pool


async def test_who_would_be_served_too_late_is_refused_at_once_and_told_when_to_come() -> None:
    pool, gate = slowed(1, seats=2), Gate()
    tasks = [asyncio.create_task(priced(pool, SMALL, gate)) for _ in range(20)]
    await until(lambda: pool.inside == 20)
    assert (pool.has_room(Deadline.after(5)), pool.has_room(Deadline.after(60))) == (False, True)
    with pytest.raises(TooLate) as refused:
        pool.admit(Deadline.after(5))
    assert 8 <= refused.value.retry_after <= 30, "twenty of a second each, less five"
    assert (pool.refused_late, pool.refused_full) == (1, 0)
    pool.admit(Deadline.after(100))
    pool.admit(Deadline.after(5, "who has not asked for anything yet"))
    gate.open.set()
    await asyncio.gather(*tasks)
    await asyncio.to_thread(pool.close)


async def test_one_alone_is_never_refused_for_an_estimate() -> None:
    pool = slowed(1)
    assert (await priced(pool, HUGE, done, seconds=0.2))[0] == "done"
    await asyncio.to_thread(pool.close)


async def test_work_without_time_left_is_not_begun_when_its_turn_comes() -> None:
    pool, gate, late = Pool(1, seats=1), Gate(), Gate()
    task = asyncio.create_task(priced(pool, SMALL, gate))
    await until(gate.begun.is_set)
    waiting = asyncio.create_task(priced(pool, SMALL, late, seconds=0.4))
    await until(lambda: pool.inside == 2)
    await asyncio.sleep(0.5)
    gate.open.set()
    with pytest.raises(TooLate):
        await waiting
    await task
    assert not late.begun.is_set()
    assert (pool.inside, pool.seats.taken, pool.refused_late) == (0, 0, 1)
    await asyncio.to_thread(pool.close)


async def test_who_gets_up_without_work_says_nothing_of_how_long_a_seat_is_taken() -> None:
    pool, gate = Pool(1, seats=1), Gate()
    task = asyncio.create_task(priced(pool, SMALL, gate))
    await until(gate.begun.is_set)
    waiting = [asyncio.create_task(priced(pool, SMALL, done, seconds=5)) for _ in range(15)]
    await until(lambda: len(pool.seats.line) == 15)
    for _ in range(200):
        pool.rates.seat.add(20.0)
    await asyncio.sleep(0.2)
    gate.open.set()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(one, TooLate) for one in ended)
    assert pool.rates.seat.value > 18, "but for the one who worked"
    await task
    await asyncio.to_thread(pool.close)


async def test_huge_work_that_cannot_be_done_in_time_is_refused_when_that_is_known() -> None:
    pool, gate = slowed(2, huge=500), Gate()
    task = asyncio.create_task(priced(pool, 3000.0, gate))
    await until(gate.begun.is_set)
    with pytest.raises(TooLate):
        await priced(pool, HUGE, done, seconds=5)
    assert (await priced(pool, SMALL, done, seconds=5))[0] == "done"
    gate.open.set()
    await task
    assert (pool.inside, pool.working) == (0, 0)
    await asyncio.to_thread(pool.close)


async def test_a_full_queue_tells_when_to_come_back() -> None:
    pool, gate = slowed(1, queue=9, seats=2), Gate()
    tasks = [asyncio.create_task(priced(pool, SMALL, gate)) for _ in range(10)]
    await until(lambda: pool.inside == 10)
    with pytest.raises(Overloaded) as refused:
        pool.admit(Deadline.after(100))
    assert not isinstance(refused.value, TooLate)
    assert 5 <= refused.value.retry_after <= 20
    gate.open.set()
    await asyncio.gather(*tasks)
    await asyncio.to_thread(pool.close)


async def test_the_pace_of_work_is_measured(pool: Pool) -> None:
    for _ in range(40):
        await priced(pool, 10.0, lambda _: time.sleep(0.002) or "")
    assert 0.0002 <= pool.rates.pace.value <= 0.002
    assert pool.rates.cost.value == pytest.approx(10, rel=0.7)


@pytest.mark.parametrize("ends", ["as it is begun", "as it is finished", "too late for its lane"])
async def test_what_fails_leaves_nothing_for_the_garbage_collector(pool: Pool, ends: str) -> None:
    seen: list[weakref.ref[Pixels]] = []

    def begin(interrupt: Interrupt) -> Priced[None]:
        pixels = Pixels()
        seen.append(weakref.ref(pixels))

        def finish() -> None:
            raise ValueError(pixels)

        if ends == "as it is begun":
            raise ValueError(interrupt)
        return Priced(1e9 if ends == "too late for its lane" else 1.0, finish)

    async def fail() -> None:
        with pytest.raises((ValueError, TooLate)):
            async with pool.admit(Deadline.after(0.5)) as admission:
                await admission.run(begin)

    gc.disable()
    try:
        if ends == "too late for its lane":
            pool.lanes.huge.running, pool.lanes.huge.running_cost = pool.lanes.huge.places, 1e9
        await fail()
        await until(lambda: seen[0]() is None)
    finally:
        gc.enable()


async def test_work_whose_caller_has_left_leaves_nothing_for_the_garbage_collector(pool: Pool) -> None:
    begun, seen = threading.Event(), []

    def work(interrupt: Interrupt) -> str:
        pixels = Pixels()
        seen.append(weakref.ref(pixels))
        begun.set()
        while not interrupt.stopped:
            time.sleep(0.001)
        raise DeadlineExceeded(str(pixels))

    gc.disable()
    try:
        task = asyncio.create_task(entered(pool, work))
        await until(begun.is_set)
        task.cancel()
        await asyncio.wait([task])
        del task
        await until(lambda: seen[0]() is None and pool.inside == 0)
    finally:
        gc.enable()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness of their own")
async def test_threads_that_make_pictures_give_way_to_those_that_answer() -> None:
    pool = Pool(1, niceness=3)

    def niceness(_: Interrupt) -> str:
        return str(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert (await priced(pool, SMALL, niceness))[0] == str(min(19, ours + 3))
    assert os.getpriority(os.PRIO_PROCESS, 0) == ours
    await asyncio.to_thread(pool.close)
