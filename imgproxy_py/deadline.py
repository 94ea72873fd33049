"""A moment by which an answer must be ready."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, in seconds.

    >>> Deadline.after(10).remaining() <= 10
    True
    """

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Give the moment that lies so many seconds ahead."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Give the seconds that are left, negative once it has passed."""
        return self.at - time.monotonic()
