"""What a soak says of its samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.soak import Sample, Soak, draw, report, targets, write_samples

MEGABYTE = 1024 * 1024


def soak(*resident: int) -> Soak:
    """A run that was looked at after every hundred pictures, and at rest; megabytes."""
    return Soak(samples=[Sample(place, 100 * place, one * MEGABYTE) for place, one in enumerate(resident)], cpu=1.0)


def test_growth_is_that_of_the_second_half() -> None:
    warming = soak(100, 200, 300, 400, 500, 500, 500, 500, 500, 200)
    assert warming.growth() == pytest.approx(0, abs=1)
    leaking = soak(100, 200, 300, 400, 500, 510, 520, 530, 540, 200)
    assert leaking.growth() == pytest.approx(10 * MEGABYTE / 100)


def test_peak_and_rest() -> None:
    run = soak(100, 400, 300, 200)
    assert (run.peak, run.at_rest) == (400 * MEGABYTE, 200 * MEGABYTE)
    told = report(run, "two cores", "command")
    assert "| peak | 400 MB |" in told
    assert "200 MB |" in told


def test_one_sample_has_no_growth() -> None:
    assert soak(100, 100).growth() == 0


def test_targets_are_all_different_and_the_same_in_each_run(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.png", "note.txt"):
        (tmp_path / name).touch()
    asked = targets(tmp_path, 200)
    assert len(set(asked)) == 200
    assert asked == targets(tmp_path, 200)
    assert not any("note.txt" in one for one in asked)
    assert any("a.jpg" in one for one in asked)
    assert any("b.png" in one for one in asked)


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no pictures"):
        targets(tmp_path, 1)


def test_samples_and_chart_are_files(tmp_path: Path) -> None:
    run = soak(100, 150, 120)
    write_samples(run, tmp_path / "soak.csv")
    assert (tmp_path / "soak.csv").read_text().splitlines()[:2] == [
        "seconds,pictures,resident_bytes",
        "0.00,0,104857600",
    ]
    draw(run, tmp_path / "soak.png")
    assert (tmp_path / "soak.png").read_bytes().startswith(b"\x89PNG")
