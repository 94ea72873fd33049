"""What is done stays done, whatever happens to the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgproxy_py.warming.journal import Journal


def test_what_was_noted_is_known_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "done"
    with Journal(path) as journal:
        journal.note("avif https://e.com/é")
        assert path.read_text() == "avif https://e.com/é\n"  # in the file at once
        journal.note("b")
    with Journal(path) as journal:
        assert "avif https://e.com/é" in journal
        assert "b" in journal
        assert "c" not in journal
        journal.note("c")
    assert path.read_text() == "avif https://e.com/é\nb\nc\n"


@pytest.mark.parametrize("torn", ["/b", "/b/c\n/é", "x"])
def test_a_line_that_was_cut_off_does_not_count(torn: str, tmp_path: Path) -> None:
    path = tmp_path / "done"
    path.write_text(f"/a\n{torn}")
    with Journal(path) as journal:
        assert "/a" in journal
        assert torn.splitlines()[-1] not in journal
        journal.note("/d")
    assert path.read_text() == "/a\n" + "".join(f"{line}\n" for line in torn.splitlines()[:-1]) + "/d\n"


def test_a_fresh_one_begins_anew_and_a_finished_one_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "done"
    path.write_text("/a\n")
    with Journal(path, fresh=True) as journal:
        assert "/a" not in journal
        journal.note("/b")
    assert path.read_text() == "/b\n"
    with Journal(path) as journal:
        journal.forget()
    assert not path.exists()


def test_two_do_not_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "done"
    with Journal(path), pytest.raises(ValueError, match="another run has it open"):
        Journal(path).__enter__()
    with Journal(path):
        pass


def test_without_a_place_it_remembers_until_its_end(tmp_path: Path) -> None:
    with Journal(None) as journal:
        journal.note("/a")
        assert "/a" in journal
        journal.forget()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a file that can be written"):
        Journal(tmp_path / "none" / "done").__enter__()
