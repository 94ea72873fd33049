"""Damaged and hostile files of every format that a codec of ours reads: our own errors, no crash, memory back."""

from __future__ import annotations

import gc
import os
import resource
from pathlib import Path

import pytest

from imgproxy_py.engine import libvips
from imgproxy_py.errors import ImageError, SourceTooLarge
from imgproxy_py.recipe.formats import VIDEOS, Format, sniff
from tests import pictures
from tests.originals import bridged
from tests.unit.engine.making import failure, pixels_beyond, transformed

FILES = bridged()
EACH = pytest.mark.parametrize("kind", FILES, ids=str)
MAY_FAIL_WITH = (ImageError, SourceTooLarge)
FEW, MANY = range(8), range(8, 60)
EVERY_BYTE, SOME_BYTES = range(4, 200, 3), range(5, 200, 27)
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def outcome(data: bytes, options: str = "w:40/f:png") -> type[BaseException] | None:
    """How a file ends: `None` for a picture, else the error, which has to be one of ours about the image."""
    found = failure(lambda: transformed(data, options, max_src_resolution=2.0))
    assert found is None or issubclass(found, MAY_FAIL_WITH), found
    return found


@EACH
def test_the_whole_file_is_a_picture(kind: Format) -> None:
    assert sniff(FILES[kind]) is kind
    assert outcome(FILES[kind]) is None


@EACH
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9, 0.99])
def test_a_cut_file_ends_in_words_of_ours(kind: Format, share: float) -> None:
    found = outcome(pictures.truncated(FILES[kind], share))
    if share <= 0.5 and kind not in VIDEOS | {
        Format.PDF
    }:  # a film's or document's beginning may hold the frame or page
        assert found is not None


@EACH
@pytest.mark.parametrize("seeds", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"])
def test_changed_bytes_end_in_a_picture_or_in_words_of_ours(kind: Format, seeds: range) -> None:
    for seed in seeds:
        outcome(pictures.corrupted(FILES[kind], seed))


@EACH
@pytest.mark.parametrize("places", [SOME_BYTES, pytest.param(EVERY_BYTE, marks=pytest.mark.slow)], ids=["some", "all"])
def test_changed_headers_end_in_a_picture_or_in_words_of_ours(kind: Format, places: range) -> None:
    data = FILES[kind]
    for at in (place for place in places if place < len(data)):
        for value in (0x00, 0x7F, 0xFF):
            outcome(data[:at] + bytes([value]) * 2 + data[at + 2 :])


@EACH
def test_what_follows_a_signature_may_be_anything(kind: Format) -> None:
    beginning = FILES[kind][:48]
    for rest in (b"", bytes(4096), b"\xff" * 4096, beginning * 50):
        outcome(beginning + rest)


@EACH
@pytest.mark.parametrize("times", [8, pytest.param(40, marks=pytest.mark.slow)])
def test_memory_comes_back(kind: Format, times: int) -> None:
    """Repeated decoding, of whole files and of broken ones, does not add up."""
    whole, broken = FILES[kind], pictures.corrupted(FILES[kind], 1)
    for _ in range(5):
        outcome(whole), outcome(broken)
    gc.collect()
    before, pixels = resident(), libvips.memory()
    for _ in range(times):
        outcome(whole), outcome(broken)
    assert pixels_beyond(pixels) <= 0
    assert resident() - before < 24_000_000


@pytest.mark.slow
def test_two_hundred_more_mutations_of_each_do_not_crash() -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data in FILES.values():
        for seed in range(1_000, 1_200):
            outcome(pictures.corrupted(data, seed, flips=20))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 400_000  # kilobytes
