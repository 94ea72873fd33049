"""A run tells what it could not measure, draws what it did, and nothing of where pictures lie."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pyvips

from benchmarks import __main__ as run
from benchmarks import charts
from benchmarks.bench import SHORT, Bench, Outcome
from benchmarks.measures import MATCHED, OURS, Row, Turn
from benchmarks.originals import Originals
from benchmarks.peers import CannotRun, Server
from benchmarks.report import Table

_TURN = Turn(answers=10, seconds=1.0, cpu=0.5, p50=20.0, p99=30.0, peak=100_000_000, sent=1000)
_ROW = Row(workload="singles", case="12mp → 400 px WebP", server=OURS, turns=(_TURN, _TURN))


class _Absent:
    """A peer that is not to be had."""

    name = "absent"
    keeps = False
    takes_quality = False

    def prepare(self) -> str:
        raise CannotRun("npm is not installed")

    @contextmanager
    def serving(self, pictures: Path, work: Path, *, keeps: bool) -> Iterator[Server]:
        raise AssertionError
        yield


def _bench(tmp_path: Path) -> Bench:
    return Bench(originals=Originals(tmp_path), peers=[], effort=SHORT, work=tmp_path, connections=1)


def test_a_peer_that_cannot_be_had_is_told() -> None:
    peers, told = run._peers(argparse.Namespace(no_peers=True, peer=[_Absent()]))
    assert peers == []
    assert told == ["absent is missing: npm is not installed"]


def test_a_workload_that_breaks_off_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(bench: Bench) -> Outcome:
        raise RuntimeError("the server answered 500")

    monkeypatch.setitem(run.WORKLOADS, "singles", (broken, ""))
    assert run._measured("singles", _bench(tmp_path)).broken == "singles broke off: the server answered 500"


def test_the_command_is_told_without_the_folder_of_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["x", "--only", "hits", "--pictures", "/home/jo/photos", "--rounds", "3"])
    assert run._command() == "python -m benchmarks --only hits --pictures FOLDER --rounds 3"


def test_the_effort_is_that_of_the_run_unless_told_otherwise() -> None:
    short = run._effort(argparse.Namespace(full=False, rounds=None, seconds=None))
    assert short == SHORT
    assert run._effort(argparse.Namespace(full=False, rounds=5, seconds=None)) == replace(SHORT, rounds=5)


def test_a_run_is_kept_as_json_tables_and_charts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "_BENCH", tmp_path / "bench")
    monkeypatch.setattr("sys.argv", ["x"])
    document = tmp_path / "benchmarks.md"
    document.write_text("<!-- measured: begin -->\n<!-- measured: end -->\n")
    outcome = Outcome([_ROW], [Table("Singles", ["picture"], [["small"]])])
    run._tell(argparse.Namespace(save=document), [outcome, Outcome([], [], broken="hits broke off")], ["two cores"])
    results = json.loads((tmp_path / "bench" / "results.json").read_text())
    assert results["about"] == ["two cores", "hits broke off"]
    assert results["rows"][0]["turns"][0]["cpu"] == 0.5
    printed = capsys.readouterr().out
    assert "hits broke off" in printed
    assert "![CPU per picture, one at a time](images/bench-singles.png)" in document.read_text()
    assert (tmp_path / "images" / "bench-singles.png").exists()


def test_charts_show_each_server_in_its_colour(tmp_path: Path) -> None:
    others = [replace(_ROW, server="other"), replace(_ROW, server="other", kind=MATCHED)]
    rows = [_ROW, *others, replace(_ROW, workload="hits"), replace(_ROW, workload="mixed", case="mixed")]
    drawn = charts.draw(rows, tmp_path)
    assert sorted(path.name for path in drawn.values()) == ["bench-hits.png", "bench-pages.png", "bench-singles.png"]
    chart = pyvips.Image.new_from_file(str(tmp_path / "bench-singles.png"))[:3]
    for colour in (charts._COLOURS[0], charts._COLOURS[1]):
        wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        assert ((chart == wanted).bandand()).max() == 255


def test_nothing_measured_is_no_chart(tmp_path: Path) -> None:
    assert charts.draw([], tmp_path) == {}
