"""WebPs that imagecodecs writes are those that libvips writes, or are left to that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

from imgproxy_py.engine import encoding
from imgproxy_py.engine.codecs import webp
from imgproxy_py.errors import BrokenImage
from tests import pictures
from tests.unit.engine.making import transformed


def samples(width: int, height: int, bands: int, seed: int) -> pyvips.Image:
    """Noise under a slope; alpha, if there is any, is nothing, half or all at once, or noise."""
    noise = np.random.default_rng(seed).integers(0, 120, (height, width, bands))
    found = (noise + np.linspace(0, 135, width)[None, :, None]).astype(np.uint8)
    if bands == 4 and seed % 4:
        found[..., 3] = (0, 128, 255)[seed % 4 - 1]
    return pyvips.Image.new_from_array(found).copy(interpretation="srgb")


@settings(deadline=None, max_examples=150)
@given(
    st.integers(1, 120),
    st.integers(1, 120),
    st.sampled_from([3, 4]),
    st.integers(0, 99),
    st.integers(0, 100),
    st.integers(0, 6),
)
def test_files_are_those_of_libvips(width: int, height: int, bands: int, seed: int, quality: int, effort: int) -> None:
    image = samples(width, height, bands, seed)
    assert webp.file_of(image, quality, effort) == image.webpsave_buffer(Q=quality, effort=effort, keep=0)


def test_pixels_that_are_not_computed_yet_are() -> None:
    image = samples(90, 70, 3, 1).resize(0.5)
    assert webp.file_of(image, 79, 2) == image.webpsave_buffer(Q=79, effort=2, keep=0)


@pytest.mark.parametrize(
    "image",
    [
        pictures.marked().colourspace("b-w"),
        pictures.deep(pictures.marked()),
        pictures.cmyk(pictures.marked()),
        pictures.with_field(pictures.marked(40, 30), "page-height", 10),
        pictures.solid(16384, 1),
    ],
    ids=["grey", "16 bits", "CMYK", "frames", "large"],
)
def test_what_it_does_not_write_is_left_to_libvips(image: pyvips.Image) -> None:
    assert webp.file_of(image, 79, 2) is None


@pytest.fixture
def written_by_it(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether imagecodecs wrote each WebP for which it was asked."""
    told: list[bool] = []
    before = webp.file_of

    def file_of(*arguments: Any) -> bytes | None:
        told.append((data := before(*arguments)) is not None)
        return data

    monkeypatch.setattr(webp, "file_of", file_of)
    return told


@pytest.mark.parametrize(
    ("options", "by_it"),
    [
        ("w:60/f:webp", [True]),
        ("w:60/f:webp/q:95", [True]),
        ("w:60/f:webp/webpo:lossy:0:default", [True]),
        ("w:60/f:webp/webpo:lossless", []),
        ("w:60/f:webp/webpo:near_lossless", []),
        ("w:60/f:webp/webpo:lossy:1", []),
        ("w:60/f:webp/webpo:lossy:0:photo", []),
        ("w:60/f:webp/sm:0", []),
        ("w:60/f:webp/scp:0", []),
        ("w:60/f:jpg", []),
    ],
)
def test_answers_are_the_same_bytes_whoever_writes_them(
    monkeypatch: pytest.MonkeyPatch, written_by_it: list[bool], options: str, by_it: list[bool]
) -> None:
    data = pictures.png(pictures.wide_gamut(pictures.with_alpha(pictures.marked(120, 80))))
    found = transformed(data, options).data
    assert written_by_it == by_it
    monkeypatch.setattr(webp, "_encoder", lambda: None)
    assert transformed(data, options).data == found


@pytest.mark.parametrize(("milliseconds", "by_it"), [(20.0, []), (30.0, [True])])
def test_what_takes_long_can_be_interrupted_as_before(
    monkeypatch: pytest.MonkeyPatch, written_by_it: list[bool], milliseconds: float, by_it: list[bool]
) -> None:
    monkeypatch.setattr(encoding, "_SOON", milliseconds)
    transformed(pictures.png(pictures.solid(800, 500)), "f:webp/w:799")
    assert written_by_it == by_it


def test_animations_are_left_to_libvips(written_by_it: list[bool]) -> None:
    found = transformed(pictures.gif(pictures.animation(3)), "w:30/f:webp", max_animation_frames=10)
    assert pictures.read(found.data).get("n-pages") == 3
    assert written_by_it == [False]


def test_pixels_that_cannot_be_had_are_the_originals_fault() -> None:
    data = pictures.png(pictures.noise(300, 300))
    middle = len(data) // 2
    with pytest.raises(BrokenImage):
        transformed(data[:middle] + bytes(2000) + data[middle + 2000 :], "w:299/f:webp")
