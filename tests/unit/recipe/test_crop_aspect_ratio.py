"""`crop_aspect_ratio` (dialect §5.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.recipe.geometry import Size, plan
from imgproxy_py.recipe.model import Crop, Stage


def crop_of(source: Size, **given: float | bool) -> Size:
    return plan(Stage(crop=Crop(**given)), source).crop  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "given", "expected"),
    [
        ((600, 400), {"aspect_ratio": 1.0}, (400, 400)),
        ((600, 400), {"aspect_ratio": 2.0}, (600, 300)),
        ((600, 400), {"width": 300, "height": 300, "aspect_ratio": 1.5}, (300, 200)),
        ((600, 400), {"width": 300, "height": 300, "aspect_ratio": 0.5}, (150, 300)),
        ((600, 400), {"width": 300, "height": 200, "aspect_ratio": 1.5}, (300, 200)),
        ((600, 400), {"width": 300, "aspect_ratio": 1.0}, (300, 300)),
        ((600, 400), {"width": 300, "height": 300, "aspect_ratio": 1.5, "aspect_enlarge": True}, (450, 300)),
        ((600, 400), {"width": 300, "height": 300, "aspect_ratio": 0.5, "aspect_enlarge": True}, (200, 400)),
        ((600, 400), {"width": 500, "height": 350, "aspect_ratio": 2.0, "aspect_enlarge": True}, (600, 300)),
        ((600, 400), {"aspect_ratio": 1.0, "aspect_enlarge": True}, (400, 400)),
        ((101, 50), {"width": 51, "height": 50, "aspect_ratio": 1.5}, (51, 34)),
        ((101, 50), {"width": 50, "height": 50, "aspect_ratio": 4.0}, (50, 13)),  # 12.5 away from zero
        ((100, 100), {"aspect_ratio": 1000.0}, (100, 1)),
        ((600, 400), {"width": 300, "height": 100, "aspect_ratio": 0.0}, (300, 100)),
    ],
)
def test_the_area_gets_the_ratio(source: tuple[int, int], given: dict[str, float], expected: tuple[int, int]) -> None:
    assert crop_of(Size(*source), **given) == expected


def test_the_ratio_is_that_of_the_picture_as_it_is_seen() -> None:
    stage = Stage(crop=Crop(aspect_ratio=2.0))
    assert plan(stage, Size(400, 600), orientation=6).crop == (600, 300)


sides = st.integers(1, 5000)


@given(sides, sides, st.floats(0, 6000), st.floats(0, 6000), st.floats(0.01, 100), st.booleans())
def test_the_area_is_within_the_picture_and_has_the_ratio_but_for_rounding(
    width: int, height: int, crop_width: float, crop_height: float, ratio: float, enlarge: bool
) -> None:
    size = crop_of(
        Size(width, height), width=crop_width, height=crop_height, aspect_ratio=ratio, aspect_enlarge=enlarge
    )
    assert 1 <= size.width <= width
    assert 1 <= size.height <= height
    assert size.width == 1 or size.height == 1 or abs(size.width - size.height * ratio) <= 0.5 * ratio + 0.5 + 1e-6


@given(sides, sides, st.floats(1, 6000), st.floats(1, 6000), st.floats(0.01, 100))
def test_without_enlarge_no_side_grows(width: int, height: int, x: float, y: float, ratio: float) -> None:
    source = Size(width, height)
    plain, corrected = crop_of(source, width=x, height=y), crop_of(source, width=x, height=y, aspect_ratio=ratio)
    assert corrected.width <= min(plain.width, width)
    assert corrected.height <= min(plain.height, height)
