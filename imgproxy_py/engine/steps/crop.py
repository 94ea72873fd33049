"""The first cut, in the orientation that the file is stored in (dialect §7, step 5; §9)."""

from __future__ import annotations

from imgproxy_py.engine.steps.cut import cut
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.geometry import stored_gravity


def crop(work: Work) -> Work:
    """Give the work cut to the `crop` option's size."""
    wanted = work.plan.crop
    if not (wanted.width or wanted.height):
        return work
    return cut(work, wanted.turned(work.plan.sideways), stored_gravity(work.plan, work.stage))
