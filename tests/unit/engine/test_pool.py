"""So many work, so many wait, the rest are refused; and a thread's place is free when the thread has ended."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest

from imgproxy_py.engine.cost import Priced
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.pool import Pool
from imgproxy_py.errors import DeadlineExceeded, Overloaded
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
    await asyncio.sleep(0.05)
    for gate in gates:
        gate.open.set()
    assert (await third)[1] >= 45
    assert all(waited < 45 for _, waited in await asyncio.gather(*tasks))


async def test_one_more_than_work_and_wait_is_refused_at_once(pool: Pool) -> None:
    gates = [Gate() for _ in range(4)]
    tasks = [asyncio.create_task(entered(pool, gate)) for gate in gates]
    await asyncio.sleep(0)
    started = time.perf_counter()
    with pytest.raises(Overloaded, match="2 are worked on and 2 wait"):
        pool.admit()
    assert time.perf_counter() - started < 0.1
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
            transformer().transform(data, recipe_of(options), interrupt)
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
    assert time.perf_counter() - left_at < 2
    assert len(outcome) == 1
