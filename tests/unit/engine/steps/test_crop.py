"""Where the first cut lies: in the picture as it is seen, after orientation, rotation and flips."""

from __future__ import annotations

import numpy as np
import pytest

from tests import pictures
from tests.unit.engine.making import array, made
from tests.unit.engine.steps.test_orient import UPRIGHT

# A side difference of a multiple of four keeps the centre formula symmetric (dialect §9).
WIDTH, HEIGHT, INNER_WIDTH, INNER_HEIGHT = 60, 44, 20, 12
MARKED = pictures.marked(WIDTH, HEIGHT)
CORNERS = {"nowe": (0, 0), "noea": (1, 0), "sowe": (0, 1), "soea": (1, 1)}


def seen(orientation: int, rotate: int, flip: str) -> np.ndarray:
    pixels = np.rot90(UPRIGHT[orientation](array(MARKED)), -rotate // 90)
    pixels = pixels[:, ::-1] if flip[0] == "1" else pixels
    return pixels[::-1] if flip[2] == "1" else pixels


@pytest.mark.parametrize("gravity", CORNERS)
@pytest.mark.parametrize("flip", ["0:0", "1:0", "0:1", "1:1"])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_corner_is_a_corner_of_what_is_seen(orientation: int, rotate: int, flip: str, gravity: str) -> None:
    picture = seen(orientation, rotate, flip)
    height, width = picture.shape[:2]
    east, south = CORNERS[gravity]
    left = width - INNER_WIDTH - 3 if east else 3
    top = height - INNER_HEIGHT - 5 if south else 5
    data = pictures.png(pictures.with_orientation(MARKED, orientation))
    options = f"c:{INNER_WIDTH}:{INNER_HEIGHT}:{gravity}:3:5/rot:{rotate}/fl:{flip}/f:png"
    assert np.array_equal(array(made(data, options)), picture[top : top + INNER_HEIGHT, left : left + INNER_WIDTH])


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_focus_point_is_a_point_of_what_is_seen(orientation: int) -> None:
    picture = seen(orientation, 0, "0:0")
    height, width = picture.shape[:2]
    # An even inner size and whole pixels make turning it exact.
    left, top = round(width * 0.5) - 6, round(height * 0.25) - 5
    data = pictures.png(pictures.with_orientation(MARKED, orientation))
    found = array(made(data, "c:12:10:fp:0.5:0.25/f:png"))
    assert np.array_equal(found, picture[top : top + 10, left : left + 12])


def test_shares_and_pixels_mean_the_same() -> None:
    data = pictures.png(MARKED)
    assert np.array_equal(array(made(data, "c:0.5:0.25:nowe/f:png")), array(MARKED)[:11, :30])
    assert np.array_equal(array(made(data, "c:30.9:11.5:nowe/f:png")), array(MARKED)[:11, :30])


def test_the_general_gravity_counts_where_the_crop_has_none() -> None:
    data = pictures.png(MARKED)
    assert np.array_equal(array(made(data, "c:10:10/g:soea/f:png")), array(MARKED)[-10:, -10:])
    assert np.array_equal(array(made(data, "c:10:10:no:0:0/g:soea/f:png")), array(MARKED)[:10, 26:36])


def test_offsets_are_in_source_pixels_whatever_the_dpr() -> None:
    data = pictures.png(MARKED)
    assert np.array_equal(array(made(data, "c:10:10:nowe:7:3/dpr:2/f:png")), array(MARKED)[3:13, 7:17])


def test_a_crop_before_reduced_decoding_lies_where_it_lay() -> None:
    blocks = pictures.solid(800, 800, (255, 255, 255)).draw_rect([255, 0, 0], 400, 240, 80, 80, fill=True)
    image = made(pictures.jpeg(blocks, Q=95), "c:80:80:nowe:400:240/w:10/f:png")
    assert (image.width, image.height) == (10, 10)
    assert image(5, 5)[0] > 220 > 40 > image(5, 5)[1]
    assert image[1].max() < 120


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_smart_crop_is_libvips_own(orientation: int) -> None:
    image = pictures.solid(200, 100, (90, 90, 90)).insert(pictures.noise(30, 30), 140, 20)
    data = pictures.png(pictures.with_orientation(image, orientation))
    wide, high = (50, 40) if orientation < 5 else (40, 50)
    expected = UPRIGHT[orientation](array(image.smartcrop(50, 40)))
    assert np.array_equal(array(made(data, f"c:{wide}:{high}:sm/f:png")), expected)
