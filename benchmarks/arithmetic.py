"""What is computed from what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of several figures, and the least and the greatest of them."""

    middle: float
    least: float
    greatest: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """Give the spread of at least one figure."""
        return cls(median(figures), min(figures), max(figures))

    def text(self, digits: int = 0) -> str:
        """Give the spread as `30.1 (29.8–31.2)`.

        >>> Spread.of([2.0, 1.0, 4.0]).text(1)
        '2.0 (1.0–4.0)'
        """
        return f"{self.middle:,.{digits}f} ({self.least:,.{digits}f}–{self.greatest:,.{digits}f})"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Give our figures divided by theirs, round by round.

    What slows the machine down for a while slows both sides of a round, so a round's ratio holds where its figures do not.

    >>> ratios([2.0, 30.0, 3.0], [1.0, 10.0, 1.0]).text(2)
    '3.00 (2.00–3.00)'
    """
    return Spread.of([mine / other for mine, other in zip(ours, theirs, strict=True)])


def turns(rounds: int, *sides: T) -> list[list[T]]:
    """Give the order of the sides in each round: each in its turn comes first, so that none always finds the machine warm.

    >>> turns(3, "a", "b")
    [['a', 'b'], ['b', 'a'], ['a', 'b']]
    """
    starts = [number % len(sides) for number in range(rounds)]
    return [[*sides[start:], *sides[:start]] for start in starts]


def percentile(ordered: Sequence[float], share: float) -> float:
    """Give the least of some ordered figures that so large a share of them does not exceed; 0 of none.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5), percentile([1.0, 2.0], 0.99), percentile([], 0.5)
    (2.0, 2.0, 0.0)
    """
    if not ordered:
        return 0.0
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]
