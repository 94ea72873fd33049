"""Places among threads, shared out by cost: so many work, so many wait in turn, the rest are refused at once.

Whoever wants a picture made comes through three gates:

1. *In, or refused.* `Pool.admit` refuses one for whom there is no room in the queue, and one whom it expects to serve after
   his deadline, by what is before him and by the rates measured so far.
2. *A seat.* So many hold an original at once, whether it is being fetched, waits or is worked on. Before that there is a line
   in which clients take turns. So a flood starts no more fetches and fills no more memory than a busy hour.
3. *A place.* A thread reads the original's header, which gives the cost. Small work goes on in the same thread; huge work
   does as well if there is room in its lane, and otherwise gives the thread up and waits there, its seat free for others.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar
from weakref import ref

from imgproxy_py.deadline import Deadline
from imgproxy_py.engine.cost import Priced
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.lanes import Lanes
from imgproxy_py.engine.rates import Rates, retry_after
from imgproxy_py.engine.seats import Seats
from imgproxy_py.errors import DeadlineExceeded, Overloaded, TooLate

T = TypeVar("T")

HUGE = 400.0
"""From which cost on work is huge, in milliseconds, unless it is said otherwise."""
SEATS_A_PLACE = 16
"""How many hold an original for each place, unless it is said otherwise: sources are slower than threads."""

_NO_DEADLINE = Deadline(float("inf"))
_WAITED = 0.1
"""From how many seconds on one has waited: whoever is served at once is not refused for an estimate."""
_MARGIN = 1.5
"""How many times an expected wait must fit into the time that there is: arrivals and estimates both scatter."""
_HOPELESS = 0.5
"""What share of its expected time work must have left when its turn comes, for estimates err to both sides."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Job:
    """Work on its way through the lanes: its cost is a guess until `finish` is there.

    `moved` is told when it changes to the lane of huge work. `since` is when it began to wait, `waited` in seconds.
    """

    client: str
    cost: float
    deadline: Deadline
    interrupt: Interrupt
    begin: Callable[[Interrupt], Priced[Any]]
    moved: Callable[[], None]
    huge: bool = False
    finish: Callable[[], Any] | None = None
    future: Future[Any] = field(default_factory=Future)
    since: float = field(default_factory=time.perf_counter)
    waited: float = 0.0


class Pool:
    """Threads for pixels, and who may enter.

    `places` threads work; `queue` more callers may be inside, fetching or waiting (0 = any number); `seats` of all of them
    hold an original. Work of a cost from `huge` milliseconds on leaves one place to the others. The threads are nicer than
    the rest of the process by `niceness`. A caller's place is free again when his thread has ended, which after a
    cancellation is later than he left.
    """

    def __init__(self, places: int, queue: int = 0, *, seats: int = 0, huge: float = HUGE, niceness: int = 0) -> None:
        self.places = places
        self.queue = queue
        self.huge = huge
        self.inside = 0
        self.refused_full = 0
        self.refused_late = 0
        self.rates = Rates()
        self.seats = Seats(max(places, seats or SEATS_A_PLACE * places))
        self.lanes: Lanes[Job] = Lanes(places)
        self._threads = 0
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(
            places, thread_name_prefix="pixels", initializer=_be_nicer, initargs=(niceness,)
        )

    def __repr__(self) -> str:
        return f"<Pool {self.working} of {self.places} places, {self.waiting} waiting>"

    @property
    def working(self) -> int:
        """How many are worked on."""
        return self.lanes.running

    @property
    def waiting(self) -> int:
        """How many are inside without a place."""
        return max(0, self.inside - self.working)

    @property
    def cost_in_use(self) -> float:
        """The cost of what is worked on, in milliseconds."""
        return self.lanes.small.running_cost + self.lanes.huge.running_cost

    @property
    def cost_waiting(self) -> float:
        """The cost of what waits, in milliseconds; of what was not fetched yet, a guess."""
        return self.seats.line.cost + self.lanes.small.line.cost + self.lanes.huge.line.cost

    def admit(self, deadline: Deadline = _NO_DEADLINE) -> Admission:
        """Enter, or be refused as by `check`; leave by the end of the `async with` block."""
        self.check(deadline)
        return Admission(self, deadline)

    def has_room(self, deadline: Deadline) -> bool:
        """Tell whether one who comes now would not be refused."""
        if self._full:
            return False
        return not self.waiting or not self._late_by(self.expected_wait(deadline.client), deadline)

    @property
    def _full(self) -> bool:
        return 0 < self.queue <= self.inside - self.places

    def check(self, deadline: Deadline) -> None:
        """Raise `Overloaded` if there is no room to wait, `TooLate` if one who waits has no hope of being served in time."""
        if self._full:
            self.refused_full += 1
            wait = self.expected_wait(deadline.client)
            raise Overloaded(f"{self.places} are worked on and {self.queue} wait", retry_after=retry_after(wait))
        if self.waiting:
            self._check_in_time(self.expected_wait(deadline.client), deadline)

    def expected_wait(self, client: str) -> float:
        """Give the seconds until a client who comes now has a place, by the rates of what was done lately.

        It is the longer of two times: what those before him take of the places, and what they take of the seats, which slow
        sources decide.
        """
        rates, seats, lanes = self.rates, self.seats, self.lanes
        cost = rates.cost.value
        before = seats.line.ahead(client, cost)
        for_seat = 0.0 if seats.free else (before / cost / seats.count + 1) * rates.seat.value
        before += lanes.small.line.ahead(client, cost)
        if self.working >= self.places:
            before += self.cost_in_use / 2  # half of what is worked on is done
        return max(for_seat, before * rates.pace.value / max(1, self.places - lanes.huge.running))

    def close(self) -> None:
        """Wait for the threads to end; nothing may be run afterwards."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def submit(self, job: Job) -> None:
        """Queue a job for a thread; its future gives its result and the seconds it waited."""
        with self._lock:
            self.lanes.push(job)
            start = self.lanes.ready and self._threads < self.places
            self._threads += start
        if start:
            self._executor.submit(self._serve)

    def withdraw(self, job: Job) -> None:
        """Stop a job: its pixels if it has a thread, else it never gets one."""
        job.interrupt.stop()
        job.future.cancel()
        with self._lock:
            removed = self.lanes.remove(job)
        if removed and not job.future.done():  # it was begun, and waits to be finished
            job.future.set_exception(DeadlineExceeded())

    def refuse_hopeless(self, seconds: float, deadline: Deadline) -> None:
        """Raise `TooLate` if work that has waited for its turn has no time left to be done, which takes so many seconds."""
        if deadline.remaining() < _HOPELESS * seconds:
            self._refuse_late(seconds)

    def _check_in_time(self, wait: float, deadline: Deadline) -> None:
        if late := self._late_by(wait, deadline):
            self._refuse_late(late)

    def _late_by(self, wait: float, deadline: Deadline) -> float:
        """Give the seconds by which one with such a wait before him comes too early to have hope, 0 if he may have some."""
        remaining = deadline.remaining()
        work = min(self.rates.cost.value * self.rates.pace.value, remaining / 2)
        return wait + work - remaining / _MARGIN if wait * _MARGIN + work > remaining else 0.0

    def _refuse_late(self, seconds: float) -> None:
        self.refused_late += 1
        raise TooLate(retry_after=retry_after(seconds))

    # In the threads

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            self._work(job)

    def _next(self) -> Job | None:
        with self._lock:
            job = self.lanes.pop()
            self._threads -= job is None
        return job

    def _work(self, job: Job) -> None:
        started = time.perf_counter()
        job.waited += started - job.since
        if job.finish is None and not job.future.set_running_or_notify_cancel():
            self._end(job, None)
            return
        try:
            finish = job.finish or self._begun(job)
            if finish is None:
                return
            result = finish()
        except BaseException as error:
            self._end(job, None)
            job.future.set_exception(error)
        else:
            self._end(job, time.perf_counter() - started)
            job.future.set_result((result, job.waited))
        finally:
            del job  # an error knows this frame: the circle would keep the pixels until the garbage collector comes

    def _begun(self, job: Job) -> Callable[[], Any] | None:
        """Give what finishes a job, now that its cost is known; `None` if it is huge, and waits in its lane."""
        try:
            job.interrupt.check()
            if job.waited > _WAITED:
                self.refuse_hopeless(job.cost * self.rates.pace.value, job.deadline)
            priced = job.begin(job.interrupt)
            if priced.cost < self.huge:
                with self._lock:
                    self.lanes.grow(job, priced.cost)
                return priced.finish
            self._change_lanes(job, priced)
            return None
        finally:
            del job  # as in `_work`

    def _change_lanes(self, job: Job, priced: Priced[Any]) -> None:
        try:
            with self._lock:
                lane = self.lanes.huge
                if not lane.room:
                    before = lane.line.ahead(job.client, priced.cost) + lane.running_cost / 2
                    self._check_in_time(before * self.rates.pace.value / lane.places, job.deadline)
                self.lanes.end(job)
                job.cost, job.huge, job.finish = priced.cost, True, priced.finish
                job.since = time.perf_counter()
                self.lanes.push(job)
            job.moved()
        finally:
            del job, priced  # as in `_work`

    def _end(self, job: Job, seconds: float | None) -> None:
        with self._lock:
            self.lanes.end(job)
            if seconds is not None:
                self.rates.worked(job.cost, seconds)


class Admission:
    """One caller's right to be inside the pool. In the block he has a seat, unless his work turns out to be huge."""

    __slots__ = ("_deadline", "_guess", "_job", "_loop", "_pool", "_seated", "_since", "_waited")

    def __init__(self, pool: Pool, deadline: Deadline) -> None:
        self._pool = pool
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._guess = pool.rates.cost.value
        self._job: Job | None = None
        self._seated = False
        self._since = 0.0
        self._waited = 0.0

    async def __aenter__(self) -> Admission:
        pool = self._pool
        pool.inside += 1
        entered = time.perf_counter()
        try:
            await pool.seats.take(self._deadline.client, self._guess)
        except BaseException:
            pool.inside -= 1
            raise
        self._seated, self._since = True, time.perf_counter()
        self._waited = self._since - entered
        if self._waited > _WAITED:
            self._check_hope()
        return self

    def _check_hope(self) -> None:
        try:
            self._pool.refuse_hopeless(self._pool.rates.seat.value, self._deadline)
        except Overloaded:
            self._since = 0.0  # nothing was done in this seat, which tells nothing of how long that takes
            self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        job, self._job = self._job, None
        if job is None or job.future.done():
            self._leave(job)
        else:
            # The future keeps what it calls: knowing the job, the circle would keep the pixels in memory.
            known = ref(job)
            job.future.add_done_callback(lambda _: self._leave_later(known()))

    def _leave_later(self, job: Job | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._leave, job)

    def _leave(self, job: Job | None = None) -> None:
        self._get_up()
        self._pool.inside -= 1
        if job is not None:
            self._pool.seats.line.charge(self._deadline.client, job.cost - self._guess)

    def _get_up(self) -> None:
        if self._seated:
            self._seated = False
            if self._since:
                self._pool.rates.seat.add(time.perf_counter() - self._since)
            self._pool.seats.give_back()

    async def run(self, begin: Callable[[Interrupt], Priced[T]]) -> tuple[T, float]:
        """Run work in a thread and give its result and the milliseconds it waited, for a seat too; cancelling stops libvips.

        Raises `TooLate` if it turns out to be huge, and those before it take too long.
        """
        deadline = self._deadline
        job = Job(deadline.client, self._guess, deadline, Interrupt(), begin, moved=self._moved)
        self._job = job
        self._pool.submit(job)
        try:
            result, waited = await asyncio.wrap_future(job.future)
            return result, (waited + self._waited) * 1000
        except asyncio.CancelledError:
            self._pool.withdraw(job)
            raise
        finally:
            # An error in it knows this frame: the circle would keep the pixels until the garbage collector comes.
            del job

    def _moved(self) -> None:
        """Get up for others, from whichever thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._get_up)


def _be_nicer(niceness: int) -> None:
    """Let this thread, and those that libvips starts from it, give way to others (nice(2)); on Linux each has its own."""
    if niceness and sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.nice(0) + niceness)
