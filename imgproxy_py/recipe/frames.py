"""The frames of an animation: how long each is shown, and which one speaks for all (dialect §7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imgproxy_py.recipe.model import Crop, GravityType, Recipe, Stage

DEFAULT_DELAY = 40
"""Milliseconds that a frame is shown whose file does not say."""

_LOOKS = frozenset({GravityType.SMART, GravityType.OBJECTS})


def delays(found: Sequence[int], frames: int) -> tuple[int, ...]:
    """Give the delay in milliseconds of each of so many frames; missing ones are `DEFAULT_DELAY`, surplus ones are cut."""
    known = tuple(found[:frames])
    return known + (DEFAULT_DELAY,) * (frames - len(known))


def representative(frames: int) -> int:
    """Give the number, from 0, of the frame that decides for all: the middle one, for many begin with a blank or a title."""
    return frames // 2


def looks_at_pixels(stages: Iterable[Stage]) -> bool:
    """Tell whether a window of the picture is chosen by what it shows; of an animation one frame then decides for all."""
    return any(_looks(stage) for stage in stages)


def _looks(stage: Stage) -> bool:
    own = (stage.crop or Crop()).gravity
    return stage.crop_objects is not None or stage.gravity.type in _LOOKS or (own is not None and own.type in _LOOKS)


def may_animate(recipe: Recipe, max_frames: int) -> bool:
    """Tell whether the result may be animated, for some original, where so many frames are configured."""
    allowed = recipe.limits.max_animation_frames
    return not recipe.loading.still and (max_frames if allowed is None else allowed) > 1
