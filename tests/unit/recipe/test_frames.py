from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.recipe.frames import DEFAULT_DELAY, delays, looks_at_pixels, may_animate, representative
from imgproxy_py.recipe.model import (
    Crop,
    CropObjects,
    Gravity,
    GravityType,
    LimitOverrides,
    Loading,
    Recipe,
    Stage,
)

SMART = Gravity(type=GravityType.SMART)


@pytest.mark.parametrize(
    ("found", "frames", "expected"),
    [
        ([], 3, (40, 40, 40)),
        ([100], 3, (100, 40, 40)),
        ([100, 200, 300], 2, (100, 200)),
        ([0, 10], 2, (0, 10)),
    ],
)
def test_missing_delays_are_forty_milliseconds_and_surplus_ones_are_cut(
    found: list[int], frames: int, expected: tuple[int, ...]
) -> None:
    assert delays(found, frames) == expected


@given(st.lists(st.integers(0, 2**31 - 1), max_size=50), st.integers(1, 60))
def test_every_frame_has_one_delay_and_the_known_ones_are_kept(found: list[int], frames: int) -> None:
    result = delays(found, frames)
    assert len(result) == frames
    assert list(result[: len(found)]) == found[:frames]
    assert set(result[len(found) :]) <= {DEFAULT_DELAY}


@given(st.integers(2, 10**6))
def test_the_representative_frame_is_one_of_the_frames_and_not_the_first(frames: int) -> None:
    assert 0 < representative(frames) < frames


@pytest.mark.parametrize(
    ("stages", "looks"),
    [
        ((Stage(),), False),
        ((Stage(gravity=Gravity(type=GravityType.FOCUS_POINT)), Stage(crop=Crop(width=5))), False),
        ((Stage(gravity=SMART),), True),
        ((Stage(gravity=Gravity(type=GravityType.OBJECTS)),), True),
        ((Stage(crop=Crop(width=5, gravity=SMART)),), True),
        ((Stage(), Stage(crop_objects=CropObjects(scale=1))), True),
    ],
)
def test_a_window_that_is_chosen_by_what_it_shows_is_known_beforehand(stages: tuple[Stage, ...], looks: bool) -> None:
    assert looks_at_pixels(stages) is looks


@pytest.mark.parametrize(
    ("loading", "allowed", "configured", "may"),
    [
        (Loading(), None, 1, False),
        (Loading(), None, 2, True),
        (Loading(), 2, 1, True),
        (Loading(), 1, 100, False),
        (Loading(still=True), 100, 100, False),
        (Loading(page=3, pages=2), None, 2, True),
    ],
)
def test_a_result_may_be_animated_where_more_than_one_frame_is_allowed(
    loading: Loading, allowed: int | None, configured: int, may: bool
) -> None:
    recipe = Recipe(loading=loading, limits=LimitOverrides(max_animation_frames=allowed))
    assert may_animate(recipe, configured) is may
