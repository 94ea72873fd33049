"""How long to wait before a process that has died is replaced."""

from __future__ import annotations

FIRST_PAUSE = 0.1
"""Seconds before the first replacement of a dead process; each further one doubles it."""

LONGEST_PAUSE = 10.0
STEADY = 30.0
"""Seconds of life after which a process' death counts as the first again."""


class Pauses:
    """How long to wait before each replacement: longer and longer while processes die young."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE

    def after(self, lived: float) -> float:
        """Give the seconds to wait after a process that has lived so many seconds."""
        if lived >= STEADY:
            self._next = FIRST_PAUSE
        pause, self._next = self._next, min(2 * self._next, LONGEST_PAUSE)
        return pause
