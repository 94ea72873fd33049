"""Unsharp masking: what a reduction takes of sharpness is given back (dialect §5.2, §17 U6)."""

from __future__ import annotations

from imgproxy_py.engine.pixels import alpha_share, rejoined, split
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import UnsharpMode

_NEIGHBOURS = [[1, 1, 1], [1, 0, 1], [1, 1, 1]]


def unsharp(work: Work) -> Work:
    """Give the work sharpened by the difference to its eight neighbours, alpha as it was."""
    if not _is_wanted(work):
        return work
    masking = work.stage.effects.unsharp
    image = work.image
    colors, alpha = split(image)
    if alpha is None:
        around, neighbours = colors.conv(_NEIGHBOURS, precision="float"), 8.0
    else:  # what cannot be seen is no neighbour
        share = alpha_share(image, alpha)
        neighbours = share.conv(_NEIGHBOURS, precision="float")
        around = (colors * share).conv(_NEIGHBOURS, precision="float")
    strength = masking.weight / masking.divider
    return work.showing(rejoined(image, colors + (colors * neighbours - around) * strength, alpha))


def _is_wanted(work: Work) -> bool:
    mode = work.stage.effects.unsharp.mode
    if mode is UnsharpMode.AUTO:
        vector = work.header.format is Format.SVG  # which is drawn at its size, not resampled
        return work.plan.reduces and not vector and not work.stage.effects.sharpen
    return mode is UnsharpMode.ALWAYS
