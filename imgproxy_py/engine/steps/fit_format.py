"""Shrink to what the output format can hold (dialect §7, step 13; §8.5)."""

from __future__ import annotations

from imgproxy_py.engine.steps.alpha import premultiplied
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.formats import ABILITIES
from imgproxy_py.recipe.geometry import format_scale


def fit_format(work: Work) -> Work:
    """Give the work within the output format's largest size."""
    scale = format_scale(work.size, work.output, ABILITIES[work.output].max_side)
    if scale == 1:
        return work
    return work.showing(premultiplied(work.image, lambda image: image.resize(scale)))
