"""A few requests are begun in each round of the event loop, the others wait in order.

What a request costs before its first wait, a task, reading its URL, perhaps a refusal, is the event loop's alone. When
thousands come at once, that is seconds in which nobody else would be heard. Begun a few at a time, they leave time between for
whatever is quick: pictures in memory, probes, new connections, answers that are ready.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

EACH_ROUND = 4
"""How many requests are begun in a round at most: those for finished pictures elsewhere take a third of a millisecond each."""

ENDS_EACH_ROUND, ENDS_AT_LEAST = 32, 8
"""How many connections that were lost are seen to in a round; what was under way for one is stopped then."""

LONG = 0.005
"""From how many seconds on a round is long. A new picture takes one or two of its milliseconds before its first wait, twice
that while threads want the interpreter as well; and who asks meanwhile waits for the rest of the round and for the next."""


class Rounds:
    """Lets a few in each round of the event loop go on: `each` at most, fewer while rounds are long, but always `least`.

    For one event loop. `clock` gives seconds and never goes back.
    """

    def __init__(
        self, each: int = EACH_ROUND, least: int = 1, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.each = each
        self.least = least
        self._clock = clock
        self.waiting: deque[Callable[[], bool]] = deque()
        self._room = each
        self._begun = 0
        self._running = False
        self._since: float | None = None

    def __repr__(self) -> str:
        return f"<Rounds of {self._room}, {len(self.waiting)} waiting>"

    def join(self) -> bool:
        """Tell whether there is room in this round, which is taken then; who finds none is to `wait`."""
        if self.waiting or self._begun >= self._room:
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
        self._adapt()
        while self.waiting and self._begun < self._room:
            if self.waiting.popleft()():
                self._begin()

    def _adapt(self) -> None:
        """Make less room after a long round, whatever it was that took so long, and after a short one a little more."""
        if not self.waiting:  # the next is not this one's successor, perhaps
            self._since = None
            return
        now = self._clock()
        if self._since is not None:
            long = now - self._since > LONG
            self._room = max(self.least, self._room // 2) if long else min(self.each, self._room + 1)
        self._since = now


def woken(turn: asyncio.Future[None]) -> bool:
    """Wake who waits for a future; false if he has left meanwhile."""
    if turn.done():
        return False
    turn.set_result(None)
    return True
