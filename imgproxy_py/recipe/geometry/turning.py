"""The crop gravity, carried from the final orientation back into the stored one (dialect §9)."""

from __future__ import annotations

from dataclasses import replace

from imgproxy_py.recipe.geometry.planning import Plan
from imgproxy_py.recipe.model import Gravity, GravityType, Stage


def stored_gravity(numbers: Plan, stage: Stage) -> Gravity:
    """Give the crop gravity as it counts before flip, rotation and EXIF orientation are applied."""
    gravity = numbers.crop_gravity
    if stage.flip_horizontal:
        gravity = _undo_horizontal_flip(gravity)
    if stage.flip_vertical:
        gravity = _undo_vertical_flip(gravity)
    gravity = _undo_turn(gravity, stage.rotate)
    if numbers.mirrored:
        gravity = _undo_horizontal_flip(gravity)
    return _undo_turn(gravity, numbers.angle)


_C, _N, _S, _E, _W = (
    GravityType.CENTER,
    GravityType.NORTH,
    GravityType.SOUTH,
    GravityType.EAST,
    GravityType.WEST,
)
_NE, _NW, _SE, _SW = (
    GravityType.NORTH_EAST,
    GravityType.NORTH_WEST,
    GravityType.SOUTH_EAST,
    GravityType.SOUTH_WEST,
)

_ACROSS = {_E: _W, _W: _E, _NE: _NW, _NW: _NE, _SE: _SW, _SW: _SE}
_UPSIDE_DOWN = {_N: _S, _S: _N, _NE: _SE, _SE: _NE, _NW: _SW, _SW: _NW}
_TURNS = {
    90: {_N: _W, _W: _S, _S: _E, _E: _N, _NW: _SW, _SW: _SE, _SE: _NE, _NE: _NW},
    180: {_N: _S, _S: _N, _E: _W, _W: _E, _NW: _SE, _SE: _NW, _NE: _SW, _SW: _NE},
    270: {_N: _E, _E: _S, _S: _W, _W: _N, _NW: _NE, _NE: _SE, _SE: _SW, _SW: _NW},
}


def _undo_horizontal_flip(gravity: Gravity) -> Gravity:
    point = _ACROSS.get(gravity.type, gravity.type)
    if point is GravityType.FOCUS_POINT:
        return replace(gravity, x=1 - gravity.x)
    x = -gravity.x if point in (_C, _N, _S) else gravity.x
    return replace(gravity, type=point, x=x)


def _undo_vertical_flip(gravity: Gravity) -> Gravity:
    point = _UPSIDE_DOWN.get(gravity.type, gravity.type)
    if point is GravityType.FOCUS_POINT:
        return replace(gravity, y=1 - gravity.y)
    y = -gravity.y if point in (_C, _E, _W) else gravity.y
    return replace(gravity, type=point, y=y)


def _undo_turn(gravity: Gravity, angle: int) -> Gravity:
    if angle not in _TURNS:
        return gravity
    point = _TURNS[angle].get(gravity.type, gravity.type)
    x, y = _turned_offsets(point, angle, gravity.x, gravity.y)
    return replace(gravity, type=point, x=x, y=y)


def _turned_offsets(point: GravityType, angle: int, x: float, y: float) -> tuple[float, float]:
    if point is GravityType.FOCUS_POINT:
        return {90: (y, 1 - x), 180: (1 - x, 1 - y), 270: (1 - y, x)}[angle]
    if angle == 180:
        return (-x if point in (_C, _N, _S) else x), (-y if point in (_C, _E, _W) else y)
    if angle == 90:
        return (y, -x) if point in (_C, _E, _W) else (y, x)
    return (-y, x) if point in (_C, _N, _S) else (y, x)
