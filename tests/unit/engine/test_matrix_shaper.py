"""Profiles of curves and a matrix come to what Little CMS makes of them, by the processor's vectors."""

from __future__ import annotations

import ctypes
import random
import shutil

import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

from imgproxy_py.engine import matrix_shaper, native, standard_colors
from imgproxy_py.engine.lcms import RGB, Transform, open_transform, parts_of
from imgproxy_py.engine.matrix_shaper import MatrixShaper, open_shaper
from tests import profiles
from tests.unit.engine.test_standard_colors import ADOBE, GREYS, P3, SAME_AS_SRGB, WIDE

pytestmark = pytest.mark.skipif(
    native.library() is None and shutil.which("cc") is None, reason="there was no C compiler for the compiled part"
)

SRGB = bytes(pyvips.Operation.call("profile_load", "srgb"))
PIXELS = random.Random(1).randbytes(60_000)


def converted(conversion: Transform | MatrixShaper, pixels: bytes = PIXELS) -> bytes:
    changed = bytearray(pixels)
    place = ctypes.addressof((ctypes.c_char * len(changed)).from_buffer(changed))
    conversion.apply(place, len(changed) // conversion.bands)
    return bytes(changed)


@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("name", [*WIDE, *SAME_AS_SRGB])
def test_pixels_are_those_of_little_cms(name: str, bands: int) -> None:
    profile = (WIDE | SAME_AS_SRGB)[name]
    shaper, transform = open_shaper(profile, SRGB, bands), open_transform(profile, SRGB, bands)
    assert shaper is not None
    assert transform is not None
    assert converted(shaper) == converted(transform)


@pytest.mark.parametrize("profile", [P3, ADOBE], ids=["p3", "adobe"])
def test_wide_gamuts_are_converted_by_it(profile: bytes) -> None:
    known = standard_colors._known(profile, RGB)
    assert known is not None
    assert isinstance(known.transform, MatrixShaper)


amounts = st.floats(-0.3, 1.3)


@settings(deadline=None, max_examples=80)
@given(st.tuples(*[st.tuples(amounts, amounts, amounts)] * RGB), st.floats(0.5, 3.0), st.integers(0, 2**32))
def test_what_is_used_is_at_most_a_step_off_for_any_profile(
    colorants: profiles.Colorants, exponent: float, seed: int
) -> None:
    profile = profiles.matrix_profile(colorants, profiles.gamma(exponent), points=64)
    known, transform = standard_colors._known(profile, RGB), open_transform(profile, SRGB, RGB)
    assert (known is None) == (transform is None)
    if known is None or transform is None:
        return
    pixels = random.Random(seed).randbytes(9000)
    ours, theirs = converted(known.transform, pixels), converted(transform, pixels)
    assert max(abs(one - other) for one, other in zip(ours, theirs, strict=True)) <= 1


def test_one_that_comes_to_something_else_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_colors._known.cache_clear()
    monkeypatch.setattr(standard_colors, "open_shaper", lambda *_: open_shaper(ADOBE, SRGB, RGB))
    known = standard_colors._known(P3, RGB)
    standard_colors._known.cache_clear()
    assert known is not None
    assert isinstance(known.transform, Transform)


def test_what_is_no_such_profile_has_none() -> None:
    assert open_shaper(b"", SRGB, RGB) is None
    assert open_shaper(bytes(200), SRGB, RGB) is None
    assert open_shaper(GREYS["2.2"], SRGB, RGB) is None
    assert open_shaper(P3, GREYS["2.2"], RGB) is None


def test_colors_too_bright_for_32_bits_have_none() -> None:
    glaring = ((30.0, 30.0, 30.0), *profiles.DISPLAY_P3[1:])
    assert open_shaper(profiles.matrix_profile(glaring, profiles.gamma(2)), SRGB, RGB) is None


def test_without_the_compiled_part_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_shaper, "_compiled", lambda: None)
    assert open_shaper(P3, SRGB, RGB) is None


def test_without_little_cms_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_shaper, "parts_of", lambda _: None)
    assert open_shaper(P3, SRGB, RGB) is None
    assert parts_of(P3) is not None
