"""Refuse what would be larger than is made, as soon as its size is certain: after the guard and trim have changed it."""

from __future__ import annotations

from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.geometry import result_size


def result_guard(work: Work) -> Work:
    """Give the work as it is; raise `ResultTooLarge` for a canvas over the limit, between the steps or at their end."""
    work.limits.check_result(*work.plan.scaled)
    work.limits.check_result(*result_size(work.stage, work.plan))
    return work
