"""Arithmetic on colours: what is common to the steps that change them, apart from alpha and in one rounding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyvips

from imgproxy_py.recipe.model import Color

LUMA = (0.2126, 0.7152, 0.0722)
"""How much red, green and blue count for brightness (ITU-R BT.709), on gamma-encoded samples as CSS filters have it."""

_GREY = frozenset({"b-w", "grey16"})

Bands = Callable[[pyvips.Image], pyvips.Image]


def white_of(image: pyvips.Image) -> int:
    """Give the largest sample: 255, or 65535 for 16 bits."""
    return 65535 if image.format == "ushort" else 255


def samples(color: Color, image: pyvips.Image) -> list[float]:
    """Give a colour as samples of an image of that depth."""
    return [band * white_of(image) / 255 for band in color]


def is_neutral(color: Color) -> bool:
    """Tell whether a colour is a grey."""
    return color.red == color.green == color.blue


def split(image: pyvips.Image) -> tuple[pyvips.Image, pyvips.Image | None]:
    """Give the colour bands and the alpha band, if there is one."""
    if not image.hasalpha():
        return image, None
    last = image.bands - 1
    return image.extract_band(0, n=last), image[last]


def alpha_share(image: pyvips.Image, alpha: pyvips.Image) -> pyvips.Image:
    """Give an image's alpha band as floats 0–1."""
    return alpha.linear(1 / white_of(image), 0)


def as_color(image: pyvips.Image) -> pyvips.Image:
    """Give a grey image in three equal colours, any other as it is."""
    if image.interpretation not in _GREY:
        return image
    return image.colourspace("rgb16" if image.format == "ushort" else "srgb")


def rounded(image: pyvips.Image, like: pyvips.Image) -> pyvips.Image:
    """Give computed samples rounded (halves to even) and clipped to the sample format of another image."""
    return image.rint().cast(like.format)


def recolored(image: pyvips.Image, change: Bands, tints: Sequence[Color] = ()) -> pyvips.Image:
    """Give the image with `change` applied to its three colours, alpha untouched.

    Grey stays grey when all tints are, and becomes colour otherwise; `change` must treat equal colours equally.
    """
    plain, alpha = split(image)
    return rejoined(image, change(as_color(plain)), alpha, tints)


def rejoined(
    image: pyvips.Image, colors: pyvips.Image, alpha: pyvips.Image | None, tints: Sequence[Color] = ()
) -> pyvips.Image:
    """Give computed colours and alpha as an image of that one's depth, grey if it was and all tints are."""
    made = rounded(colors, image)
    if image.interpretation in _GREY and all(map(is_neutral, tints)):
        made = made[0].copy(interpretation=image.interpretation)
    else:
        made = made.copy(interpretation="rgb16" if image.format == "ushort" else "srgb")
    return made if alpha is None else made.bandjoin(rounded(alpha, image))


def layered(
    upper: pyvips.Image | list[float],
    upper_share: pyvips.Image | float,
    lower: pyvips.Image | list[float],
    lower_share: pyvips.Image | float,
) -> tuple[pyvips.Image, pyvips.Image]:
    """Give one layer over another ("source over"), not premultiplied: the colours, and the opacity 0–1.

    A layer's colours are an image or one colour for all of it; its share is its own opacity, 0–1.
    """
    behind = lower_share * (1 - upper_share)
    opacity = upper_share + behind
    return (_weighted(upper, upper_share) + _weighted(lower, behind)) / opacity, opacity


def _weighted(colors: pyvips.Image | list[float], share: pyvips.Image | float) -> Any:
    if isinstance(colors, pyvips.Image):
        return colors * share
    if isinstance(share, pyvips.Image):
        return share.linear(colors, [0.0] * len(colors))
    return [band * share for band in colors]


def without_palette(image: pyvips.Image) -> pyvips.Image:
    """Give the image without the note that it came from a palette, to which its new shades would be reduced again."""
    if not image.get_typeof("palette"):
        return image
    image = image.copy()
    image.remove("palette")
    return image
