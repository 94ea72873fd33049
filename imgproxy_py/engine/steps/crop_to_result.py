"""The second cut: what `fill` and minimum sides leave over (dialect §7, step 8)."""

from __future__ import annotations

from imgproxy_py.engine.steps.crop_objects import result_gravity
from imgproxy_py.engine.steps.cut import cut
from imgproxy_py.engine.work import Work


def crop_to_result(work: Work) -> Work:
    """Give the work cut to the requested size, offsets counted in device pixels."""
    wanted = work.plan.result_crop
    if not (wanted.width or wanted.height):
        return work
    return cut(work, wanted, result_gravity(work), factor=work.plan.dpr)
