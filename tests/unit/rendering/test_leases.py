from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.errors import BrokenImage, CapacityError, Overloaded
from imgproxy_py.rendering.lease import Entry, Failure, LeaseSettings, State
from imgproxy_py.rendering.leases import Lease, Leases, OtherFailed
from imgproxy_py.rendering.watch import Verdict, Watch
from tests.fakes import FakeLeases, until

SECONDS = 0.8


class House:
    """Processes around one store of leases and one cache; `make` ends when the gate is open."""

    def __init__(self) -> None:
        self.store = FakeLeases()
        self.cache: dict[str, int] = {}
        self.gate = asyncio.Event()
        self.begun = 0
        self.trouble: BaseException | None = None
        self.keeps = True
        self.has_room = True
        self.processes: list[Leases] = []

    async def find(self) -> int | None:
        return self.cache.get("k")

    async def make(self, lease: Lease | None) -> int:
        self.begun += 1
        number = self.begun
        await self.gate.wait()
        if self.trouble:
            raise self.trouble
        if self.keeps:
            self.cache["k"] = number
        if lease:
            await (lease.kept() if self.keeps else lease.alone())
        return number

    def asks(self, process: int) -> asyncio.Task[int]:
        leases, room = self.processes[process], self.has_room
        work = leases.once("k", find=self.find, make=self.make, failure=passed_on, has_room=lambda: room)
        return asyncio.create_task(work)

    def total(self, name: str) -> int:
        return sum(getattr(one.stats, name) for one in self.processes)

    def idle(self) -> bool:
        return not any(map(len, self.processes)) and self.store.listeners == 0


def passed_on(error: BaseException) -> Failure | None:
    return Failure(error) if isinstance(error, BrokenImage) else None


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    async with AsyncExitStack() as stack:
        for _ in range(4):
            leases = Leases(house.store, LeaseSettings(lease_seconds=SECONDS))
            house.processes.append(await stack.enter_async_context(leases))
        yield house


async def test_of_four_processes_one_makes_and_the_others_find(house):
    tasks = [house.asks(number) for number in range(4)]
    await until(lambda: house.total("waited") == 3)
    assert sum(map(len, house.processes)) == 1
    house.gate.set()
    assert await asyncio.gather(*tasks) == [1] * 4
    assert (house.begun, house.total("taken"), house.total("taken_over")) == (1, 1, 0)
    await until(house.idle)


async def test_who_waits_is_told_and_need_not_look(house):
    tasks = [house.asks(number) for number in range(4)]
    await until(lambda: house.total("waited") == 3)
    house.gate.set()
    began = time.perf_counter()
    await asyncio.gather(*tasks)
    assert time.perf_counter() - began < 0.2  # each would look after 0.25


async def test_who_is_not_told_looks(house):
    house.store.mute = True
    tasks = [house.asks(number) for number in range(4)]
    await until(lambda: house.total("waited") == 3)
    house.gate.set()
    assert await asyncio.gather(*tasks) == [1] * 4
    assert house.begun == 1


async def test_who_looked_before_it_was_kept_and_asks_after_finds_it(house):
    house.gate.set()
    assert await house.asks(0) == 1
    assert await house.asks(1) == 1  # its own look-up had missed
    assert (house.begun, house.total("waited")) == (1, 0)


async def test_what_has_left_the_caches_is_made_again(house):
    house.gate.set()
    assert await house.asks(0) == 1
    house.cache.clear()
    assert await house.asks(1) == 2
    assert house.begun == 2


async def test_long_work_keeps_its_lease(house):
    tasks = [house.asks(number) for number in range(4)]
    await asyncio.sleep(SECONDS * 3)
    assert house.begun == 1
    house.gate.set()
    assert await asyncio.gather(*tasks) == [1] * 4
    assert (house.total("lost"), house.total("taken_over")) == (0, 0)


async def test_one_timer_renews_all_leases_and_only_what_takes_long(house):
    async def quick(lease: Lease | None) -> int:
        assert lease
        await lease.kept()
        return 1

    for number in range(50):
        await house.processes[0].once(str(number), find=house.find, make=quick, failure=passed_on)
    asked = house.store.asked
    await asyncio.sleep(SECONDS)
    assert (asked, house.store.asked) == (100, 100)
    assert house.processes[0]._timer is None

    long = [
        asyncio.create_task(house.processes[0].once(f"long {one}", find=house.find, make=house.make, failure=passed_on))
        for one in range(50)
    ]
    await asyncio.sleep(SECONDS * 2.5)
    assert len(house.processes[0]) == 50
    assert len(asyncio.all_tasks()) <= 60
    house.gate.set()
    await asyncio.gather(*long)
    assert house.total("lost") == 0


async def test_a_dead_processes_lease_is_taken_over_when_it_lapses(house):
    dead = Entry("d" * 16)
    await house.store.take("k", dead, SECONDS)
    house.gate.set()
    began = time.perf_counter()
    results = await asyncio.gather(*(house.asks(number) for number in range(4)))
    assert SECONDS * 0.9 <= time.perf_counter() - began < SECONDS + 0.7
    assert (results, house.begun, house.total("taken_over")) == ([1] * 4, 1, 1)


async def test_a_lease_that_a_wrong_clock_will_not_let_lapse_is_taken_over_all_the_same(house):
    house.store.stuck = True
    await house.store.take("k", Entry("d" * 16), SECONDS)
    house.gate.set()
    began = time.perf_counter()
    results = await asyncio.gather(*(house.asks(number) for number in range(4)))
    assert SECONDS * 0.9 <= time.perf_counter() - began < SECONDS + 0.7
    assert (results, house.begun) == ([1] * 4, 1)


async def test_who_takes_over_looks_whether_it_is_there(house):
    await house.store.take("k", Entry("d" * 16), 0.05)
    task = house.asks(0)
    house.cache["k"] = 77  # kept, and dead before it could tell
    assert await task == 77
    assert house.begun == 0
    await until(house.idle)


async def test_a_failure_that_others_would_meet_is_all_of_those_who_waited(house):
    tasks = [house.asks(number) for number in range(4)]
    await until(lambda: house.total("waited") == 3)
    house.trouble = BrokenImage("damaged", private="at byte 7")
    house.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sorted(type(one).__name__ for one in results) == ["BrokenImage"] + ["OtherFailed"] * 3
    told = next(one for one in results if isinstance(one, OtherFailed)).failure.error
    assert (type(told), told.detail, told.private) == (BrokenImage, "damaged", "at byte 7")
    assert house.begun == 1


async def test_who_comes_after_a_failure_tries_for_himself(house):
    house.trouble = BrokenImage("damaged")
    house.gate.set()
    with pytest.raises(BrokenImage):
        await house.asks(0)
    house.trouble = None
    await until(house.idle)
    assert await house.asks(1) == 2


async def test_after_a_failure_of_ones_own_the_others_try_one_at_a_time(house):
    house.trouble = Overloaded("full")
    tasks = [house.asks(number) for number in range(4)]
    await until(lambda: house.total("waited") == 3)
    at_work = []

    async def watched(lease: Lease | None) -> int:
        at_work.append(sum(map(len, house.processes)))
        await asyncio.sleep(0.01)
        raise Overloaded("full")

    house.make = watched
    house.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in results] == [Overloaded] * 4
    assert all(one == 1 for one in at_work)
    await until(house.idle)


async def test_when_the_maker_is_left_another_makes_it_at_once(house):
    first = house.asks(0)
    await until(lambda: house.begun == 1)
    second = house.asks(1)
    await until(lambda: house.total("waited") == 1)
    began = time.perf_counter()
    first.cancel()
    await until(lambda: house.begun == 2)
    assert time.perf_counter() - began < SECONDS / 2
    house.gate.set()
    assert await second == 2
    assert house.total("taken_over") == 1


async def test_who_leaves_while_he_asks_leaves_no_lease_behind(house):
    for ticks in range(6):
        task = house.asks(0)
        for _ in range(ticks):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await until(lambda: not house.processes[0]._tasks)
        entry = house.store.entries.get("k")
        assert entry is None or entry[0].state is State.FREE
    assert house.idle()


async def test_what_is_not_kept_each_makes_at_once(house):
    house.keeps = False
    tasks = [house.asks(number) for number in range(4)]
    await until(lambda: house.total("waited") == 3)
    house.gate.set()
    assert sorted(await asyncio.gather(*tasks)) == [1, 2, 3, 4]
    await until(house.idle)


async def test_without_a_store_each_makes_his_own_and_nobody_waits(house):
    house.store.trouble = CapacityError("lost")
    house.gate.set()
    assert sorted(await asyncio.gather(*(house.asks(number) for number in range(4)))) == [1, 2, 3, 4]
    assert (house.total("missed"), house.total("waited")) == (4, 0)


async def test_who_waits_as_the_store_is_lost_makes_his_own(house):
    tasks = [house.asks(number) for number in range(4)]
    await until(lambda: house.total("waited") == 3)
    house.store.trouble = CapacityError("lost")
    house.store.ring("k")
    await until(lambda: house.begun == 4)
    house.gate.set()
    assert sorted(await asyncio.gather(*tasks)) == [1, 2, 3, 4]
    await until(house.idle)


async def test_a_lost_lease_is_counted_and_the_work_goes_on(house, caplog):
    task = house.asks(0)
    await until(lambda: house.begun)
    house.store.entries.clear()
    await until(lambda: house.total("lost") == 1)
    house.gate.set()
    assert await task == 1
    assert house.total("lost") == 1
    await until(house.idle)


async def test_who_has_no_room_takes_no_lease(house):
    house.has_room, house.trouble = False, Overloaded()
    house.gate.set()
    with pytest.raises(Overloaded):
        await house.asks(0)
    assert (house.begun, house.total("taken"), house.store.entries) == (1, 0, {})


async def test_who_has_no_room_waits_for_what_another_makes(house):
    first = house.asks(0)
    await until(lambda: house.total("taken") == 1)
    house.has_room = False
    second = house.asks(1)
    await until(lambda: house.total("waited") == 1)
    house.gate.set()
    assert await asyncio.gather(first, second) == [1, 1]
    assert (house.begun, house.total("taken")) == (1, 1)


async def test_who_has_no_room_learns_of_a_store_out_of_order_by_being_refused(house):
    house.has_room, house.trouble, house.store.trouble = False, Overloaded(), CapacityError()
    house.gate.set()
    with pytest.raises(Overloaded):
        await house.asks(0)
    assert house.total("missed") == 1


async def test_what_is_held_at_the_end_is_given_back():
    store = FakeLeases()
    async with Leases(store, LeaseSettings(lease_seconds=5)) as leases:
        stays = asyncio.Event()

        async def make(_: Lease | None) -> int:
            await stays.wait()
            return 1

        async def find() -> int | None:
            return None

        task = asyncio.create_task(leases.once("k", find=find, make=make, failure=passed_on))
        await until(lambda: len(leases))
    assert store.entries["k"][0].state is State.FREE
    stays.set()
    await task


async def test_a_failure_keeps_nothing_alive(house):
    class Big:
        pass

    references: list[weakref.ref[Any]] = []

    async def make(lease: Lease | None) -> int:
        big = Big()
        references.append(weakref.ref(big))
        raise BrokenImage("damaged")

    gc.disable()
    try:
        house.make = make
        for number in range(2):
            with suppress(BrokenImage):
                await house.asks(number)
            await asyncio.sleep(0.001)  # the loop itself has the last error in its hands until its next turn
        await until(house.idle)
        assert [one() for one in references] == [None, None]
    finally:
        gc.enable()


# --- what is written, and what is made of it -------------------------------------------------------------------------


@given(st.text())
def test_any_text_is_an_entry_that_is_written_as_it_was(text):
    assert str(Entry.read(text)) == text


@given(st.text(alphabet="0123456789abcdef", min_size=16, max_size=16), st.sampled_from(State), st.text())
def test_an_entry_is_read_as_it_was_written(owner, state, text):
    entry = Entry(owner, state, text)
    assert Entry.read(str(entry)) == entry


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '["Unheard", "", "", 0, true]', '["BrokenImage"]', "{", '{"a": 1}', "[[],1,1,1,1]"]
)
def test_what_is_no_failure_is_none(text):
    assert Failure.read(text) is None


ME, YOU = "1" * 16, "2" * 16


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        ([(0, Entry(ME))], Verdict.WAIT),
        ([(0, Entry(ME)), (2.9, Entry(ME))], Verdict.WAIT),
        ([(0, Entry(ME)), (3, Entry(ME))], Verdict.TAKE_OVER),
        ([(0, Entry(ME)), (3, Entry(ME)), (3.1, Entry(ME))], Verdict.WAIT),
        ([(0, Entry(ME)), (2, Entry(ME, text="1")), (4, Entry(ME, text="1"))], Verdict.WAIT),
        ([(0, Entry(ME)), (2, Entry(YOU)), (4, Entry(YOU))], Verdict.WAIT),
        ([(0, Entry(ME)), (2, Entry(YOU)), (5, Entry(YOU))], Verdict.TAKE_OVER),
        ([(0, Entry(ME, State.KEPT))], Verdict.FIND),
        ([(0, Entry(ME, State.FAILED))], Verdict.TAKE_OVER),
        ([(0, Entry(ME)), (1, Entry(ME, State.FAILED))], Verdict.FAIL),
        ([(0, Entry(ME)), (1, Entry(YOU, State.FAILED))], Verdict.TAKE_OVER),
        ([(0, Entry(ME, State.ALONE))], Verdict.TAKE_OVER),
        ([(0, Entry(ME)), (1, Entry(ME, State.ALONE))], Verdict.WORK),
        ([(0, Entry(ME)), (1, Entry(ME, State.FREE))], Verdict.TAKE_OVER),
        ([(0, Entry.read("something else"))], Verdict.WAIT),
        ([(0, Entry.read("something else")), (3, Entry.read("something else"))], Verdict.TAKE_OVER),
    ],
)
def test_what_is_done_about_anothers_lease(seen, verdict):
    now = 0.0
    watch = Watch(3.0, lambda: now)
    for now, entry in seen:  # noqa: B007 — the watch's clock
        judged = watch.judge(entry)
    assert judged is verdict
