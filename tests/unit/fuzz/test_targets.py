"""Fuzzing's targets hold for what they begin from, and its report tells what libFuzzer wrote."""

from __future__ import annotations

import importlib
import random
from itertools import islice
from pathlib import Path

import pytest

from tests.fuzz.__main__ import TARGETS
from tests.fuzz.report import finished, report

LOG = """\
INFO: Running with entropic power schedule (0xFF, 100).
#2\tINITED cov: 20 ft: 20 corp: 1/1b exec/s: 0 rss: 41Mb
#94\tNEW    cov: 1021 ft: 21 corp: 42/5b lim: 6 exec/s: 9 rss: 44Mb L: 4/4 MS: 2 Custom-Custom-
Done 7546 runs in 21 second(s)
stat::number_of_executed_units: 7546
stat::slowest_unit_time_sec:    3
stat::peak_rss_mb:              45
"""
BROKEN = """\
#2\tINITED cov: 20 ft: 20 corp: 1/1b exec/s: 0 rss: 41Mb
 === Uncaught Python exception: ===
AssertionError: it does not hold
==123== ERROR: libFuzzer: fuzz target exited
SUMMARY: libFuzzer: fuzz target exited
"""


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_its_seeds_and_for_those_changed_a_little(name: str) -> None:
    target, chance = importlib.import_module(f"tests.fuzz.targets.{name}"), random.Random(5)
    seeds = list(target.seeds())
    assert seeds
    for seed in chance.sample(seeds, min(len(seeds), 20)):
        target.judge(seed)
        target.judge(_changed(target, seed, chance))


def _changed(target: object, seed: bytes, chance: random.Random) -> bytes:
    def flipped(data: bytes) -> bytes:
        at = chance.randrange(len(data) + 1)
        return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]

    own = getattr(target, "mutated", None)
    return flipped(seed) if own is None else own(seed, chance, flipped)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_is_bounded(name: str) -> None:
    target = importlib.import_module(f"tests.fuzz.targets.{name}")
    assert 1 <= target.SECONDS <= 20
    assert 500 <= target.MEGABYTES <= 2000
    assert all(len(seed) <= target.LONGEST for seed in islice(target.seeds(), 200))
    assert all(isinstance(word, bytes) and word for word in target.WORDS)


def test_a_run_is_read_from_its_log() -> None:
    run = finished("svg", LOG, 0, [])
    assert (run.runs, run.seconds, run.edges, run.corpus, run.slowest) == (7546, 21, 1021, 42, 3)
    assert (run.first_megabytes, run.peak_megabytes, run.findings) == (41, 45, ())
    assert "| svg | 7,546 | 21 | 1,021 | 42 | 3 | 41 → 45 | 0 |" in report([run])
    assert "Nothing was found." in report([run])


def test_findings_are_told_with_their_reason_and_file() -> None:
    run = finished("svg", BROKEN, 77, [Path("found/failed-1")])
    assert run.findings == ("AssertionError: it does not hold (found/failed-1)",)
    assert "- svg: AssertionError: it does not hold (found/failed-1)" in report([run])
    assert "ended" in run.line()


@pytest.mark.parametrize("code", [-9, -11, 1])
def test_a_process_that_ends_badly_is_a_finding_even_without_a_file(code: int) -> None:
    assert finished("svg", "", code, []).findings == (f"ended with {code}",)
