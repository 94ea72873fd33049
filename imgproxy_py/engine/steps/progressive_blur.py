"""A blur that grows along a direction (dialect §5.2)."""

from __future__ import annotations

from itertools import pairwise

from imgproxy_py.engine.pixels import without_palette
from imgproxy_py.engine.ramps import ramp_image
from imgproxy_py.engine.steps.filters import MAX_BLUR, blurred
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
    image = without_palette(work.image)
    ramp = ramp_image(wanted.ramp, *work.size) * min(wanted.sigma, MAX_BLUR)
    made = image
    for below, sigma in pairwise(blur_levels(wanted.sigma)):
        share = ramp.linear(255 / (sigma - below), -255 * below / (sigma - below)).rint().cast("uchar")
        # libvips computes only that of the two which a row of the mask asks for.
        made = share.ifthenelse(blurred(image, sigma), made, blend=True)
    return work.showing(made)


def blur_levels(sigma: float) -> tuple[float, ...]:
    """Give the sigmas that are computed, ascending from 0 to the wanted one, which is at most `MAX_BLUR`."""
    levels = [min(sigma, MAX_BLUR)]
    while levels[0] / 2 >= _LEAST_SIGMA:
        levels.insert(0, levels[0] / 2)
    return (0.0, *levels)
