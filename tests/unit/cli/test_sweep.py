"""`imgproxy-py sweep`."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten results of 100 bytes, each an hour older than the one before."""
    monkeypatch.setenv("IMGPROXY_RESULT_STORE", f"local://{tmp_path}")
    (place := tmp_path / "ab" / "cd").mkdir(parents=True)
    for hours in range(10):
        path = place / f"{hours:064}"
        path.write_bytes(bytes(100))
        os.utime(path, (0, time.time() - 3600 * hours - 1))
    return tmp_path


def test_a_folder_is_swept_once_and_told_of(folder: Path, run: Run) -> None:
    swept = run("sweep", "--max-age", str(8 * 3600), "--max-bytes", "500")
    assert (swept.exit_code, swept.stdout) == (0, "5 files of 500 bytes removed, 5 files of 500 bytes left\n")
    assert sorted(path.name for path in folder.glob("*/*/*")) == [f"{hours:064}" for hours in range(5)]


def test_what_is_not_said_is_as_set(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_RESULT_STORE_MAX_BYTES", "900")
    assert run("sweep").stdout.startswith("1 files of 100 bytes removed")


def test_another_that_sweeps_is_told(folder: Path, run: Run) -> None:
    with (folder / ".sweeping").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert run("sweep", "--max-bytes", "1").stdout == "another process is sweeping\n"


@pytest.mark.parametrize(
    ("store", "arguments", "reason"),
    [
        ("", ["--max-age", "1"], "is no folder"),
        ("s3://bucket", ["--max-age", "1"], "lifecycle rules"),
        ("local:///nowhere/at/all", ["--max-age", "1"], "cannot be swept: [Errno 2]"),
        ("local:///nowhere/at/all", [], "nothing bounds the folder"),
    ],
)
def test_what_cannot_be_swept_is_refused(
    store: str, arguments: list[str], reason: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGPROXY_RESULT_STORE", store)
    refused = run("sweep", *arguments)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert reason in refused.stderr
