"""Figures as Markdown, on the screen and in a document."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

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


def report(tables: list[Table], machine: str, command: str) -> str:
    """Give all that a run has to say."""
    told = f"`{command}`  \n{machine}  \nMedians (least–greatest) of the rounds."
    return "\n\n".join([told, *(table.text() for table in tables)]) + "\n"


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
