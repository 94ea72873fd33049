"""What a run of libFuzzer came to, read from what it wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_STATUS = re.compile(r"^#\d+\s.*?cov: (\d+) ft: \d+ corp: (\d+)/.*?rss: (\d+)Mb", re.MULTILINE)
_RUNS = re.compile(r"^stat::number_of_executed_units:\s+(\d+)", re.MULTILINE)
_PEAK = re.compile(r"^stat::peak_rss_mb:\s+(\d+)", re.MULTILINE)
_SLOWEST = re.compile(r"^stat::slowest_unit_time_sec:\s+(\d+)", re.MULTILINE)
_TIME = re.compile(r"^Done \d+ runs in (\d+) second", re.MULTILINE)
_UNCAUGHT = re.compile(r"^\s*=== Uncaught Python exception: ===\n(.+)", re.MULTILINE)
_SUMMARY = re.compile(r"^SUMMARY: (.+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A target's run: how many inputs, in how many seconds (0 if it was ended), edges, megabytes, and what was found."""

    target: str
    runs: int
    seconds: int
    edges: int
    corpus: int
    slowest: int
    first_megabytes: int
    peak_megabytes: int
    findings: tuple[str, ...]

    def line(self) -> str:
        """Give the run as a row of a Markdown table."""
        cells = (
            *(self.target, f"{self.runs:,}", self.seconds or "ended", f"{self.edges:,}", f"{self.corpus:,}"),
            *(self.slowest, f"{self.first_megabytes} → {self.peak_megabytes}", len(self.findings)),
        )
        return f"| {' | '.join(map(str, cells))} |"


def finished(target: str, log: str, code: int, artifacts: list[Path]) -> Run:
    """Read a finished run's log; an exit code other than 0 is a finding even if it left no artifact."""
    status = _STATUS.findall(log)
    edges, corpus, _ = status[-1] if status else (0, 0, 0)
    why = next((found[1] for rule in (_UNCAUGHT, _SUMMARY) if (found := rule.search(log))), f"ended with {code}")
    findings = [f"{why} ({one})" for one in artifacts]
    if code and not findings:
        findings.append(why)
    return Run(
        target=target,
        runs=_number(_RUNS, log),
        seconds=_number(_TIME, log),
        edges=int(edges),
        corpus=int(corpus),
        slowest=_number(_SLOWEST, log),
        first_megabytes=int(status[0][2]) if status else 0,
        peak_megabytes=_number(_PEAK, log),
        findings=tuple(findings),
    )


def report(runs: list[Run]) -> str:
    """Give the runs as Markdown."""
    table = [
        "| target | inputs | seconds | edges | corpus | slowest input, s | memory, MB | findings |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *(one.line() for one in runs),
    ]
    findings = [f"- {one.target}: {finding}" for one in runs for finding in one.findings]
    return "\n".join(["# Fuzzing", "", *table, "", *(findings or ["Nothing was found."])]) + "\n"


def _number(rule: re.Pattern[str], log: str) -> int:
    found = rule.search(log)
    return int(found[1]) if found else 0
