"""So many requests are begun in each round of the event loop, the others wait in order.

What a request costs before its first wait, a task, reading its URL, perhaps a refusal, is the event loop's alone. When
thousands come at once, that is seconds in which nobody else would be heard. Begun a few at a time, they leave time between for
whatever is quick: pictures in memory, probes, new connections, answers that are ready.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

EACH_ROUND = 4
"""How many requests are begun in a round: at a millisecond each, others are heard after a few milliseconds."""

ENDS_EACH_ROUND = 32
"""How many connections that were lost are seen to in a round; what was under way for one is stopped then."""


class Rounds:
    """Lets so many in each round of the event loop go on. For one event loop."""

    def __init__(self, each: int = EACH_ROUND) -> None:
        self.each = each
        self.waiting: deque[Callable[[], bool]] = deque()
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

    def wait(self, begin: Callable[[], bool]) -> None:
        """Have something begun in a later round, in the order of those who wait; it tells whether it took the turn."""
        self.waiting.append(begin)

    def _begin(self) -> None:
        self._begun += 1
        if not self._running:
            self._running = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._begun, self._running = 0, False
        while self.waiting and self._begun < self.each:
            if self.waiting.popleft()():
                self._begin()


def woken(turn: asyncio.Future[None]) -> bool:
    """Wake who waits for a future; false if he has left meanwhile."""
    if turn.done():
        return False
    turn.set_result(None)
    return True
