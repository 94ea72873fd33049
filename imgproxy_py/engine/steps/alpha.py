"""Resampling must not let the colour of transparent pixels bleed into visible ones."""

from __future__ import annotations

from collections.abc import Callable

import pyvips


def premultiplied(image: pyvips.Image, resample: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """Give `resample(image)`, computed on premultiplied pixels if there is alpha, in the image's own sample format."""
    if not image.hasalpha():
        return resample(image)
    kind = image.format
    return resample(image.premultiply().cast(kind)).unpremultiply().cast(kind)
