"""Blur some areas of the picture and leave the rest (dialect §5.2)."""

from __future__ import annotations

from collections.abc import Iterable

import pyvips

from imgproxy_py.engine.pixels import without_palette
from imgproxy_py.engine.steps.filters import blurred
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.geometry import Size, area_pixels
from imgproxy_py.recipe.model import Box


def blur_areas(work: Work) -> Work:
    """Give the work with areas of the original blurred, wherever cuts and turns have brought them."""
    wanted = work.stage.effects.blur_areas
    if wanted is None or not wanted.sigma:
        return work
    shown = [work.view.shown(area) for area in wanted.areas]
    return blurred_within(work, shown, wanted.sigma)


def blurred_within(work: Work, areas: Iterable[Box], sigma: float) -> Work:
    """Give the work blurred within areas in shares of its picture; what lies outside of that has no effect.

    An area covers every pixel that it touches.
    """
    boxes = [box for area in areas if (box := area_pixels(area, work.size)) is not None]
    if not boxes:
        return work
    work = work.in_memory()
    mask = _mask(work.size, boxes)
    return work.showing(mask.ifthenelse(blurred(without_palette(work.image), sigma), work.image))


def _mask(size: Size, boxes: Iterable[tuple[int, int, int, int]]) -> pyvips.Image:
    """Give one band of 255 within the boxes; drawn on bytes, since libvips would copy the whole mask for each box."""
    mask = bytearray(size.width * size.height)
    for left, top, width, height in boxes:
        row = b"\xff" * width
        for start in range(top * size.width + left, (top + height) * size.width + left, size.width):
            mask[start : start + width] = row
    return pyvips.Image.new_from_memory(bytes(mask), size.width, size.height, 1, "uchar")
