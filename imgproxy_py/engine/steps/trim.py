"""Cut a uniform border (dialect §7, step 2; §10)."""

from __future__ import annotations

from dataclasses import replace

import pyvips

from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.model import Trim

# Transparent pixels take part in the comparison as a colour that pictures hardly have.
_TRANSPARENT_AS = [255, 0, 255]

# libvips looks for the border through a median filter of 3×3 and refuses smaller images.
_LEAST_SIDE = 3


def trim(work: Work) -> Work:
    """Give the work without its border, and with all numbers computed anew; a wholly uniform image stays as it is."""
    wanted = work.stage.trim
    if wanted is None:
        return work
    work = replace(work.in_memory(), reloadable=False)
    left, top, width, height = _box(work.image, wanted)
    if width == 0 or height == 0:
        return work.replanned()
    return work.cropped(left, top, width, height).replanned()


def _box(image: pyvips.Image, wanted: Trim) -> tuple[int, int, int, int]:
    if min(image.width, image.height) < _LEAST_SIDE:
        return 0, 0, 0, 0
    seen = image if image.interpretation == "srgb" else image.colourspace("srgb")
    if seen.hasalpha():
        seen = seen.flatten(background=_TRANSPARENT_AS)
    background = list(wanted.color) if wanted.color else seen(0, 0)
    left, top, width, height = seen.find_trim(threshold=wanted.threshold, background=background)
    if width and height and wanted.equal_horizontal:
        left, width = _evened(left, width, image.width)
    if width and height and wanted.equal_vertical:
        top, height = _evened(top, height, image.height)
    return left, top, width, height


def _evened(start: int, length: int, side: int) -> tuple[int, int]:
    margin = min(start, side - start - length)
    return margin, side - 2 * margin
