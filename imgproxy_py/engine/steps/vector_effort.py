"""Refuse an SVG whose filters would take too long on the canvas that it is drawn on, and draw apart what takes long."""

from __future__ import annotations

from imgproxy_py.engine.work import Work
from imgproxy_py.errors import SourceTooLarge
from imgproxy_py.recipe.formats import Format

_MAX_EFFORT = 150
"""Gaussian blurs of a megapixel. librsvg cannot be stopped while it draws."""

_MILLISECONDS = 400
"""Of one of them, roughly."""


def vector_effort(work: Work) -> Work:
    """Give the work with an SVG drawn, if the next step (trim) looks at its pixels at this size; raises as `drawn`."""
    looked_at = work.header.format is Format.SVG and work.reloadable and work.stage.trim
    return drawn(work, work.vector_shrink) if looked_at else work


def drawn(work: Work, shrink: float) -> Work:
    """Give the work with its SVG, which was opened `shrink` times smaller, drawn in a process that can be killed.

    So it is if drawing is expected to take long; else nothing is done, and it is drawn when its pixels are needed. Raises
    `SourceTooLarge` if drawing is too much at this size, and the errors of decoding.
    """
    effort = work.file.effort * work.image.width * work.image.height / 1_000_000
    if effort > _MAX_EFFORT:
        raise SourceTooLarge("the SVG's filters take too long at this size")
    if work.isolation is None or effort * _MILLISECONDS <= work.settings.isolation_milliseconds:
        return work
    return work.showing(work.isolation.open(work.file, work.interrupt, shrink=shrink))
