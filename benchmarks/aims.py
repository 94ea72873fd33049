"""What our server is to reach, and what it reached in a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks import cold, hits, responsive
from benchmarks.arithmetic import Spread
from benchmarks.measures import MATCHED, OURS, SHIPPED, Row, cpu_ratio, find, rate_ratio
from benchmarks.report import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """A ratio that is to be at most, or if `at_least` at least, so much; where it was reached, and by what figure."""

    name: str
    limit: float
    where: str
    reached: Spread
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the median keeps the limit."""
        middle = round(self.reached.middle, 2)  # as it is told
        return middle >= self.limit if self.at_least else middle <= self.limit


def aims_table(rows: Sequence[Row]) -> Table:
    """Give the aims that the rows say something about; of several cases the worst stands for all."""
    table = Table("Aims", ["ratio", "aim", "reached", "", "where"])
    for aim in aims(rows):
        sign = "≥" if aim.at_least else "≤"
        table.add(aim.name, f"{sign} {aim.limit:.2f}", aim.reached.text(2), "yes" if aim.holds else "no", aim.where)
    return table


def aims(rows: Sequence[Row]) -> list[Aim]:
    """Give the aims that the rows say something about."""
    found: list[Aim | None] = [_worst(_beside_the_best(rows, name)) for name in ("JPEG", "WebP", "AVIF", "PNG")]
    found += [_worst(_as_shipped(rows, name, limit)) for name, limit in (("WebP", 0.80), ("AVIF", 0.20))]
    found += [_worst(_profiled(rows)), _worst(_shared(rows)), _worst(_bare(rows)), *_hits(rows)]
    return [one for one in found if one]


def _beside_the_best(rows: Sequence[Row], name: str) -> Iterator[Aim]:
    """Compare with whoever is best at our score; at what has no quality, as shipped."""
    kind = SHIPPED if name == "PNG" else MATCHED
    for mine in _mine(rows, "singles", name):
        others = [row for row in _of_case(rows, mine) if row.server != OURS and row.kind == kind and row.cpu_ms()]
        best = min(others, key=lambda row: Spread.of(row.cpu_ms() or []).middle, default=None)
        ratio = cpu_ratio(mine, best) if best else None
        if best and ratio:
            score = "" if kind == SHIPPED else " at equal score"
            yield Aim(
                name=f"CPU, {name}, beside the best{score}", limit=1, where=f"{mine.case}, {best.server}", reached=ratio
            )


def _as_shipped(rows: Sequence[Row], name: str, limit: float) -> Iterator[Aim]:
    for mine in _mine(rows, "singles", name):
        for other in _of_case(rows, mine):
            ratio = cpu_ratio(mine, other)
            if other.server != OURS and other.kind == SHIPPED and ratio:
                where = f"{mine.case}, {other.server}"
                yield Aim(name=f"CPU, {name}, all as shipped", limit=limit, where=where, reached=ratio)


def _profiled(rows: Sequence[Row]) -> Iterator[Aim]:
    for mine in (row for row in rows if row.workload == "gamut" and row.server == OURS):
        source, arrow, rest = mine.case.partition(" ")
        plain = find(rows, "gamut", f"{source.partition('-')[0]}{arrow}{rest}")
        ratio = cpu_ratio(mine, plain) if plain and plain is not mine else None
        if ratio:
            yield Aim(name="CPU, with and without a wide-gamut profile", limit=1.15, where=mine.case, reached=ratio)


def _shared(rows: Sequence[Row]) -> Iterator[Aim]:
    shared = find(rows, "responsive", responsive.CASE)
    alone = find(rows, "responsive", responsive.CASE, kind=responsive.ALONE)
    ratio = cpu_ratio(shared, alone) if shared and alone else None
    if ratio:
        yield Aim(name="CPU, responsive set, shared and not", limit=0.40, where=responsive.CASE, reached=ratio)


def _bare(rows: Sequence[Row]) -> Iterator[Aim]:
    for mine in (row for row in rows if row.workload == "cold" and row.server == OURS):
        bare = find(rows, "cold", mine.case, cold.BARE)
        ratio = cpu_ratio(mine, bare) if bare else None
        if ratio:
            yield Aim(name="CPU, beside bare libvips", limit=1.03, where=mine.case, reached=ratio)


def _hits(rows: Sequence[Row]) -> Iterator[Aim]:
    for case in (hits.MEMORY, hits.REDIS):
        mine, bare = find(rows, "hits", case), find(rows, "hits", case, hits.BARE)
        if mine and bare:
            yield Aim(
                name="requests/s, beside bare aiohttp",
                limit=0.6,
                where=case,
                reached=rate_ratio(mine, bare),
                at_least=True,
            )
    full, unchanged = find(rows, "hits", hits.MEMORY), find(rows, "hits", hits.UNCHANGED)
    ratio = cpu_ratio(unchanged, full) if full and unchanged else None
    if ratio:
        yield Aim(name="CPU, 304 beside 200", limit=1, where="from memory", reached=ratio)


def _mine(rows: Sequence[Row], workload: str, name: str) -> list[Row]:
    return [row for row in rows if row.workload == workload and row.server == OURS and row.case.endswith(f" {name}")]


def _of_case(rows: Sequence[Row], mine: Row) -> list[Row]:
    return [row for row in rows if (row.workload, row.case) == (mine.workload, mine.case)]


def _worst(of_one_aim: Iterator[Aim]) -> Aim | None:
    return max(of_one_aim, key=lambda aim: aim.reached.middle, default=None)
