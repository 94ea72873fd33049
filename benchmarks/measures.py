"""What was measured, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.arithmetic import Spread, ratios

OURS = "imgproxy_py"
SHIPPED, MATCHED = "as shipped", "matched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a server did in one turn: answers, wall seconds, its CPU seconds, milliseconds of latency, bytes of memory.

    CPU and memory are none if the server's process is not known.
    """

    answers: int
    seconds: float
    cpu: float | None
    p50: float
    p99: float
    peak: int | None
    sent: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds

    @property
    def cpu_ms(self) -> float | None:
        """Milliseconds of CPU an answer."""
        return None if self.cpu is None else self.cpu * 1000 / self.answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A server's turns at a case of a workload, one a round; what it sent, and how good that is.

    `kind` says with which encoder settings, `sent` is the bytes of a picture, `score` SSIMULACRA2.
    """

    workload: str
    case: str
    server: str
    turns: tuple[Turn, ...]
    kind: str = SHIPPED
    quality: int | None = None
    sent: int | None = None
    score: float | None = None
    note: str = ""

    def cpu_ms(self) -> list[float] | None:
        """Milliseconds of CPU an answer, round by round; none if a turn's is not known."""
        figures = [turn.cpu_ms for turn in self.turns if turn.cpu_ms is not None]
        return figures if len(figures) == len(self.turns) else None

    def rates(self) -> list[float]:
        """Answers a second, round by round."""
        return [turn.rate for turn in self.turns]

    def peak(self) -> int | None:
        """Give the most memory that the server held in any turn, in bytes."""
        return max((turn.peak for turn in self.turns if turn.peak is not None), default=None)


def cpu_ratio(ours: Row, theirs: Row) -> Spread | None:
    """Give our CPU time an answer divided by theirs, if both are known."""
    mine, other = ours.cpu_ms(), theirs.cpu_ms()
    return ratios(mine, other) if mine and other else None


def rate_ratio(ours: Row, theirs: Row) -> Spread:
    """Give our answers a second divided by theirs."""
    return ratios(ours.rates(), theirs.rates())


def find(rows: Sequence[Row], workload: str, case: str, server: str = OURS, kind: str = SHIPPED) -> Row | None:
    """Give a row, none if there is none."""
    wanted = (workload, case, server, kind)
    return next((row for row in rows if (row.workload, row.case, row.server, row.kind) == wanted), None)
