"""The resize proper (dialect §7, step 6; §10)."""

from __future__ import annotations

import pyvips

from imgproxy_py.engine.color import in_linear_light
from imgproxy_py.engine.steps.alpha import premultiplied
from imgproxy_py.engine.work import Work


def resize(work: Work) -> Work:
    """Give the work scaled by the plan's factors with libvips' default kernel (lanczos3)."""
    scale_x, scale_y = work.plan.stored_scale
    if scale_x == 1 and scale_y == 1:
        return work

    def scaled(image: pyvips.Image) -> pyvips.Image:
        return image.resize(scale_x, vscale=scale_y)

    if work.settings.use_linear_colorspace:
        return in_linear_light(work, lambda image: premultiplied(image, scaled))
    return work.showing(premultiplied(work.image, scaled))
