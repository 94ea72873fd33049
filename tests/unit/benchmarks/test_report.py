"""How figures are written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.report import BEGIN, END, Table, replaced, report, save


def test_a_table_is_markdown_with_figures_to_the_right() -> None:
    table = Table("Cold", ["picture", "ms"], notes=["A note."])
    table.add("small", "1.5")
    assert table.text() == "### Cold\n\n| picture | ms |\n| --- | ---: |\n| small | 1.5 |\n\nA note."


def test_a_row_has_as_many_cells_as_there_are_columns() -> None:
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        Table("Cold", ["picture", "ms"]).add("small")


def test_a_report_begins_with_command_and_machine() -> None:
    lines = report([Table("Cold", ["picture"], [["small"]])], ["two cores"], "python -m benchmarks", {}).splitlines()
    assert lines[0].strip() == "`python -m benchmarks`"
    assert lines[1].strip() == "two cores"


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replaced(document, "new\n") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"


def test_what_is_replaced_twice_is_as_if_replaced_once() -> None:
    once = replaced(f"{BEGIN}{END}", "new\n")
    assert replaced(once, "new\n") == once


@pytest.mark.parametrize("document", ["nothing", BEGIN, END, f"{END}{BEGIN}"])
def test_a_document_without_its_marks_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match="no section"):
        replaced(document, "new")


def test_a_document_is_saved_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    path.write_text(f"method\n{BEGIN}{END}\n")
    save(path, "figures\n")
    assert path.read_text() == f"method\n{BEGIN}\n\nfigures\n\n{END}\n"
