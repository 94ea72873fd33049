"""The first cut (dialect §8.1, §5.1)."""

from __future__ import annotations

from imgproxy_py.recipe.geometry.sizes import Size, min_nonzero, round_half_up
from imgproxy_py.recipe.model import Crop


def crop_size(crop: Crop | None, source: Size) -> Size:
    """Give the size of the area to cut out of a logical source, 0 for a whole side."""
    if crop is None:
        return Size(0, 0)
    size = Size(_crop_side(crop.width, source.width), _crop_side(crop.height, source.height))
    return _with_ratio(size, source, crop.aspect_ratio, enlarge=crop.aspect_enlarge) if crop.aspect_ratio else size


def _with_ratio(crop: Size, source: Size, ratio: float, *, enlarge: bool) -> Size:
    """Correct an area to width by height = ratio (dialect §5.1): both sides are rounded once, at the end."""
    width: float = min_nonzero(crop.width, source.width)
    height: float = min_nonzero(crop.height, source.height)
    if (width > height * ratio) is not enlarge:
        width = height * ratio
    else:
        height = width / ratio
    fit = min(1.0, source.width / width, source.height / height)
    return Size(_ratio_side(width * fit, source.width), _ratio_side(height * fit, source.height))


def _ratio_side(value: float, side: int) -> int:
    return max(1, min(side, round_half_up(value)))


def _crop_side(value: float, side: int) -> int:
    if value == 0:
        return 0
    return int(value) if value >= 1 else max(1, round_half_up(side * value))
