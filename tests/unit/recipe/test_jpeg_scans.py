"""Scans that an eighth of a JPEG does not need are left out, and its pixels stay what they were."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgproxy_py.recipe.jpeg_scans import for_an_eighth
from tests import pictures

SIZES = [(8, 8), (9, 15), (16, 16), (17, 33), (64, 40), (129, 250), (200, 120)]
LAYOUTS: dict[str, dict[str, Any]] = {
    "4:4:4": {"mode": "RGB", "subsampling": 0},
    "4:2:2": {"mode": "RGB", "subsampling": 1},
    "4:2:0": {"mode": "RGB", "subsampling": 2},
    "RGB": {"mode": "RGB", "keep_rgb": True},
    "grey": {"mode": "L"},
    "CMYK": {"mode": "CMYK"},
    "restarts": {"mode": "RGB", "subsampling": 2, "restart_marker_blocks": 3},
    "own tables": {"mode": "RGB", "subsampling": 2, "optimize": True},
}


def noisy(width: int, height: int, seed: int = 1) -> Image.Image:
    """Something with coefficients everywhere: a gradient under noise."""
    noise = np.random.default_rng(seed).integers(0, 120, (height, width, 3))
    slope = np.linspace(0, 135, width)[None, :, None] + np.zeros((height, 1, 3))
    return Image.fromarray((noise + slope).astype(np.uint8))


def jpeg(picture: Image.Image, mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    picture.convert(mode).save(out, "JPEG", **{"quality": 85, "progressive": True} | options)
    return out.getvalue()


def pixels(data: bytes, shrink: int = 8) -> bytes:
    image = pyvips.Image.jpegload_buffer(data, shrink=shrink, fail_on="warning")
    return bytes(image.write_to_memory())


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_eighth_has_the_same_pixels_from_fewer_bytes(layout: str, size: tuple[int, int]) -> None:
    data = jpeg(noisy(*size), **LAYOUTS[layout])
    less = for_an_eighth(data)
    assert pixels(less) == pixels(data)
    assert size[0] * size[1] < 1000 or len(less) < 0.7 * len(data)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(8, 150), st.integers(8, 150), st.integers(0, 99), st.sampled_from(sorted(LAYOUTS)), st.integers(5, 95)
)
def test_an_eighth_has_the_same_pixels_at_any_size(w: int, h: int, seed: int, layout: str, quality: int) -> None:
    data = jpeg(noisy(w, h, seed), quality=quality, **LAYOUTS[layout])
    assert pixels(for_an_eighth(data)) == pixels(data)


@pytest.mark.parametrize("options", [{"optimize_scans": True}, {"trellis_quant": True, "optimize_coding": True}])
def test_scripts_of_scans_that_were_searched_for_are_understood(options: dict[str, bool]) -> None:
    image = pyvips.Image.new_from_array(np.asarray(noisy(321, 200)))
    data = image.jpegsave_buffer(interlace=True, Q=80, **options)
    less = for_an_eighth(data)
    assert less != data
    assert pixels(less) == pixels(data)


def test_more_blocks_than_one_run_holds_are_all_said_to_be_empty() -> None:
    data = jpeg(noisy(2400, 1600), "L")  # 60,000 blocks; a run has at most 32,767
    less = for_an_eighth(data)
    assert len(less) < 0.4 * len(data)
    assert pixels(less) == pixels(data)


def test_what_stands_before_the_scans_stays() -> None:
    data = jpeg(noisy(64, 64), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0", icc_profile=b"a profile", comment=b"a comment")
    less = for_an_eighth(data)
    assert less != data
    for part in (b"Exif\0\0MM\0*", b"a profile", b"a comment"):
        assert part in less


def test_a_baseline_jpeg_is_left_alone() -> None:
    data = jpeg(noisy(64, 64), progressive=False)
    assert for_an_eighth(data) is data


def scan_starts(data: bytes) -> list[int]:
    return [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]


WHOLE = jpeg(noisy(96, 96))
LAST_SCAN = scan_starts(WHOLE)[-1]
LEFT_ALONE = {
    "no end marker": WHOLE[:-2],
    "cut in the first scan": WHOLE[: scan_starts(WHOLE)[0] + 40],
    "a refinement never came": WHOLE[:LAST_SCAN] + b"\xff\xd9",
    "two frames": WHOLE[:-2] + WHOLE[WHOLE.index(b"\xff\xc2") :],
    "too many scans": WHOLE[:-2] + 100 * WHOLE[LAST_SCAN:-2] + b"\xff\xd9",
    "a component that is none": WHOLE[: LAST_SCAN + 5] + b"\x77" + WHOLE[LAST_SCAN + 6 :],
    "rubbish between segments": WHOLE[:-2] + b"\xff\xe0\0\x04abrubbish\xff\xd9",
    "nothing": b"",
    "a picture of another format": pictures.png(pictures.solid(8, 8)),
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_is_not_whole_or_not_plain_is_left_alone(name: str) -> None:
    assert for_an_eighth(LEFT_ALONE[name]) is LEFT_ALONE[name]


@given(st.binary(max_size=60), st.integers(0, len(WHOLE)), st.integers(0, 40))
def test_damaged_bytes_are_answered_with_bytes(noise: bytes, at: int, gone: int) -> None:
    damaged = WHOLE[:at] + noise + WHOLE[at + gone :]
    assert isinstance(for_an_eighth(damaged), bytes)
