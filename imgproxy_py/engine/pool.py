"""So many work, so many wait, the rest are refused at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

from imgproxy_py.deadline import Deadline
from imgproxy_py.engine.cost import Priced
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.errors import Overloaded

T = TypeVar("T")


class Pool:
    """Threads for pixels, and who may enter.

    `places` threads work; `queue` more callers may be inside, fetching or waiting (0 = any number). A caller enters with
    `admit`, so that nobody is fetched for who cannot be served. His place is free again when his thread has ended, which
    after a cancellation is later than he left.
    """

    def __init__(self, places: int, queue: int = 0) -> None:
        self.places = places
        self.queue = queue
        self.inside = 0
        self.working = 0
        self.refused = 0
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(places, thread_name_prefix="pixels")

    def __repr__(self) -> str:
        return f"<Pool {self.working} of {self.places} places, {self.waiting} waiting>"

    @property
    def waiting(self) -> int:
        """How many are inside without a place."""
        return max(0, self.inside - self.working)

    def admit(self, deadline: Deadline | None = None) -> Admission:
        """Enter, or be refused with `Overloaded`; leave by the end of the `with` block."""
        if self.queue and self.inside >= self.places + self.queue:
            self.refused += 1
            raise Overloaded(f"{self.places} are worked on and {self.queue} wait")
        return Admission(self)

    def close(self) -> None:
        """Wait for the threads to end; nothing may be run afterwards."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def submit(self, work: Callable[[Interrupt], Priced[T]], interrupt: Interrupt) -> Future[tuple[T, float]]:
        """Queue work for a thread; the future gives its result and the milliseconds it waited."""
        submitted = time.perf_counter()

        def job() -> tuple[T, float]:
            waited = (time.perf_counter() - submitted) * 1000
            interrupt.check()
            self._count(+1)
            try:
                return work(interrupt).finish(), waited
            finally:
                self._count(-1)

        return self._executor.submit(job)

    def _count(self, change: int) -> None:
        with self._lock:
            self.working += change


class Admission:
    """One caller's right to be inside the pool."""

    __slots__ = ("_loop", "_pool", "_running")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._running: Future[object] | None = None

    async def __aenter__(self) -> Admission:
        self._pool.inside += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running, self._running = self._running, None
        if running is None or running.done():
            self._leave()
        else:
            running.add_done_callback(self._leave_later)

    def _leave_later(self, _: Future[object]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        self._pool.inside -= 1

    async def run(self, work: Callable[[Interrupt], Priced[T]]) -> tuple[T, float]:
        """Run work in a thread and give its result and the milliseconds it waited; cancelling stops libvips."""
        interrupt = Interrupt()
        future = self._pool.submit(work, interrupt)
        self._running = future  # type: ignore[assignment]  # Future is invariant, and only its end matters here
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            interrupt.stop()
            raise
        finally:
            # An error in it knows this frame: the circle would keep the pixels until the garbage collector comes.
            del future
