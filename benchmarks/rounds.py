"""Sides take turns, round by round, and each side's turns become a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.arithmetic import turns
from benchmarks.measures import Row, Turn


@dataclass(frozen=True, slots=True)
class Side:
    """A row that has no turns yet, and what a turn of it is."""

    row: Row
    turn: Callable[[], Turn]


def alternated(sides: Sequence[Side], rounds: int, *, warm: bool = True) -> list[Row]:
    """Have all sides warm up, if they are to, and then take turns; give their rows in their order."""
    if warm:
        for side in sides:
            side.turn()
    taken: list[list[Turn]] = [[] for _ in sides]
    for order in turns(rounds, *range(len(sides))):
        for number in order:
            taken[number].append(sides[number].turn())
    return [replace(side.row, turns=tuple(mine)) for side, mine in zip(sides, taken, strict=True)]
