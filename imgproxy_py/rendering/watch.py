"""What one who waits for another process's lease does about what he sees; decided on plain values, without waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum, auto

from imgproxy_py.rendering.lease import Entry, State


class Verdict(Enum):
    """What to do about another's lease."""

    WAIT = auto()
    FIND = auto()
    """Look for the picture, and take the lease over if it is not there."""
    FAIL = auto()
    """Fail as he did."""
    WORK = auto()
    """Make it for oneself."""
    TAKE_OVER = auto()


class Watch:
    """One wait for others: knows whom it has waited for, and since when nothing has changed.

    `seconds` is how long a lease lasts, `clock` gives seconds and never goes back.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._owners: set[str] = set()
        self._seen: Entry | None = None
        self._since = 0.0
        self.begins = False

    def judge(self, entry: Entry) -> Verdict:
        """Tell what to do about an entry; after `WAIT`, `begins` tells whether that is the first time."""
        match entry.state:
            case State.KEPT:
                return Verdict.FIND
            # How else it ended is for those who waited for it: whoever comes later tries for himself.
            case State.ALONE:
                return Verdict.WORK if entry.owner in self._owners else Verdict.TAKE_OVER
            case State.FAILED:
                return Verdict.FAIL if entry.owner in self._owners else Verdict.TAKE_OVER
            case State.FREE:
                return Verdict.TAKE_OVER
        return self._judge_work(entry)

    def _judge_work(self, entry: Entry) -> Verdict:
        now = self._clock()
        if entry == self._seen and now - self._since >= self._seconds:
            self._since = now  # should it not let itself be taken over, it is waited for again
            return Verdict.TAKE_OVER
        if entry != self._seen:
            self._seen, self._since = entry, now
        self.begins = not self._owners
        self._owners.add(entry.owner)
        return Verdict.WAIT
