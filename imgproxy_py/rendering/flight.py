"""Single flight: identical work under way in this process is done once, and shared."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from imgproxy_py.deadline import Deadline
from imgproxy_py.errors import DeadlineExceeded

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Flying(Generic[T]):
    task: asyncio.Task[T]
    waiting: int = 0


class Flight(Generic[T]):
    """Work under way, by key.

    The first who asks for a key starts its work as a task of its own; all who ask until it ends wait for the same. One
    who leaves, by cancellation or by his deadline, does not harm the others; when the last has left, the work is
    cancelled.
    """

    def __init__(self) -> None:
        self._flying: dict[str, _Flying[T]] = {}

    def __len__(self) -> int:
        return len(self._flying)

    def __repr__(self) -> str:
        return f"<Flight {len(self)} under way, {sum(one.waiting for one in self._flying.values())} waiting>"

    async def join(self, key: str, work: Callable[[], Awaitable[T]], deadline: Deadline) -> tuple[T, bool]:
        """Give the result of the work under a key, and whether somebody else had started it.

        Raises what the work raises, and `DeadlineExceeded` when it is not ready in time.
        """
        flying = self._flying.get(key)
        shared = flying is not None
        if flying is None:
            flying = self._start(key, work)
        flying.waiting += 1
        patience = asyncio.timeout(deadline.remaining())
        try:
            async with patience:
                return await asyncio.shield(flying.task), shared
        except TimeoutError:
            if not patience.expired():
                raise  # the work's own
            raise DeadlineExceeded from None
        finally:
            flying.waiting -= 1
            self._leave(key, flying)
            del flying  # its task's error knows this frame: the circle would keep the original and its pixels in memory

    def _start(self, key: str, work: Callable[[], Awaitable[T]]) -> _Flying[T]:
        async def run() -> T:
            return await work()

        flying = self._flying[key] = _Flying(asyncio.create_task(run()))
        flying.task.add_done_callback(partial(self._land, key, flying))
        return flying

    def _leave(self, key: str, flying: _Flying[T]) -> None:
        if flying.waiting or flying.task.done():
            return
        self._forget(key, flying)  # at once, so that a newcomer does not join work that is being stopped
        flying.task.cancel()

    def _land(self, key: str, flying: _Flying[T], task: asyncio.Task[T]) -> None:
        self._forget(key, flying)
        if not task.cancelled():
            task.exception()  # seen, also when nobody waits any more

    def _forget(self, key: str, flying: _Flying[T]) -> None:
        if self._flying.get(key) is flying:
            del self._flying[key]
