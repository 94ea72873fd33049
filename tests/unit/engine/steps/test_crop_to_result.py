"""The cut of `fill`: in the final orientation, offsets in device pixels."""

from __future__ import annotations

import numpy as np
import pytest

from tests import pictures
from tests.unit.engine.making import array, made, same

MARKED = pictures.marked(60, 44)
SCALED = MARKED.resize(0.5, vscale=0.5)  # 30 × 22


@pytest.mark.parametrize(
    ("gravity", "left", "top"),
    [
        ("ce", 6, 0),
        ("no", 6, 0),
        ("we", 0, 0),
        ("ea", 10, 0),
        ("nowe", 0, 0),
        ("soea", 10, 0),
        ("we:4", 4, 0),
        ("ea:4", 6, 0),
        ("ce:2", 8, 0),
        ("we:0.1", 3, 0),
        ("fp:0:0", 0, 0),
        ("fp:0.5:0.5", 5, 0),
        ("fp:1:1", 10, 0),
        ("we:500", 10, 0),
    ],
)
def test_the_cut_lies_where_gravity_says(gravity: str, left: int, top: int) -> None:
    # The centre is a pixel off: (30 - 20 + 1) / 2 = 5.5, halves to even (dialect §9).
    found = made(pictures.png(MARKED), f"rs:fill:20:22/g:{gravity}/f:png")
    assert same(found, SCALED.crop(left, top, 20, 22))


def test_offsets_are_multiplied_by_the_effective_dpr() -> None:
    found = made(pictures.png(MARKED), "rs:fill:10:11/dpr:2/g:we:3/f:png")
    assert same(found, SCALED.crop(6, 0, 20, 22))


def test_gravity_is_that_of_the_turned_picture() -> None:
    data = pictures.png(pictures.with_orientation(MARKED, 6))
    turned = np.rot90(array(MARKED), -1)  # 44 × 60
    assert np.array_equal(array(made(data, "rs:fill:44:20/g:so/f:png")), turned[40:60, :])


def test_a_smart_cut_is_libvips_own() -> None:
    image = pictures.solid(200, 100, (90, 90, 90)).insert(pictures.noise(30, 30), 140, 20)
    found = made(pictures.png(image), "rs:fill:100:100/g:sm/f:png")
    assert same(found, image.smartcrop(100, 100))


def test_fit_with_a_minimum_is_cut_too() -> None:
    found = made(pictures.png(MARKED), "w:10/mh:22/f:png")
    assert same(found, SCALED.crop(10, 0, 10, 22))
