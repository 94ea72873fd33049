"""So many requests are begun in each round of the event loop, the others wait in order.

What a request costs before its first wait, reading its URL above all, is the event loop's alone. When thousands come at once,
that is seconds in which nobody else would be heard. Begun a few at a time, they leave time between for whatever is quick:
pictures in memory, probes, answers that are ready.
"""

from __future__ import annotations

import asyncio
from collections import deque

EACH_ROUND = 8
"""How many are begun in a round: at half a millisecond each, others are heard after a few milliseconds."""


class Rounds:
    """Lets so many in each round of the event loop go on at once. For one event loop."""

    def __init__(self, each: int = EACH_ROUND) -> None:
        self.each = each
        self.waiting: deque[asyncio.Future[None]] = deque()
        self._begun = 0
        self._running = False

    async def join(self) -> None:
        """Go on, in this round of the event loop if there is room, else in a later one."""
        if self._begun < self.each and not self.waiting:
            self._begin()
            return
        turn = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        await turn

    def _begin(self) -> None:
        self._begun += 1
        if not self._running:
            self._running = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._begun, self._running = 0, False
        while self.waiting and self._begun < self.each:
            turn = self.waiting.popleft()
            if not turn.done():  # who left meanwhile has no turn
                turn.set_result(None)
                self._begin()
