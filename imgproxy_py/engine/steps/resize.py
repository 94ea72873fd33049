"""The resize proper (dialect §7, step 6; §10)."""

from __future__ import annotations

import pyvips

from imgproxy_py.engine.color import in_linear_light
from imgproxy_py.engine.steps.alpha import premultiplied
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.model import Kernel


def resize(work: Work) -> Work:
    """Give the work scaled by the plan's factors with the stage's kernel."""
    scale_x, scale_y = work.plan.stored_scale
    if scale_x == 1 and scale_y == 1:
        return work
    kernel = work.stage.resize.kernel

    def scaled(image: pyvips.Image) -> pyvips.Image:
        return image.resize(scale_x, vscale=scale_y, kernel=str(kernel))

    if kernel is Kernel.NEAREST:
        return work.showing(scaled(work.image))  # pixels are picked, not mixed
    if work.settings.use_linear_colorspace:
        return in_linear_light(work, lambda image: premultiplied(image, scaled))
    return work.showing(premultiplied(work.image, scaled))
