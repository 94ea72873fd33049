"""What a fault came to: judged by what its clients were told, and written down."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.faults import Fault
from tests.chaos.load import HOT, KINDS, Phase, Told

ENOUGH = 5
"""Answers of each kind while the fault lasts, below which a run has shown nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A fault that was struck and healed; `symptom` is by how much what it must make worse got worse."""

    fault: Fault
    told: Sequence[Told]
    seconds: float
    recovered: float
    symptom: float
    errors: Sequence[str] = ()

    def findings(self) -> list[str]:
        """Give all that is not as promised."""
        return [
            *self._wrong(),
            *self._unexpected(),
            *self._lost(),
            *self._slow(),
            *([f"a defect: {one}" for one in self.errors]),
            *([] if self.recovered <= self.fault.recovery else [f"not well after {self.fault.recovery:g} s"]),
            *([] if self.symptom > 0 else ["the fault was not felt: nothing was shown"]),
            *self._few(),
        ]

    def _wrong(self) -> list[str]:
        return [f"a wrong picture ({one.phase.value}): {one.target}" for one in self.told if one.wrong]

    def _unexpected(self) -> list[str]:
        counted = Counter(
            (one.phase.value, one.kind, one.status, one.reason)
            for one in self.told
            if one.status not in self._allowed(one)
        )
        return [
            f"{times} × {status or 'no answer'} to {kind} {phase}: {reason}"
            for (phase, kind, status, reason), times in counted.items()
        ]

    def _allowed(self, one: Told) -> frozenset[int]:
        if one.phase in (Phase.BEFORE, Phase.AFTER):
            return frozenset({200})
        lost = frozenset({0} if self.fault.loses else ())
        return frozenset({200}) | self.fault.refuses.get(one.kind, frozenset()) | lost

    def _lost(self) -> list[str]:
        lost = sum(one.status == 0 for one in self.told)
        return [] if lost <= self.fault.loses else [f"{lost} requests lost of at most {self.fault.loses}"]

    def _slow(self) -> list[str]:
        slowest = max((one.seconds for one in self.told), default=0.0)
        return (
            []
            if slowest <= self.fault.slowest
            else [f"an answer took {slowest:.1f} s of at most {self.fault.slowest:g}"]
        )

    def _few(self) -> list[str]:
        counts = Counter(one.kind for one in self.told if one.phase is Phase.DURING)
        return [f"only {counts[kind]} answers to {kind}" for kind in KINDS if counts[kind] < ENOUGH]

    def line(self) -> str:
        """Give the run as a row of a Markdown table."""
        during = [one for one in self.told if one.phase is Phase.DURING]
        hot = [one.seconds * 1000 for one in during if one.kind == HOT]
        refused = Counter(one.status for one in self.told if one.status != 200)
        cells = (
            *(self.fault.name, f"{self.seconds:.0f}", f"{len(self.told):,}", f"{len(during):,}"),
            ", ".join(f"{times} × {status or 'lost'}" for status, times in sorted(refused.items())) or "–",
            f"{statistics.median(hot):.0f}" if hot else "–",
            f"{max((one.seconds for one in during), default=0):.1f}",
            f"{self.recovered:.1f}" if math.isfinite(self.recovered) else "never",
            str(len(self.findings())),
        )
        return f"| {' | '.join(cells)} |"


def report(runs: Sequence[Run], seconds: float) -> str:
    """Give the runs as Markdown."""
    answers = sum(len(one.told) for one in runs)
    findings = [f"- **{one.fault.name}**: {finding}" for one in runs for finding in one.findings()]
    lines = [
        "# Chaos",
        "",
        f"{len(runs)} faults under load in {seconds:.0f} s; the bytes of all {answers:,} answers were compared.",
        "",
        "| fault | seconds | answers | … amid it | other than 200 | hits amid it, ms | slowest, s | well after, s | findings |",
        "|---|--:|--:|--:|---|--:|--:|--:|--:|",
        *(one.line() for one in runs),
        "",
        *(findings or ["Nothing was found."]),
    ]
    return "\n".join(lines) + "\n"
