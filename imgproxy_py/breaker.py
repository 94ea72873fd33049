"""Leaving alone what is out of order."""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """Says whether to ask a service that may be down.

    Closed, everything is asked. After `failures` failures in a row it opens, and nothing is asked for `pause` seconds;
    then one call, the probe, is let through. Its success closes the breaker, its failure starts another pause, twice as
    long as the one before where `longest` allows it. Every call that was let through must report `succeeded`, `failed` or
    `gave_up`. `clock` gives seconds.
    """

    def __init__(
        self, *, failures: int, pause: float, longest: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = failures
        self._first = self._pause = pause
        self._longest = max(longest, pause)
        self._clock = clock
        self._failures = 0
        self._opened_until: float | None = None
        self._probing = False

    def __repr__(self) -> str:
        return f"<Breaker: {'closed' if self.closed else 'probing' if self._probing else 'open'}>"

    @property
    def closed(self) -> bool:
        """Whether everything is asked."""
        return self._opened_until is None

    @property
    def pristine(self) -> bool:
        """Whether there is nothing to remember: no failure since the last success."""
        return self.closed and not self._failures

    def left(self) -> float:
        """Give the seconds until somebody may ask, 0 if that is now or is found out by a probe under way."""
        return 0.0 if self._opened_until is None else max(0.0, self._opened_until - self._clock())

    def lets_through(self) -> bool:
        """Tell whether to ask now; a probe is counted as under way from here."""
        if self._opened_until is None:
            return True
        if self._probing or self._clock() < self._opened_until:
            return False
        self._probing = True
        return True

    def succeeded(self) -> bool:
        """Note an answer; tell whether that closed the breaker."""
        was_open = not self.closed
        self._failures, self._opened_until, self._probing = 0, None, False
        self._pause = self._first
        return was_open

    def failed(self) -> bool:
        """Note a failure; tell whether that opened the breaker."""
        self._failures += 1
        if self.closed and self._failures < self._limit:
            return False
        opens = self.closed
        # Calls that were on their way when the breaker opened fail later; they do not prolong the pause.
        if self._probing:
            self._pause = min(2 * self._pause, self._longest)
        if opens or self._probing:
            self._opened_until, self._probing = self._clock() + self._pause, False
        return opens

    def gave_up(self) -> None:
        """Note that the caller left before there was an answer: nothing is known, and another may probe."""
        self._probing = False
