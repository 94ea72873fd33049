from __future__ import annotations

import asyncio
import traceback

import pytest

from imgproxy_py.deadline import Deadline
from imgproxy_py.errors import BrokenImage, DeadlineExceeded
from imgproxy_py.rendering.flight import Flight
from tests.fakes import until


class Work:
    """Work that ends when told, and counts how often it was begun and stopped."""

    def __init__(self, trouble: BaseException | None = None) -> None:
        self.gate = asyncio.Event()
        self.trouble = trouble
        self.begun = 0
        self.stopped = 0

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        if self.trouble:
            raise self.trouble
        return number


@pytest.fixture
def flight() -> Flight[int]:
    return Flight()


def later() -> Deadline:
    return Deadline.after(10)


def joined(flight: Flight[int], work: Work, count: int, deadline: Deadline | None = None) -> list[asyncio.Task]:
    return [asyncio.create_task(flight.join("key", work, deadline or later())) for _ in range(count)]


async def test_a_thousand_who_ask_for_one_key_have_it_worked_on_once(flight):
    work = Work()
    tasks = joined(flight, work, 1000)
    await until(lambda: work.begun)
    assert repr(flight) == "<Flight 1 under way, 1000 waiting>"
    work.gate.set()
    results = await asyncio.gather(*tasks)
    assert work.begun == 1
    assert results == [(1, False)] + [(1, True)] * 999
    assert len(flight) == 0


async def test_different_keys_do_not_wait_for_each_other(flight):
    slow, quick = Work(), Work()
    task = asyncio.create_task(flight.join("slow", slow, later()))
    quick.gate.set()
    assert await flight.join("quick", quick, later()) == (1, False)
    assert len(flight) == 1
    slow.gate.set()
    await task
    assert len(flight) == 0


async def test_half_may_be_cancelled_and_the_others_get_the_result(flight):
    work = Work()
    tasks = joined(flight, work, 1000)
    await until(lambda: work.begun)
    for task in tasks[::2]:  # the one who started the work among them
        task.cancel()
    await asyncio.wait(tasks[::2])
    assert work.stopped == 0
    work.gate.set()
    assert await asyncio.gather(*tasks[1::2]) == [(1, True)] * 500
    assert all(task.cancelled() for task in tasks[::2])
    assert (work.begun, len(flight)) == (1, 0)


async def test_deadline_is_exceeded_for_those_alone_whose_time_is_up(flight):
    work = Work()
    hasty = joined(flight, work, 100, Deadline.after(0.02))
    patient = joined(flight, work, 100)
    results = await asyncio.gather(*hasty, return_exceptions=True)
    assert {type(one) for one in results} == {DeadlineExceeded}
    assert not any(task.done() for task in patient)
    work.gate.set()
    assert await asyncio.gather(*patient) == [(1, True)] * 100
    assert (work.begun, work.stopped, len(flight)) == (1, 0, 0)


async def test_one_whose_time_was_up_before_is_refused_and_nothing_goes_on(flight):
    work = Work()
    with pytest.raises(DeadlineExceeded):
        await flight.join("key", work, Deadline.after(-1))
    assert len(flight) == 0
    await asyncio.sleep(0)
    assert work.begun == work.stopped


@pytest.mark.parametrize("leaving", ["cancellation", "deadline"])
async def test_when_the_last_has_left_the_work_is_cancelled(flight, leaving):
    work = Work()
    tasks = joined(flight, work, 10, Deadline.after(0.02) if leaving == "deadline" else None)
    await until(lambda: work.begun)
    if leaving == "cancellation":
        for task in tasks:
            task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(one) for one in results} == {asyncio.CancelledError if leaving == "cancellation" else DeadlineExceeded}
    assert len(flight) == 0
    await until(lambda: work.stopped)


async def test_a_newcomer_does_not_join_work_that_is_being_stopped(flight):
    dying = asyncio.Event()

    async def dies_slowly() -> int:
        try:
            await asyncio.sleep(60)
        finally:
            await dying.wait()
        return 0

    first = asyncio.create_task(flight.join("key", dies_slowly, later()))
    await until(lambda: len(flight))
    first.cancel()
    await asyncio.wait([first])

    work = Work()
    work.gate.set()
    assert await flight.join("key", work, later()) == (1, False)

    second_work = Work()
    second = asyncio.create_task(flight.join("key", second_work, later()))
    await until(lambda: second_work.begun)
    dying.set()  # the end of the old work must not take the new one's place away
    await asyncio.sleep(0.005)
    assert len(flight) == 1
    second_work.gate.set()
    assert await second == (1, False)
    assert len(flight) == 0


async def test_one_who_comes_as_the_last_is_leaving_keeps_the_work_alive(flight):
    work = Work()
    (first,) = joined(flight, work, 1)
    await until(lambda: work.begun)
    first.cancel()
    (second,) = joined(flight, work, 1)  # joins before the cancellation has reached the first
    await asyncio.wait([first])
    work.gate.set()
    result, _ = await second
    assert result == work.begun
    assert len(flight) == 0


async def test_an_error_reaches_all_who_wait_and_is_not_remembered(flight):
    work = Work(BrokenImage("damaged"))
    tasks = joined(flight, work, 100)
    await until(lambda: work.begun)
    work.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {str(one) for one in results} == {"damaged"}
    assert len(flight) == 0
    work.trouble = None
    assert await flight.join("key", work, later()) == (2, False)


async def test_an_error_after_the_last_has_left_is_nobodys_and_makes_no_noise(flight):
    async def fails_when_stopped() -> int:
        try:
            await asyncio.sleep(60)
        finally:
            raise BrokenImage("on the way out")
        return 0

    (task,) = [asyncio.create_task(flight.join("key", fails_when_stopped, later()))]
    await until(lambda: len(flight))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert len(flight) == 0


@pytest.mark.parametrize("count", [1, 3])
async def test_a_time_out_of_the_work_itself_is_not_taken_for_a_deadline(flight, count):
    work = Work(TimeoutError("a peer was slow"))
    work.gate.set()
    results = await asyncio.gather(*joined(flight, work, count), return_exceptions=True)
    assert [str(one) for one in results] == ["a peer was slow"] * count


async def test_an_error_that_many_raise_does_not_carry_the_stacks_of_all(flight):
    work = Work(BrokenImage("damaged"))
    work.gate.set()
    results = await asyncio.gather(*joined(flight, work, 200), return_exceptions=True)
    assert len(list(traceback.walk_tb(results[-1].__traceback__))) < 10


async def test_work_that_ends_at_once_is_shared_by_those_who_came_before_it_ran(flight):
    work = Work()
    work.gate.set()
    assert await asyncio.gather(*joined(flight, work, 3)) == [(1, False), (1, True), (1, True)]
    assert await flight.join("key", work, later()) == (2, False)
    assert len(flight) == 0
