"""Lay the picture on its background (dialect §5.2; §7, step 14; §10)."""

from __future__ import annotations

from imgproxy_py.engine.pixels import alpha_share, as_color, layered, rejoined, samples, split, white_of
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.formats import ABILITIES
from imgproxy_py.recipe.model import Color

_WHITE = Color(255, 255, 255)


def flatten(work: Work) -> Work:
    """Give the work without alpha if a background is asked for or the output format holds no alpha.

    On a background that is itself transparent it keeps its alpha, where the format can.
    """
    background, opacity = work.stage.background, work.stage.background_alpha
    if not work.image.hasalpha() or (background is None and ABILITIES[work.output].alpha):
        return work
    if background is None or opacity == 1:
        return _flattened(work, list(background or _WHITE))
    if ABILITIES[work.output].alpha:
        return _underlaid(work, background, opacity)
    return _flattened(work, [255 + (band - 255) * opacity for band in background])


def _flattened(work: Work, color: list[float]) -> Work:
    image = work.image
    if min(color) != max(color):
        image = as_color(image)
    bands = color if image.bands > 2 else color[:1]
    return work.showing(image.flatten(background=[band * white_of(image) / 255 for band in bands]))


def _underlaid(work: Work, color: Color, opacity: float) -> Work:
    image = work.image
    plain, alpha = split(image)
    colors, share = layered(as_color(plain), alpha_share(image, alpha), samples(color, image), opacity)
    return work.showing(rejoined(image, colors, share * white_of(image), [color]))
