"""What every workload is given: originals, servers, how long to measure."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measures import Row
from benchmarks.originals import Originals
from benchmarks.peers import Peer, Wanted
from benchmarks.report import Table
from benchmarks.scores import Scores

WIDTHS = {"2mp": 800, "12mp": 400, "24mp": 1200, "49mp": 1200}
"""How wide a picture of each original becomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured: rounds, seconds of a turn, which originals and formats are used for single pictures."""

    rounds: int
    seconds: float
    sizes: Sequence[str]
    formats: Sequence[str]
    big: Sequence[str]
    mixed: int
    overload: Sequence[int]


SHORT = Effort(
    rounds=3,
    seconds=0.3,
    sizes=("12mp", "2mp"),
    formats=("jpeg", "webp", "avif"),
    big=("49mp.jpg", "12mp-progressive.jpg"),
    mixed=150,
    overload=(64,),
)
FULL = Effort(
    rounds=9,
    seconds=0.5,
    sizes=("12mp", "24mp", "2mp"),
    formats=("jpeg", "webp", "avif", "png"),
    big=("49mp.jpg", "12mp-progressive.jpg", "49mp-progressive.jpg"),
    mixed=400,
    overload=(64, 1024, 8192),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The bench that a workload works at; `work` is a folder for what it leaves behind."""

    originals: Originals
    peers: Sequence[Peer]
    effort: Effort
    work: Path
    connections: int
    scores: Scores = field(default_factory=Scores)

    def wanted(self, source: str, format: str, width: int = 0, quality: int | None = None) -> Wanted:  # noqa: A002
        """Give a picture to ask for; without a width as wide as pictures of that original are here."""
        across, down = self.originals.size(source)
        width = width or WIDTHS[source.partition(".")[0].partition("-")[0]]
        return Wanted(
            source=source, width=width, height=max(1, round(down * width / across)), format=format, quality=quality
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a workload found: rows for charts, aims and JSON, the tables that tell them, and why it broke off if it did."""

    rows: list[Row]
    tables: list[Table]
    broken: str = ""


_BEGUN = time.monotonic()


def say(text: str) -> None:
    """Tell on standard error how far we are."""
    seconds = time.monotonic() - _BEGUN
    print(f"{seconds // 60:3.0f}:{seconds % 60:02.0f}  {text}", file=sys.stderr, flush=True)
