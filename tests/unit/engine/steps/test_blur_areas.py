"""Areas of the original are blurred wherever cuts and turns bring them, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.recipe.geometry import Size, area_pixels
from imgproxy_py.recipe.model import Box
from tests import pictures
from tests.unit.engine.making import array, made, same

NOISE = pictures.noise(60, 40)
AREA = "0.25:0.1:0.25:0.5"  # of 60×40: from (15, 4), 15 wide, 20 high


def changed(found, plain) -> tuple[int, int, int, int] | None:
    """The box around all pixels that differ: left, top, right, bottom."""
    rows, columns = np.nonzero((array(found) != array(plain)).any(axis=2))
    return (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) if len(rows) else None


def test_within_the_area_is_the_blurred_picture_and_outside_the_picture() -> None:
    found, blurred = made(pictures.png(NOISE), f"ba:4:{AREA}/f:png"), NOISE.gaussblur(4)
    expected = NOISE.insert(blurred.crop(15, 4, 15, 20), 15, 4)
    assert same(found, expected)


def test_several_areas_are_blurred_once_where_they_overlap() -> None:
    found = made(pictures.png(NOISE), "ba:3:0:0:0.5:0.5:0.25:0.25:0.5:0.5:0.9:0.9:0.1:0.1/f:png")
    blurred = NOISE.gaussblur(3)
    expected = NOISE.insert(blurred.crop(0, 0, 30, 20), 0, 0).insert(blurred.crop(15, 10, 30, 20), 15, 10)
    assert same(found, expected.insert(blurred.crop(54, 36, 6, 4), 54, 36))


# Where the area (15, 4) to (30, 24) comes to, orientation by orientation (EXIF 2.32, tag 274).
ORIENTED = {
    1: (15, 4, 30, 24),
    2: (30, 4, 45, 24),
    3: (30, 16, 45, 36),
    4: (15, 16, 30, 36),
    5: (4, 15, 24, 30),
    6: (16, 15, 36, 30),
    7: (16, 30, 36, 45),
    8: (4, 30, 24, 45),
}


@pytest.mark.parametrize(("orientation", "box"), ORIENTED.items())
def test_areas_are_those_of_the_original_as_stored(orientation: int, box: tuple[int, int, int, int]) -> None:
    data = pictures.jpeg(pictures.with_orientation(NOISE, orientation), Q=95)
    assert changed(made(data, f"ba:5:{AREA}/f:png"), made(data, "f:png")) == box


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("options", ["rot:90", "rot:180", "fl:1", "fl:0:1", "rot:270/fl:1:1", "c:30:20:nowe", "ar:0"])
def test_they_follow_turns_flips_and_cuts(orientation: int, options: str) -> None:
    """The same pixels change as when the original is blurred before everything else."""
    stored = NOISE.insert(NOISE.gaussblur(4).crop(15, 4, 15, 20), 15, 4)
    expected = made(pictures.png(pictures.with_orientation(stored, orientation)), f"{options}/f:png")
    found = made(pictures.png(pictures.with_orientation(NOISE, orientation)), f"ba:4:{AREA}/{options}/f:png")
    plain = made(pictures.png(pictures.with_orientation(NOISE, orientation)), f"{options}/f:png")
    assert changed(found, plain) == changed(expected, plain)
    if not options.startswith("c:"):  # beside a cut a blur sees its edge, and not what lay behind
        assert np.abs(array(found).astype(int) - array(expected)).max() <= 2


@pytest.mark.parametrize(
    ("options", "box"),
    [
        ("w:30", (7, 2, 15, 12)),  # 7.5 begins in pixel 7
        ("w:120/el:1", (30, 8, 60, 48)),
        ("rs:fill:20:40", (0, 4, 10, 24)),  # its columns 20 to 40 remain
        ("c:20:20:nowe", (15, 4, 20, 20)),
        ("c:10:10:soea", None),
        ("rs:force:30:40", (7, 4, 15, 24)),
    ],
)
def test_they_follow_the_size(options: str, box: tuple[int, int, int, int] | None) -> None:
    data = pictures.png(NOISE)
    assert changed(made(data, f"ba:5:{AREA}/{options}/f:png"), made(data, f"{options}/f:png")) == box


def test_they_follow_a_trimmed_border() -> None:
    data = pictures.png(pictures.bordered(60, 40, (10, 30, 10, 30)))  # 120×60
    area = "0.25:0.16666667:0.25:0.33333333"  # the picture's upper left quarter
    box = changed(made(data, f"t:5/ba:5:{area}/f:png"), made(data, "t:5/f:png"))
    assert box is not None
    assert (np.array(box) <= (0, 0, 30, 20)).all()
    assert box[2] > 20
    assert box[3] > 15


def test_they_follow_a_smart_crop() -> None:
    image = pictures.solid(120, 40).insert(NOISE.crop(0, 0, 30, 30), 85, 5)
    data = pictures.png(image)
    options = "rs:fill:40:40/g:sm"
    box = changed(made(data, f"{options}/ba:4:0.70833333:0.125:0.25:0.75/f:png"), made(data, f"{options}/f:png"))
    left = made(data, f"{options}/f:png").find_trim(background=[90, 140, 200], threshold=5)[0]
    assert box is not None
    assert box[0] == pytest.approx(left, abs=1)
    assert (box[1], box[3]) == (5, 35)


def test_a_later_pipeline_means_the_same_original() -> None:
    data = pictures.png(NOISE)
    found = made(data, f"c:30:40:we|rot:90/ba:5:{AREA}/f:png")
    assert changed(found, made(data, "c:30:40:we|rot:90/f:png")) == (16, 15, 36, 30)


@pytest.mark.parametrize(
    "image",
    [
        pictures.grey(NOISE),
        pictures.deep(NOISE),
        pictures.with_alpha(NOISE),
        pictures.with_alpha(pictures.grey(NOISE)),
    ],
    ids=["grey", "16", "alpha", "grey alpha"],
)
def test_all_kinds_of_pixels_keep_their_kind(image) -> None:
    found = made(pictures.png(image), f"ba:4:{AREA}/ph:1/f:png")
    assert (found.bands, found.format, found.interpretation) == (image.bands, image.format, image.interpretation)
    assert changed(found, image) == (15, 4, 30, 24)


@pytest.mark.parametrize("options", [f"ba:0:{AREA}", "ba:5", "ba:5:0.5:0.5:0:0"])
def test_nothing_to_blur_changes_nothing(options: str) -> None:
    assert same(made(pictures.png(NOISE), f"{options}/f:png"), NOISE)


def test_a_thousand_areas_cost_no_more_than_one_blur() -> None:
    areas = ":".join(["0:0:1:1"] * 1000)
    assert same(made(pictures.png(NOISE), f"ba:4:{areas}/f:png"), NOISE.gaussblur(4))


@given(st.floats(-2, 2), st.floats(0, 2), st.integers(1, 500))
def test_an_area_covers_each_pixel_that_it_touches(start: float, length: float, side: int) -> None:
    found = area_pixels(Box(left=start, top=0, width=length, height=1), Size(side, 1))
    touched = [at for at in range(side) if start * side < at + 1 - 2e-6 and (start + length) * side > at + 2e-6]
    if found is None:
        assert not touched
    elif touched:
        assert found[0] <= touched[0]
        assert found[0] + found[2] >= touched[-1] + 1
        assert found[2] <= len(touched) + 2
        assert 0 <= found[0] < found[0] + found[2] <= side
