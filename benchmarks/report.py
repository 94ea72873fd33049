"""Figures as Markdown, on the screen and in a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.arithmetic import Spread
from benchmarks.measures import OURS, SHIPPED, Row, cpu_ratio, find

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass(slots=True)
class Table:
    """A table under a heading."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """Add a row: one cell a column."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for {len(self.columns)} columns")
        self.rows.append(list(cells))

    def text(self) -> str:
        """Give the table as Markdown; figures stand to the right of their columns."""
        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        lines = [f"| {' | '.join(row)} |" for row in (self.columns, rule, *self.rows)]
        notes = [f"\n{note}" for note in self.notes]
        return "\n".join([f"### {self.title}", "", *lines, *notes])


_PICTURES = [
    "picture and server",
    "requests/s",
    "CPU, ms",
    "ours ÷ its CPU",
    "p50, ms",
    "p99, ms",
    "peak, MB",
    "bytes",
    "score",
]


def pictures_table(title: str, rows: Sequence[Row]) -> Table:
    """Give a table of rows in which each server's stands beside ours of the same case, as shipped."""
    table = Table(title, list(_PICTURES))
    for row in rows:
        table.add(
            _named(row),
            Spread.of(row.rates()).text(1),
            cpu_cell(row),
            "" if _is_ours(row) else _ratio_cell(find(rows, row.workload, row.case), row),
            f"{Spread.of([turn.p50 for turn in row.turns]).middle:,.1f}",
            f"{Spread.of([turn.p99 for turn in row.turns]).middle:,.1f}",
            megabytes(row.peak()),
            "–" if row.sent is None else f"{row.sent:,}",
            "–" if row.score is None else f"{row.score:.1f}",
        )
    table.notes += [f"{row.server}: {row.note}." for row in rows if row.note]
    return table


def cpu_cell(row: Row, digits: int = 1) -> str:
    """Give the milliseconds of CPU an answer as a cell."""
    figures = row.cpu_ms()
    return "–" if figures is None else Spread.of(figures).text(digits)


def megabytes(peak: int | None) -> str:
    """Give bytes as a cell of millions."""
    return "–" if peak is None else f"{peak / 1_000_000:,.0f}"


def _is_ours(row: Row) -> bool:
    return row.server == OURS and row.kind == SHIPPED


def _ratio_cell(ours: Row | None, theirs: Row) -> str:
    found = cpu_ratio(ours, theirs) if ours else None
    return "–" if found is None else found.text(2)


def _named(row: Row) -> str:
    kind = "" if row.kind == SHIPPED else f", {row.kind}"
    quality = "" if row.quality is None else f", quality {row.quality}"
    return f"{row.case.rpartition('→ ')[2]} · {row.server}{kind}{quality}"


def report(tables: Sequence[Table], about: Sequence[str], command: str, images: Mapping[str, Path]) -> str:
    """Give all that a run has to say: the command, what it measured on and beside, tables, and charts by their titles."""
    told = "  \n".join([f"`{command}`", *about, "Medians (least–greatest) of the rounds."])
    shown = [f"![{title}](images/{path.name})" for title, path in images.items()]
    return "\n\n".join([told, *(table.text() for table in tables if table.rows), *shown]) + "\n"


def replaced(document: str, measured: str) -> str:
    """Give a document with what stands between its marks replaced; raises `ValueError` if it has none.

    >>> replaced(f"a {BEGIN} old {END} b", "new").splitlines()
    ['a <!-- measured: begin -->', '', 'new', '<!-- measured: end --> b']
    """
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the document has no section between {BEGIN} and {END}")
    return f"{head}{BEGIN}\n\n{measured}\n{END}{tail}"


def save(path: Path, measured: str) -> None:
    """Replace the measured section of a document."""
    path.write_text(replaced(path.read_text(), measured))
