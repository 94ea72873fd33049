"""Cuts that follow objects (dialect §5.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.recipe.geometry import Size, cut_size, position
from imgproxy_py.recipe.geometry.objects import Target, focus, objects_crop, window_position
from imgproxy_py.recipe.model import Box, Gravity, GravityType, Resize, ResizingType

OUTER = Size(1000, 500)


def target(left: float, top: float, right: float, bottom: float, weight: float = 1.0, *, outer: Size = OUTER) -> Target:
    """An object by its edges in pixels."""
    box = Box(
        left=left / outer.width,
        top=top / outer.height,
        width=(right - left) / outer.width,
        height=(bottom - top) / outer.height,
    )
    return Target(box=box, weight=weight)


def gravity(name: str, x: float = 0.0, y: float = 0.0) -> Gravity:
    return Gravity(type=GravityType(name), x=x, y=y)


# --- gravity:obj -------------------------------------------------------------------------------------------------------


def test_an_object_comes_to_the_middle() -> None:
    assert window_position(OUTER, Size(200, 200), [target(600, 100, 700, 200)]) == (550, 50)


def test_the_window_stays_in_the_picture() -> None:
    assert window_position(OUTER, Size(200, 200), [target(0, 0, 50, 50)]) == (0, 0)
    assert window_position(OUTER, Size(200, 200), [target(950, 450, 1000, 500)]) == (800, 300)


def test_without_objects_there_is_no_place() -> None:
    assert window_position(OUTER, Size(200, 200), []) is None
    assert window_position(OUTER, Size(200, 200), [target(0, 0, 10, 10, weight=0)]) is None
    assert window_position(OUTER, Size(200, 200), [target(1200, 0, 1300, 10)]) is None  # outside


def test_all_objects_are_shown_where_they_fit() -> None:
    small = [target(100, 100, 150, 150), target(250, 200, 300, 250)]
    assert window_position(OUTER, Size(300, 300), small) == (50, 25)


def test_of_objects_too_far_apart_the_largest_is_shown_whole() -> None:
    apart = [target(0, 0, 80, 80), target(800, 200, 950, 350)]
    assert window_position(OUTER, Size(200, 200), apart) == (775, 175)


def test_a_group_beats_a_single_object() -> None:
    group = [target(0, 0, 80, 80), target(100, 0, 180, 80), target(800, 200, 900, 300)]
    assert window_position(OUTER, Size(200, 100), group) == (0, 0)


def test_weights_decide() -> None:
    apart = [target(0, 0, 80, 80, weight=10), target(800, 200, 950, 350)]
    assert window_position(OUTER, Size(200, 200), apart) == (0, 0)


def test_an_object_larger_than_the_window_is_shown_in_its_middle() -> None:
    assert window_position(OUTER, Size(100, 100), [target(400, 100, 800, 500)]) == (550, 250)


def test_a_large_object_does_not_drive_out_what_is_within() -> None:
    person, face = target(400, 0, 600, 500), target(450, 20, 550, 120)
    left, top = window_position(OUTER, Size(300, 200), [person, face]) or (0, 0)
    assert left == 350
    assert top <= 20
    assert top + 200 >= 120


def test_the_mean_lies_between_the_objects_nearer_to_the_larger() -> None:
    apart = [target(0, 0, 100, 100), target(800, 0, 1000, 200)]
    assert window_position(OUTER, Size(200, 200), apart, average=True) == (630, 0)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (gravity("ce"), (350, 150)),
        (gravity("no"), (350, 200)),
        (gravity("so"), (350, 100)),
        (gravity("we"), (400, 150)),
        (gravity("ea"), (300, 150)),
        (gravity("nowe"), (400, 200)),
        (gravity("soea"), (300, 100)),
        (gravity("nowe", 10, 20), (390, 180)),
        (gravity("soea", 10, 20), (310, 120)),
        (gravity("ce", 30, 0), (320, 150)),
        (gravity("we", 0.1, 0), (380, 150)),
        (gravity("fp", 0.5, 0.5), (350, 150)),
        (gravity("fp", 0.0, 1.0), (450, 50)),
        (gravity("prop"), (360, 150)),  # the middle is at 0.45 of the width and 0.5 of the height
    ],
)
def test_the_objects_lie_in_the_window_where_they_are_asked_for(place: Gravity, expected: tuple[int, int]) -> None:
    assert window_position(OUTER, Size(200, 200), [target(400, 200, 500, 300)], place=place) == expected


def test_offsets_in_pixels_count_in_device_pixels() -> None:
    place = gravity("nowe", 10, 0.1)
    found = window_position(OUTER, Size(200, 200), [target(400, 200, 500, 300)], place=place, factor=2)
    assert found == (380, 180)


sides = st.integers(1, 3000)
sizes = st.builds(Size, sides, sides)
shares = st.floats(0, 1)
targets = st.lists(
    st.builds(
        Target,
        box=st.builds(Box, left=shares, top=shares, width=st.floats(0.001, 1), height=st.floats(0.001, 1)),
        weight=st.floats(0.01, 100),
    ),
    max_size=20,
)
places = st.builds(
    Gravity,
    type=st.sampled_from([GravityType(name) for name in ("ce", "no", "so", "ea", "we", "nowe", "soea", "fp", "prop")]),
    x=shares,
    y=shares,
)


@given(sizes, sizes, targets, places, st.booleans())
def test_windows_are_within_the_picture(
    outer: Size, wanted: Size, objects: list[Target], place: Gravity, average: bool
) -> None:
    window = cut_size(outer, wanted)
    found = window_position(outer, window, objects, place=place, average=average)
    if found is not None:
        assert 0 <= found[0] <= outer.width - window.width
        assert 0 <= found[1] <= outer.height - window.height


@given(sizes, sizes, st.floats(0.01, 100))
def test_the_focus_point_lays_the_window_where_it_was_computed(outer: Size, wanted: Size, weight: float) -> None:
    window = cut_size(outer, wanted)
    middle = Target(box=Box(left=0.2, top=0.6, width=0.1, height=0.2), weight=weight)
    found = window_position(outer, window, [middle])
    assert found is None or position(outer, window, focus(outer, window, *found)) == found


@given(st.integers(400, 2000), st.integers(100, 399))
def test_one_of_two_equal_objects_is_whole_when_both_do_not_fit(width: int, side: int) -> None:
    outer, window = Size(2000, 1000), Size(side, side)
    both = [target(0, 400, 90, 490, outer=outer), target(width, 400, width + 90, 490, outer=outer)]
    left, _ = window_position(outer, window, both) or (0, 0)
    assert left <= 0.5 or (left <= width + 0.5 and width + 89 <= left + side)


# --- crop_objects ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "resize", "expected"),
    [
        (1.0, Resize(), (400, 200, 100, 50)),
        (2.0, Resize(), (350, 175, 200, 100)),
        (0.5, Resize(), (425, 212, 50, 25)),
        (100.0, Resize(), (0, 0, 1000, 500)),
        (1.0, Resize(type=ResizingType.FILL, width=100, height=100), (400, 175, 100, 100)),
        (1.0, Resize(type=ResizingType.FILL_DOWN, width=400, height=100), (350, 200, 200, 50)),
        (1.0, Resize(type=ResizingType.FILL, width=100), (400, 200, 100, 50)),
        (1.0, Resize(type=ResizingType.FIT, width=100, height=100), (400, 200, 100, 50)),
        (1.0, Resize(type=ResizingType.FILL, width=10, height=200), (400, 0, 100, 500)),
    ],
)
def test_the_cut_is_the_box_scaled_and_brought_to_the_ratio(
    scale: float, resize: Resize, expected: tuple[int, int, int, int]
) -> None:
    assert objects_crop(OUTER, [target(400, 200, 500, 250)], scale, resize) == expected


def test_the_cut_holds_all_objects() -> None:
    assert objects_crop(OUTER, [target(10, 10, 20, 20), target(990, 490, 995, 495)], 1, Resize()) == (10, 10, 985, 485)


def test_the_objects_lie_in_the_cut_where_they_are_asked_for() -> None:
    found = objects_crop(OUTER, [target(400, 200, 500, 250)], 2.0, Resize(), place=gravity("no"))
    assert found == (350, 200, 200, 100)


def test_without_objects_nothing_is_cut() -> None:
    assert objects_crop(OUTER, [], 1.0, Resize()) is None


@given(sizes, targets, st.floats(0.01, 50), places, sides, sides)
def test_cuts_are_within_the_picture(
    outer: Size, objects: list[Target], scale: float, place: Gravity, width: int, height: int
) -> None:
    resize = Resize(type=ResizingType.FILL, width=width, height=height)
    found = objects_crop(outer, objects, scale, resize, place=place)
    if found is not None:
        left, top, wide, high = found
        assert 0 <= left <= outer.width - wide
        assert 0 <= top <= outer.height - high
        assert wide >= 1
        assert high >= 1
