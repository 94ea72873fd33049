"""What came of a run, and whether that is good enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from loadtests.profile import Profile

ALL = "all"

LONGEST_STRETCH = 4.0
"""How many times as long as its profile says a run may take at most, however busy the machine is with other things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The figures of one scenario, or of all. Times in milliseconds."""

    requests: int
    failures: int
    rate: float
    mean: float
    p50: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """CPU seconds that a machine and, of these, we have spent up to a moment of a clock."""

    at: float
    busy: float
    ours: float


def others(before: Spent, after: Spent, *, cpus: int) -> float:
    """Give the share of a machine's CPUs that others had between two moments, 0–1."""
    foreign = (after.busy - before.busy) - (after.ours - before.ours)
    return max(0.0, foreign / (cpus * (after.at - before.at)))


def stretch(others: float) -> float:
    """Give how many times as long everything may take where others have that share of the machine: 1–`LONGEST_STRETCH`.

    Who has half of a machine needs twice the time. It has a bound, or a machine that is busy enough would pass everything.
    """
    return max(1.0, 1 / (1 - others)) if others < 1 - 1 / LONGEST_STRETCH else LONGEST_STRETCH


def judge(
    profile: Profile, measured: Mapping[str, Measured], failures: Mapping[str, int], stretch: float = 1.0
) -> list[str]:
    """Give a line for every limit that was passed; none if all is well.

    `failures` counts by what was said; times may be `stretch` times those of the profile.
    """
    return [*_whole(profile, measured[ALL], failures), *_each(profile, measured, stretch)]


def _whole(profile: Profile, whole: Measured, failures: Mapping[str, int]) -> Iterator[str]:
    limits = profile.limits
    if whole.requests < limits.requests:
        yield f"{whole.requests} requests, at least {limits.requests} expected"
    ratio = whole.failures / whole.requests if whole.requests else 1.0
    if ratio > limits.error_ratio:
        yield f"{ratio:.4%} of the requests failed, at most {limits.error_ratio:.4%} allowed"
    for kind, most in (("unexpected status", limits.unexpected_statuses), ("wrong", limits.wrong_pictures)):
        found = sum(count for said, count in failures.items() if said.startswith(kind))
        if found > most:
            yield f"{found} times {kind}, at most {most} allowed"


def _each(profile: Profile, measured: Mapping[str, Measured], stretch: float) -> Iterator[str]:
    for name, scenario in profile.scenarios.items():
        if not scenario.weight:
            continue
        found = measured.get(name)
        if found is None or not found.requests:
            yield f"{name}: was never asked"
            continue
        for what, took, most in (
            ("p95", found.p95, stretch * scenario.p95),
            ("p99", found.p99, stretch * scenario.p99),
        ):
            if took > most:
                yield f"{name}: {what} was {took:g} ms, at most {most:g} ms allowed"


def table(profile: Profile, measured: Mapping[str, Measured], stretch: float = 1.0) -> str:
    """Give the figures as text, with the limits beside them."""
    lines = [f"{'scenario':<12} {'requests':>9} {'failed':>7} {'/s':>8} {'p50 ms':>7} {'p95 ms':>14} {'p99 ms':>14}"]
    for name, one in measured.items():
        limit = profile.scenarios.get(name)
        p95 = f"{one.p95:g} of {stretch * limit.p95:.0f}" if limit else ""
        p99 = f"{one.p99:g} of {stretch * limit.p99:.0f}" if limit else ""
        lines.append(
            f"{name:<12} {one.requests:>9,} {one.failures:>7,} {one.rate:>8,.1f} {one.p50:>7g} {p95:>14} {p99:>14}"
        )
    return "\n".join(lines)


def summary(
    profile: Profile,
    measured: Mapping[str, Measured],
    failures: Mapping[str, int],
    passed_limits: list[str],
    others: float = 0.0,
) -> dict[str, Any]:
    """Give everything as JSON has it."""
    return {
        "profile": profile.name,
        "passed": not passed_limits,
        "limits_passed_over": passed_limits,
        "others": round(others, 3),
        "measured": {name: asdict(one) for name, one in measured.items()},
        "failures": dict(failures),
    }
