"""A colour or a gradient laid over the picture (dialect §5.2)."""

from __future__ import annotations

import pyvips

from imgproxy_py.engine.color import in_standard_colors
from imgproxy_py.engine.pixels import (
    alpha_share,
    as_color,
    layered,
    rejoined,
    samples,
    split,
    white_of,
    without_palette,
)
from imgproxy_py.engine.ramps import ramp_image
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.model import Color


def colorize(work: Work) -> Work:
    """Give the work under an even colour; with `keep_alpha` it lies on the picture alone, else on the whole canvas."""
    wanted = work.stage.colors.colorize
    if wanted is None or not wanted.opacity:
        return work
    work = in_standard_colors(work)
    return work.showing(_covered(work.image, wanted.color, wanted.opacity, keep_alpha=wanted.keep_alpha))


def gradient(work: Work) -> Work:
    """Give the work under a colour that grows along a ramp, over the whole canvas."""
    wanted = work.stage.colors.gradient
    if wanted is None or not wanted.opacity:
        return work
    work = in_standard_colors(work)
    opacity = ramp_image(wanted.ramp, *work.size) * wanted.opacity
    return work.showing(_covered(without_palette(work.image), wanted.color, opacity, keep_alpha=False))


def _covered(image: pyvips.Image, color: Color, opacity: pyvips.Image | float, *, keep_alpha: bool) -> pyvips.Image:
    plain, alpha = split(image)
    plain, tint = as_color(plain), samples(color, image)
    if alpha is None or keep_alpha:
        return rejoined(image, layered(tint, opacity, plain, 1.0)[0], alpha, [color])
    colors, share = layered(tint, opacity, plain, alpha_share(image, alpha))
    return rejoined(image, colors, share * white_of(image), [color])
