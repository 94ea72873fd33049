"""Cutting a rectangle by gravity, which two steps do."""

from __future__ import annotations

from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.geometry import Size, cut_size, position
from imgproxy_py.recipe.model import Gravity, GravityType


def cut(work: Work, wanted: Size, gravity: Gravity, *, factor: float = 1.0) -> Work:
    """Give the work cut to at most the wanted size; `factor` multiplies the gravity's offsets in pixels."""
    size = cut_size(work.size, wanted)
    if size == work.size:
        return work
    if gravity.type is GravityType.SMART:
        work = work.in_memory()
        left, top = work.once(("smart", size), lambda: _attention(work, size))
        return work.cropped(left, top, size.width, size.height)
    left, top = position(work.size, size, gravity, factor=factor)
    return work.cropped(left, top, size.width, size.height)


def _attention(work: Work, size: Size) -> tuple[int, int]:
    window = work.image.smartcrop(size.width, size.height)
    return -window.xoffset, -window.yoffset
