"""How fast work goes here and now, measured as it is done."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

_MEMORY = 0.95
"""What of an average is left when something is measured: it follows about twenty pictures."""
_LONGEST_WAIT = 60
_PACE_EXPECTED = 500.0
"""How much work, in milliseconds, the pace that is expected counts as: the first pictures of a process are slow."""


class Average:
    """An average over what was measured lately, each with a weight; of `first`, which has one too, as long as nothing was."""

    __slots__ = ("_sum", "_weight")

    def __init__(self, first: float, weight: float = 1.0) -> None:
        self._sum = first * weight
        self._weight = weight

    @property
    def value(self) -> float:
        """The average."""
        return self._sum / self._weight

    def add(self, value: float, weight: float = 1.0) -> None:
        """Count something measured."""
        self._sum = self._sum * _MEMORY + value * weight
        self._weight = self._weight * _MEMORY + weight


class Rates:
    """What is known of the work done lately.

    `pace` is in seconds for a millisecond of estimated cost, `cost` that of a picture, `seat` how many seconds one takes
    from sitting down to the end, its fetching included.
    """

    def __init__(self) -> None:
        self.pace = Average(0.001, weight=_PACE_EXPECTED)
        self.cost = Average(50.0)
        self.seat = Average(0.1)

    def worked(self, cost: float, seconds: float) -> None:
        """Count a picture that was worked on for so long; the dear ones tell more about the pace."""
        self.pace.add(seconds / cost, cost)
        self.cost.add(cost)


def retry_after(seconds: float, *, chance: Callable[[], float] = random.random) -> int:
    """Give whole seconds to tell a client who is to come back after so many: these to half as many more, 1 to 60.

    Those who were refused together would come back together. `chance` gives numbers from 0 to below 1.
    """
    return max(1, min(_LONGEST_WAIT, math.ceil(seconds * (1 + chance() / 2))))
