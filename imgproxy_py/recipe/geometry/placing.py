"""Where one rectangle lies in another (dialect §9)."""

from __future__ import annotations

from imgproxy_py.recipe.geometry.sizes import Size
from imgproxy_py.recipe.model import Gravity, GravityType

_WESTERN = frozenset({GravityType.WEST, GravityType.NORTH_WEST, GravityType.SOUTH_WEST})
_EASTERN = frozenset({GravityType.EAST, GravityType.NORTH_EAST, GravityType.SOUTH_EAST})
_NORTHERN = frozenset({GravityType.NORTH, GravityType.NORTH_WEST, GravityType.NORTH_EAST})
_SOUTHERN = frozenset({GravityType.SOUTH, GravityType.SOUTH_WEST, GravityType.SOUTH_EAST})


def position(
    outer: Size, inner: Size, gravity: Gravity, *, factor: float = 1.0, overflow: bool = False
) -> tuple[int, int]:
    """Give left and top of `inner` in `outer` by a gravity.

    `factor` multiplies offsets in pixels (the effective dpr). With `overflow` the inner rectangle may leave the outer one
    as long as a pixel stays inside (watermarks); without, it is kept inside.
    """
    if gravity.type is GravityType.FOCUS_POINT:
        left = round(outer.width * gravity.x) - inner.width // 2
        top = round(outer.height * gravity.y) - inner.height // 2
    else:
        left = _along(outer.width, inner.width, gravity.x, factor, gravity.type in _WESTERN, gravity.type in _EASTERN)
        top = _along(
            outer.height, inner.height, gravity.y, factor, gravity.type in _NORTHERN, gravity.type in _SOUTHERN
        )
    return (
        _clamped(left, outer.width, inner.width, overflow),
        _clamped(top, outer.height, inner.height, overflow),
    )


def offset_pixels(offset: float, side: int, factor: float) -> int:
    """Give an offset in pixels: 1 or more (in amount) counts in pixels times `factor`, less is a share of the side."""
    return round(offset * factor) if abs(offset) >= 1 else round(side * offset)


def _along(outer: int, inner: int, offset: float, factor: float, at_start: bool, at_end: bool) -> int:
    pixels = offset_pixels(offset, outer, factor)
    if at_start:
        return pixels
    if at_end:
        return outer - inner - pixels
    return round((outer - inner + 1) / 2) + pixels


def _clamped(value: int, outer: int, inner: int, overflow: bool) -> int:
    low, high = (1 - inner, outer - 1) if overflow else (0, outer - inner)
    return max(low, min(value, high))
