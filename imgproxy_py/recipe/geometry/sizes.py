"""Sizes, how they are rounded, and what steps make of them (dialect §8.5)."""

from __future__ import annotations

import math
from typing import NamedTuple

from imgproxy_py.recipe.formats import Format


class Size(NamedTuple):
    """Width and height in pixels; in a request 0 means "follows from the other"."""

    width: int
    height: int

    def turned(self, odd: bool) -> Size:
        """Give the size with its sides exchanged, if `odd`."""
        return Size(self.height, self.width) if odd else self


def round_half_up(value: float) -> int:
    """Round to the nearest integer, halves away from zero."""
    whole = math.floor(abs(value))
    rounded = whole + (abs(value) - whole >= 0.5)
    return rounded if value >= 0 else -rounded


def min_nonzero(a: int, b: int) -> int:
    """Give the smaller of two sides where 0 means "absent"."""
    return min(a, b) if a and b else a or b


def cut_size(image: Size, wanted: Size) -> Size:
    """Give the size of a cut: never more than the image has, a wanted 0 leaves the side alone."""
    return Size(min_nonzero(wanted.width, image.width), min_nonzero(wanted.height, image.height))


def extended_size(image: Size, wanted: Size) -> Size:
    """Give the canvas of an extension, the image's own size when there is nothing to extend."""
    if wanted.width <= image.width and wanted.height <= image.height:
        return image
    return Size(wanted.width or image.width, wanted.height or image.height)


_GIF_PIXELS = (2**31 - 1) // 4


def format_scale(image: Size, output: Format, max_side: int) -> float:
    """Tell by how much a picture must shrink to be held by its output format, 1 for not at all."""
    longest = max(image)
    if output is Format.GIF:
        excess = max(image.width * image.height / _GIF_PIXELS, longest / max_side)
        return math.sqrt(1 / excess) if excess > 1 else 1.0
    return max_side / longest if max_side and longest > max_side else 1.0
