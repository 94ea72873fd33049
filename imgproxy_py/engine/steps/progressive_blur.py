"""A blur that grows along a direction (dialect §5.2)."""

from __future__ import annotations

from itertools import pairwise

import pyvips

from imgproxy_py.engine.pixels import without_palette
from imgproxy_py.engine.ramps import ramp_image
from imgproxy_py.engine.steps.alpha import premultiplied
from imgproxy_py.engine.steps.filters import MAX_BLUR
from imgproxy_py.engine.work import Work

# The finest blur that is computed. Each further one is twice as strong, and pixels between two of them are mixed:
# so many blurs as doublings, however strong the strongest is.
_LEAST_SIGMA = 1.0


def progressive_blur(work: Work) -> Work:
    """Give the work with a blur that grows evenly along the ramp, from none up to the sigma."""
    wanted = work.stage.effects.progressive_blur
    if wanted is None or not wanted.sigma:
        return work
    work = work.in_memory()
    sigmas = ramp_image(wanted.ramp, *work.size) * min(wanted.sigma, MAX_BLUR)
    levels = blur_levels(wanted.sigma)
    return work.showing(premultiplied(without_palette(work.image), lambda image: _blurred(image, sigmas, levels)))


def _blurred(image: pyvips.Image, sigmas: pyvips.Image, levels: tuple[float, ...]) -> pyvips.Image:
    """Give the image, each pixel mixed of the two levels between which its sigma lies."""
    made = image
    for below, level in pairwise(levels):
        share = sigmas.linear(255 / (level - below), -255 * below / (level - below)).rint().cast("uchar")
        # libvips computes only that of the two which a row of the mask asks for.
        made = share.ifthenelse(image.gaussblur(level), made, blend=True)
    return made


def blur_levels(sigma: float) -> tuple[float, ...]:
    """Give the sigmas that are computed, ascending from 0 to the wanted one, which is at most `MAX_BLUR`."""
    levels = [min(sigma, MAX_BLUR)]
    while levels[0] / 2 >= _LEAST_SIGMA:
        levels.insert(0, levels[0] / 2)
    return (0.0, *levels)
