"""How much a picture is enlarged or reduced (dialect §8.2). A shrink is how many source pixels make one."""

from __future__ import annotations

from typing import NamedTuple

from imgproxy_py.recipe.geometry.sizes import Size
from imgproxy_py.recipe.model import Resize, ResizingType, Stage


class Scales(NamedTuple):
    """By what each side of the cropped picture is multiplied, and the effective dpr."""

    x: float
    y: float
    dpr: float


def scales_of(stage: Stage, base: Size, *, vector: bool) -> Scales:
    """Give the scales of a stage for the cropped picture's size `base`; a `vector` may be enlarged without being asked."""
    resize = stage.resize
    shrink_x, shrink_y = _shrinks(resize, base)
    shrink_x, shrink_y, dpr = shrink_x / resize.zoom_x, shrink_y / resize.zoom_y, resize.dpr
    if not (resize.enlarge or vector):
        shrink_x, shrink_y, dpr = _without_enlarging(shrink_x, shrink_y, dpr, extends=stage.extend is not None)
    shrink_x, shrink_y = _with_minimum(resize, base, shrink_x, shrink_y)
    return Scales(1 / min(shrink_x / dpr, base.width), 1 / min(shrink_y / dpr, base.height), dpr)


def _shrinks(resize: Resize, base: Size) -> tuple[float, float]:
    width, height = resize.width, resize.height
    shrink_x = base.width / width if width and width != base.width else 1.0
    shrink_y = base.height / height if height and height != base.height else 1.0
    if shrink_x == 1 and shrink_y == 1:
        return shrink_x, shrink_y
    return _typed_shrinks(_resolved_type(resize, base), resize, shrink_x, shrink_y)


def _resolved_type(resize: Resize, base: Size) -> ResizingType:
    if resize.type is not ResizingType.AUTO:
        return resize.type
    source_landscape = base.width >= base.height
    target_landscape = (resize.width or base.width) >= (resize.height or base.height)
    return ResizingType.FILL if source_landscape == target_landscape else ResizingType.FIT


def _typed_shrinks(kind: ResizingType, resize: Resize, shrink_x: float, shrink_y: float) -> tuple[float, float]:
    if kind is ResizingType.FORCE:
        return shrink_x, shrink_y
    if not resize.width:
        return shrink_y, shrink_y
    if not resize.height:
        return shrink_x, shrink_x
    both = max(shrink_x, shrink_y) if kind is ResizingType.FIT else min(shrink_x, shrink_y)
    return both, both


def _without_enlarging(shrink_x: float, shrink_y: float, dpr: float, *, extends: bool) -> tuple[float, float, float]:
    smallest = min(shrink_x, shrink_y)
    if smallest < 1:
        shrink_x, shrink_y = shrink_x / smallest, shrink_y / smallest
        if not extends:
            dpr /= smallest
    return shrink_x, shrink_y, min(dpr, shrink_x, shrink_y)


def _with_minimum(resize: Resize, base: Size, shrink_x: float, shrink_y: float) -> tuple[float, float]:
    if resize.min_width and (least := base.width / resize.min_width) < shrink_x:
        shrink_x, shrink_y = least, shrink_y / (shrink_x / least)
    if resize.min_height and (least := base.height / resize.min_height) < shrink_y:
        shrink_x, shrink_y = shrink_x / (shrink_y / least), least
    return shrink_x, shrink_y
