"""What decoders scale already, and what is left then (dialect §8.4)."""

from __future__ import annotations

from dataclasses import replace

from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.geometry.planning import Plan
from imgproxy_py.recipe.geometry.sizes import Size, round_half_up
from imgproxy_py.recipe.model import Gravity, GravityType

_SCALED_ON_LOAD = frozenset({Format.WEBP})
_RENDERED = frozenset({Format.SVG, Format.PDF})


def load_shrink(numbers: Plan, source_format: Format) -> float:
    """Tell by how much the decoder may shrink: 1 not at all, above 1 smaller, below 1 (SVG and PDF only) larger.

    A JPEG decoder takes 2, 4 or 8, that of camera raw 2; WebP, SVG and PDF any factor.
    """
    width, height = numbers.source
    possible = min(
        width / max(1, round_half_up(width * numbers.scale_x)), height / max(1, round_half_up(height * numbers.scale_y))
    )
    if source_format is Format.JPEG:
        return float(next((power for power in (8, 4, 2) if power <= possible), 1))
    if source_format is Format.RAW:
        return 2.0 if possible >= 2 else 1.0
    if source_format in _RENDERED or (source_format in _SCALED_ON_LOAD and possible > 1):
        return possible
    return 1.0


def after_load(numbers: Plan, loaded: Size) -> Plan:
    """Give the plan for an image that its decoder has already scaled to the stored size `loaded`."""
    width, height = loaded.turned(numbers.sideways)
    by_x, by_y = numbers.source.width / width, numbers.source.height / height
    return replace(
        numbers,
        source=Size(width, height),
        scale_x=_rest_scale(numbers.scale_x * by_x, width),
        scale_y=_rest_scale(numbers.scale_y * by_y, height),
        crop=Size(_shrunk_side(numbers.crop.width, by_x), _shrunk_side(numbers.crop.height, by_y)),
        crop_gravity=_shrunk_gravity(numbers.crop_gravity, by_x, by_y),
    )


def _rest_scale(scale: float, side: int) -> float:
    return 1.0 if round_half_up(side * scale) == side else scale


def _shrunk_side(side: int, by: float) -> int:
    return max(1, round_half_up(side / by)) if side else 0


def _shrunk_gravity(gravity: Gravity, by_x: float, by_y: float) -> Gravity:
    if gravity.type is GravityType.FOCUS_POINT:
        return gravity
    return replace(gravity, x=_shrunk_offset(gravity.x, by_x), y=_shrunk_offset(gravity.y, by_y))


def _shrunk_offset(offset: float, by: float) -> float:
    return float(round(offset / by)) if abs(offset) >= 1 else offset
