"""A moment by which an answer must be ready."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, in seconds, and the client who waits until then, blank for nobody in particular.

    >>> Deadline.after(10).remaining() <= 10
    True
    """

    at: float
    client: str = ""

    @classmethod
    def after(cls, seconds: float, client: str = "") -> Deadline:
        """Give the moment that lies so many seconds ahead."""
        return cls(time.monotonic() + seconds, client)

    def remaining(self) -> float:
        """Give the seconds that are left, negative once it has passed."""
        return self.at - time.monotonic()
