"""What is computed from what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


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


def turns(rounds: int, first: str, second: str) -> list[tuple[str, str]]:
    """Give who comes first in each round: they take turns, so that neither always finds the machine warm."""
    return [(first, second) if number % 2 == 0 else (second, first) for number in range(rounds)]
