"""Render an SVG smaller than its natural size if that has too many pixels (dialect §7, step 1)."""

from __future__ import annotations

import math
from dataclasses import replace

from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.formats import Format


def vector_guard(work: Work) -> Work:
    """Give the work with an SVG rendered within the source resolution limit."""
    if work.header.format is not Format.SVG or not work.reloadable or not work.limits.max_src_resolution:
        return work
    excess = work.image.width * work.image.height / (work.limits.max_src_resolution * 1_000_000)
    if excess <= 1:
        return work
    shrink = math.sqrt(excess)
    smaller = work.showing(work.file.open(shrink=shrink)).replanned()
    return replace(smaller, vector_shrink=shrink)
