"""What of the original a picture shows, judged by arrays that are really cut, turned and flipped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.recipe.model import Box
from imgproxy_py.recipe.view import View

ORIGINAL = np.arange(24 * 36).reshape(24, 36)

MOVES = st.one_of(
    st.tuples(st.just("turn"), st.sampled_from([90, 180, 270])),
    st.tuples(st.just("across"), st.none()),
    st.tuples(st.just("down"), st.none()),
    st.tuples(st.just("cut"), st.tuples(*[st.floats(0, 1)] * 4)),
)


def moved(picture: np.ndarray, view: View, kind: str, value) -> tuple[np.ndarray, View]:
    if kind == "turn":
        return np.rot90(picture, -value // 90), view.turned(value)
    if kind == "across":
        return picture[:, ::-1], view.flipped_horizontally()
    if kind == "down":
        return picture[::-1], view.flipped_vertically()
    high, wide = picture.shape
    left, top = int(value[0] * (wide - 1)), int(value[1] * (high - 1))
    width, height = 1 + int(value[2] * (wide - 1 - left)), 1 + int(value[3] * (high - 1 - top))
    cut = picture[top : top + height, left : left + width]
    return cut, view.cut(left / wide, top / high, width / wide, height / high)


@given(st.lists(MOVES, max_size=6), st.integers(0, 35), st.integers(0, 23))
def test_a_pixel_of_the_original_is_where_the_view_says(moves, x: int, y: int) -> None:
    picture, view = ORIGINAL, View()
    for kind, value in moves:
        picture, view = moved(picture, view, kind, value)
    shown = view.shown(Box(left=x / 36, top=y / 24, width=1 / 36, height=1 / 24))
    high, wide = picture.shape
    found = np.argwhere(picture == ORIGINAL[y, x])
    centre = (shown.top + shown.height / 2) * high - 0.5, (shown.left + shown.width / 2) * wide - 0.5
    if len(found):
        assert centre == pytest.approx(tuple(found[0]), abs=1e-6)
        assert (shown.width * wide, shown.height * high) == pytest.approx((1, 1))
    else:
        assert not (-0.49 < centre[0] < high - 0.51 and -0.49 < centre[1] < wide - 0.51)


@given(st.lists(MOVES, max_size=6))
def test_box_angle_and_mirror_make_the_picture_of_the_original(moves) -> None:
    picture, view = ORIGINAL, View()
    for kind, value in moves:
        picture, view = moved(picture, view, kind, value)
    box = view.box
    left, top, width, height = (
        round(value) for value in (box.left * 36, box.top * 24, box.width * 36, box.height * 24)
    )
    again = np.rot90(ORIGINAL[top : top + height, left : left + width], -view.angle // 90)
    assert np.array_equal(again[:, ::-1] if view.mirrored else again, picture)


def test_a_canvas_around_the_picture_reaches_beyond_the_original() -> None:
    view = View().cut(-0.5, -0.25, 2, 1.5)
    assert view.box == Box(left=-0.5, top=-0.25, width=2.0, height=1.5)
    shown = view.shown(Box(left=0, top=0, width=1, height=1))
    assert (shown.left, shown.top, shown.width, shown.height) == pytest.approx((0.25, 1 / 6, 0.5, 2 / 3))
