"""Blur, sharpening, mosaic, in that order (dialect §7, step 9; §10)."""

from __future__ import annotations

import pyvips

from imgproxy_py.engine.steps.alpha import premultiplied
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.model import Effects

MAX_BLUR = 1000.0
"""The largest sigma of a blur that libvips takes. A larger one could hardly be told from it."""

_SHARPENS_FROM, _SHARPENS_TO = 0.000001, 10.0


def filters(work: Work) -> Work:
    """Give the filtered work, in the colour space it came in."""
    effects = work.stage.effects
    mosaic = effects.pixelate >= 2
    if not (effects.blur or effects.sharpen or mosaic):
        return work
    kind, samples = work.image.interpretation, work.image.format
    image = work.image if kind == "srgb" else work.image.colourspace("srgb")
    if effects.blur or effects.sharpen:
        image = premultiplied(image, lambda plain: _all(plain, effects))
    else:
        image = _pixelated(image, effects.pixelate)
    return work.showing(image.colourspace(kind).cast(samples))


def _all(image: pyvips.Image, effects: Effects) -> pyvips.Image:
    if effects.blur:
        image = image.gaussblur(min(effects.blur, MAX_BLUR))
    if effects.sharpen:
        image = image.sharpen(sigma=min(max(effects.sharpen, _SHARPENS_FROM), _SHARPENS_TO))
    return _pixelated(image, effects.pixelate) if effects.pixelate >= 2 else image


def blurred(image: pyvips.Image, sigma: float) -> pyvips.Image:
    """Give the image under a Gaussian blur, computed on premultiplied pixels if there is alpha."""
    return premultiplied(image, lambda plain: plain.gaussblur(min(sigma, MAX_BLUR)))


def _pixelated(image: pyvips.Image, wanted: int) -> pyvips.Image:
    width, height = image.width, image.height
    side = min(wanted, max(width, height))
    full_width, full_height = -(-width // side) * side, -(-height // side) * side
    if (full_width, full_height) != (width, height):
        image = image.embed(0, 0, full_width, full_height, extend="mirror")
    return image.shrink(side, side).zoom(side, side).crop(0, 0, width, height)
