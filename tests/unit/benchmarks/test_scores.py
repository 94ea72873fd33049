"""Scores are those of other implementations of the metric."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import pyvips

from benchmarks.scores import Scores, ssimulacra2_of
from tests.pictures import wide_gamut

_DOWN, _ACROSS = numpy.mgrid[0:300, 0:400]
_REFERENCE = numpy.stack([_ACROSS * 255 / 400, _DOWN * 255 / 300, 128 + 100 * numpy.sin(_ACROSS * _DOWN / 900)], axis=2)


def _png(pixels: Any) -> bytes:
    data: bytes = pyvips.Image.new_from_array(pixels.astype("uint8"), interpretation="srgb").pngsave_buffer()
    return data


@pytest.mark.parametrize(
    ("spoilt", "known"),
    [
        (lambda pixels: pixels, 100.0),
        (lambda pixels: pixels * 0.9 + 12, 68.725),
        (lambda pixels: pixels * 0.95 + 12 * (_ACROSS % 8 < 1)[:, :, None], 53.921),
    ],
    ids=["the same", "flatter", "striped"],
)
def test_scores_are_those_of_the_rust_implementation(spoilt: Callable[[Any], Any], known: float) -> None:
    assert ssimulacra2_of(_png(_REFERENCE), _png(spoilt(_REFERENCE))) == pytest.approx(known, abs=0.3)


@pytest.fixture
def original(tmp_path: Path) -> Path:
    image = pyvips.Image.new_from_array(_REFERENCE.astype("uint8"), interpretation="srgb").resize(2)
    image.jpegsave(str(tmp_path / "original.jpg"), Q=95, subsample_mode="off")
    return tmp_path / "original.jpg"


def _smaller(original: Path) -> pyvips.Image:
    return pyvips.Image.new_from_file(str(original)).resize(0.5)


def test_what_is_not_compressed_is_as_good_as_the_reference(original: Path) -> None:
    assert Scores().score(original, _smaller(original).pngsave_buffer()) > 99.9


def test_less_quality_is_a_lower_score(original: Path) -> None:
    scores = [Scores().score(original, _smaller(original).jpegsave_buffer(Q=quality)) for quality in (90, 60, 20)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[-1] > 20


def test_colours_are_seen_through_the_profile(original: Path) -> None:
    wide = wide_gamut(_smaller(original))
    with_profile = Scores().score(original, wide.pngsave_buffer())
    assert with_profile > 90
    assert Scores().score(original, wide.pngsave_buffer(keep="none")) < with_profile - 5
