"""Canvas and padding: transparent black around, at the place that gravity says."""

from __future__ import annotations

import numpy as np
import pytest

from tests import pictures
from tests.unit.engine.making import array, made

MARKED = pictures.marked(60, 40)


def surrounded(left: int, top: int, width: int, height: int, image=MARKED) -> np.ndarray:
    canvas = np.zeros((height, width, image.bands + 1), np.uint8)
    canvas[top : top + image.height, left : left + image.width, :-1] = array(image)
    canvas[top : top + image.height, left : left + image.width, -1] = 255
    return canvas


@pytest.mark.parametrize(
    ("gravity", "left", "top"),
    [("ce", 20, 30), ("nowe", 0, 0), ("soea", 40, 60), ("no:0:7", 20, 7), ("soea:5:5", 35, 55), ("fp:0:0", 0, 0)],
)
def test_the_picture_lies_where_gravity_says(gravity: str, left: int, top: int) -> None:
    found = array(made(pictures.png(MARKED), f"rs:fit:100:100/ex:1:{gravity}/f:png"))
    assert np.array_equal(found, surrounded(left, top, 100, 100))


def test_only_the_given_side_is_extended() -> None:
    assert np.array_equal(array(made(pictures.png(MARKED), "w:80/ex:1:we/f:png")), surrounded(0, 0, 80, 40))


def test_aspect_ratio_extends_no_more_than_needed() -> None:
    found = array(made(pictures.png(MARKED), "rs:fit:200:200/exar:1:no/f:png"))
    assert np.array_equal(found, surrounded(0, 0, 60, 60))


def test_padding_goes_round_clockwise_from_the_top() -> None:
    found = array(made(pictures.png(MARKED), "pd:1:2:3:4/f:png"))
    assert np.array_equal(found, surrounded(4, 1, 66, 44))


def test_a_grey_picture_gets_alpha_and_stays_grey() -> None:
    image = pictures.grey(MARKED)
    found = made(pictures.png(image), "pd:3/f:png")
    assert np.array_equal(array(found), surrounded(3, 3, 66, 46, image))


def test_sixteen_bits_get_opaque_alpha_of_sixteen_bits() -> None:
    found = made(pictures.png(pictures.deep(MARKED)), "pd:3/ph:1/f:png")
    assert found(30, 20)[3] == 65535
    assert found(0, 0) == [0, 0, 0, 0]


def test_surroundings_take_the_background() -> None:
    found = array(made(pictures.png(MARKED), "pd:2/bg:10:20:30/f:png"))
    assert found.shape == (44, 64, 3)
    assert (found[0] == [10, 20, 30]).all()


def test_surroundings_are_white_where_the_format_has_no_alpha() -> None:
    found = made(pictures.png(MARKED), "pd:8/f:jpeg/q:100")
    assert min(found(1, 1)) >= 254
