"""Ramps: how far along a direction each pixel lies."""

from __future__ import annotations

import math

import pyvips

from imgproxy_py.recipe.model import Ramp


def ramp_image(ramp: Ramp, width: int, height: int) -> pyvips.Image:
    """Give one float band: 0 up to the ramp's start, 1 from its stop, even growth between.

    The way leads from one corner of the picture to the opposite one, measured along the direction (as CSS does for
    `linear-gradient`), at the middle of each pixel.
    """
    across, down = _direction(ramp.direction)
    length = abs(width * across) + abs(height * down)
    at = pyvips.Image.xyz(width, height).linear([across / length, down / length], [0, 0])
    offset = 0.5 - (across * (width - 1) + down * (height - 1)) / 2 / length
    way = at[0] + at[1] + offset
    span = ramp.stop - ramp.start
    if span == 0:
        return (way >= ramp.start) / 255
    return way.linear(1 / span, -ramp.start / span).clamp(min=0, max=1)


def _direction(degrees: float) -> tuple[float, float]:
    """Give the unit vector of a direction clockwise from downwards."""
    quarter = {0.0: (0.0, 1.0), 90.0: (-1.0, 0.0), 180.0: (0.0, -1.0), 270.0: (1.0, 0.0)}.get(degrees % 360)
    return quarter or (-math.sin(math.radians(degrees)), math.cos(math.radians(degrees)))
