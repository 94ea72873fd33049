"""So many requests are begun in each round of the event loop, the others wait in order.

What a request costs before its first wait, a task, reading its URL, perhaps a refusal, is the event loop's alone. When
thousands come at once, that is seconds in which nobody else would be heard. Begun a few at a time, they leave time between for
whatever is quick: pictures in memory, probes, new connections, answers that are ready.
"""

from __future__ import annotations

import asyncio
from collections import deque

EACH_ROUND = 4
"""How many requests are begun in a round: at a millisecond each, others are heard after a few milliseconds."""

ENDS_EACH_ROUND = 32
"""How many connections that were lost are seen to in a round; what was under way for one is stopped then."""


class Rounds:
    """Lets so many in each round of the event loop go on. For one event loop."""

    def __init__(self, each: int = EACH_ROUND) -> None:
        self.each = each
        self.waiting: deque[asyncio.Future[None]] = deque()
        self._begun = 0
        self._running = False

    def __repr__(self) -> str:
        return f"<Rounds of {self.each}, {len(self.waiting)} waiting>"

    def join(self) -> bool:
        """Tell whether there is room in this round, which is taken then; who finds none is to `wait`."""
        if self.waiting or self._begun >= self.each:
            return False
        self._begin()
        return True

    def wait(self, turn: asyncio.Future[None]) -> None:
        """Have a future done in a later round, in the order of those who wait; one that is done by then takes no turn."""
        self.waiting.append(turn)

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
