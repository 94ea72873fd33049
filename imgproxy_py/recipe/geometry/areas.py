"""Areas in shares of a picture, as pixels (dialect §5.2)."""

from __future__ import annotations

import math

from imgproxy_py.recipe.geometry.sizes import Size
from imgproxy_py.recipe.model import Box


def area_pixels(area: Box, image: Size) -> tuple[int, int, int, int] | None:
    """Give left, top, width and height of the pixels that an area (in shares) touches, `None` if it lies outside."""
    left, right = _span(area.left, area.width, image.width)
    top, bottom = _span(area.top, area.height, image.height)
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None


def _span(start: float, length: float, side: int) -> tuple[int, int]:
    # Shares come of divisions: a hair over the edge of a pixel does not touch the next one.
    low, high = start * side + _HAIR, (start + length) * side - _HAIR
    return max(0, math.floor(low)), min(side, math.ceil(high))


_HAIR = 1e-6
