"""Brightness, contrast, saturation (dialect §5.2): one affine change of the colours, without clipping in between."""

from __future__ import annotations

import pyvips

from imgproxy_py.engine.color import in_standard_colors
from imgproxy_py.engine.pixels import LUMA, recolored, white_of
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.model import ColorEffects


def adjust(work: Work) -> Work:
    """Give the work with its colours adjusted, alpha as it was."""
    colors = work.stage.colors
    if colors.brightness == 0 and colors.contrast == 1 and colors.saturation == 1:
        return work
    work = in_standard_colors(work)
    return work.showing(recolored(work.image, lambda plain: _adjusted(plain, colors)))


def _adjusted(image: pyvips.Image, colors: ColorEffects) -> pyvips.Image:
    white, contrast = white_of(image), colors.contrast
    offset = contrast * colors.brightness * white / 255 + (1 - contrast) * white / 2
    if colors.saturation != 1:
        image = image.recomb(saturation_matrix(colors.saturation))
    return image.linear(contrast, offset)


def saturation_matrix(share: float) -> list[list[float]]:
    """Give the matrix of CSS' `saturate()`: each row sums to 1, so that greys and the luma stay."""
    return [
        [(1 - share) * weight + (share if column == row else 0) for column, weight in enumerate(LUMA)]
        for row in range(3)
    ]
