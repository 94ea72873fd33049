"""So many hold an original at once; the rest wait in line before anything is fetched for them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from imgproxy_py.engine.line import Line

EACH_ROUND = 2
"""How many of those who wait sit down in a round of the event loop. When none of a long line has time left, each gets up at
once and makes room for the next: as many as there are seats, in each round, would keep everybody else from being heard."""


@dataclass(slots=True, eq=False)
class Waiter:
    """One who waits for a seat, or has one now."""

    client: str
    cost: float
    seated: bool = False
    called: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Seats:
    """Seats for those for whom originals are fetched, kept and worked on. For one event loop."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.taken = 0
        self.line: Line[Waiter] = Line()
        self._called = 0
        self._running = False

    def __repr__(self) -> str:
        return f"<Seats {self.taken} of {self.count}, {len(self.line)} waiting>"

    @property
    def free(self) -> bool:
        """Whether one who comes now need not wait."""
        return self.taken < self.count and not len(self.line)

    async def take(self, client: str, cost: float) -> None:
        """Sit down, at once if there is a seat, else in turn."""
        if self.free:
            self.taken += 1
            return
        waiter = Waiter(client, cost)
        self.line.push(waiter)
        try:
            await waiter.called
        except asyncio.CancelledError:
            self.line.remove(waiter)
            if waiter.seated:  # called and gone in one moment
                self.give_back()
            raise

    def give_back(self) -> None:
        """Get up; the next in line may sit down, soon."""
        self.taken -= 1
        self._call()

    def _call(self) -> None:
        """Have those sit down who are next, as many as may in this round."""
        while self.taken < self.count and self._called < EACH_ROUND and (waiter := self.line.pop()):
            if not waiter.called.done():
                self.taken += 1
                waiter.seated = True
                waiter.called.set_result(None)
                self._count_called()

    def _count_called(self) -> None:
        self._called += 1
        if not self._running:
            self._running = True
            asyncio.get_running_loop().call_soon(self._next_round)

    def _next_round(self) -> None:
        self._called, self._running = 0, False
        self._call()
