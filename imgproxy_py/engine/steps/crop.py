"""The first cut, in the orientation that the file is stored in (dialect §7, step 5; §9)."""

from __future__ import annotations

from dataclasses import replace

from imgproxy_py.engine.steps.crop_objects import crop_gravity
from imgproxy_py.engine.steps.cut import cut
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.geometry import stored_gravity


def crop(work: Work) -> Work:
    """Give the work cut to the `crop` option's size."""
    wanted = work.plan.crop
    if not (wanted.width or wanted.height):
        return work
    plan = replace(work.plan, crop_gravity=crop_gravity(work))
    return cut(work, wanted.turned(plan.sideways), stored_gravity(plan, work.stage))
