"""Lay the picture on its background (dialect §7, step 14; §10)."""

from __future__ import annotations

from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.formats import ABILITIES
from imgproxy_py.recipe.model import Color

_WHITE = Color(255, 255, 255)
_16_BIT = 257  # 255 × 257 = 65535


def flatten(work: Work) -> Work:
    """Give the work without alpha if a background is asked for or the output format holds no alpha."""
    background = work.stage.background
    if not work.image.hasalpha() or (background is None and ABILITIES[work.output].alpha):
        return work
    color = background or _WHITE
    grey = color.red == color.green == color.blue
    image = work.image
    if image.bands < 3 and not grey:
        image = image.colourspace("rgb16" if image.interpretation == "grey16" else "srgb")
    bands = list(color) if image.bands > 2 else [color.red]
    factor = _16_BIT if image.format == "ushort" else 1
    return work.showing(image.flatten(background=[band * factor for band in bands]))
