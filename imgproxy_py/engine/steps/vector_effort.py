"""Refuse an SVG whose filters would take too long on the canvas that it is drawn on."""

from __future__ import annotations

from imgproxy_py.engine.work import Work
from imgproxy_py.errors import SourceTooLarge
from imgproxy_py.recipe.formats import Format

_MAX_EFFORT = 150
"""Gaussian blurs of a megapixel, about 0.4 s each. librsvg cannot be stopped while it draws."""


def vector_effort(work: Work) -> Work:
    """Give the work as it is; raise `SourceTooLarge` if drawing its SVG, at the size it is drawn at, is too much.

    As long as the SVG may still be drawn at another size, only what is about to look at its pixels (trim) counts.
    """
    if work.header.format is not Format.SVG or (work.reloadable and not work.stage.trim):
        return work
    megapixels = work.image.width * work.image.height / 1_000_000
    if work.file.effort * megapixels > _MAX_EFFORT:
        raise SourceTooLarge("the SVG's filters take too long at this size")
    return work
