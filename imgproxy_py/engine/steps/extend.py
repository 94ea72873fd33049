"""Transparent surroundings: to the requested size, to its aspect ratio, and padding (dialect §7, steps 10 to 12)."""

from __future__ import annotations

from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.geometry import Size, extended_size, position
from imgproxy_py.recipe.model import Gravity


def extend(work: Work) -> Work:
    """Give the work on a canvas of the requested size."""
    gravity = work.stage.extend
    return work if gravity is None else _extended(work, work.plan.target, gravity)


def extend_aspect_ratio(work: Work) -> Work:
    """Give the work on a canvas of the requested aspect ratio."""
    gravity, wanted = work.stage.extend_aspect_ratio, work.plan.aspect
    if gravity is None or not (wanted.width and wanted.height):
        return work
    return _extended(work, wanted, gravity)


def pad(work: Work) -> Work:
    """Give the work with its padding."""
    sides = work.plan.padding
    if not (sides.top or sides.right or sides.bottom or sides.left):
        return work
    width, height = work.size
    canvas = Size(width + sides.left + sides.right, height + sides.top + sides.bottom)
    return _embedded(work, sides.left, sides.top, canvas)


def _extended(work: Work, wanted: Size, gravity: Gravity) -> Work:
    canvas = extended_size(work.size, wanted)
    if canvas == work.size:
        return work
    left, top = position(canvas, work.size, gravity, factor=work.plan.dpr)
    return _embedded(work, left, top, canvas)


def _embedded(work: Work, left: int, top: int, canvas: Size) -> Work:
    work.limits.check_result(canvas.width, canvas.height)
    return work.on_canvas(left, top, canvas.width, canvas.height)
