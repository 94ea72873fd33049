"""What colours a picture has: its average, its palette, those that stand out (dialect §5.7).

A colour is a table of `R`, `G`, `B` and `A`, each 0–255. All of it is seen on a copy of at most 128 pixels.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import TypeAlias

import pyvips

from imgproxy_py.engine.palette import Color, colors_of

Told: TypeAlias = dict[str, int]

_LONGEST_SIDE = 128
_CANDIDATES = 64
_OPAQUE = 128  # what is more transparent than this is background, not colour


def seen(image: pyvips.Image) -> pyvips.Image:
    """Give a small copy in sRGB with 8 bits, with alpha if the image has it."""
    if max(image.width, image.height) > _LONGEST_SIDE:
        image = image.thumbnail_image(_LONGEST_SIDE, height=_LONGEST_SIDE, size="down")
    return image.colourspace("srgb").cast("uchar").copy_memory()


def average(image: pyvips.Image, *, ignoring_transparent: bool) -> Told:
    """Give the mean of a picture that was `seen`, of its pixels that are not wholly transparent if those are ignored."""
    if not image.hasalpha():
        red, green, blue = (image[band].avg() for band in range(3))
        return _told(red, green, blue, 255)
    counted = (image[3] > 0) / 255.0 if ignoring_transparent else image[3] * 0 + 1.0
    share = counted.avg()
    red, green, blue, alpha = ((image[band] * counted).avg() / share if share else 0.0 for band in range(4))
    return _told(red, green, blue, alpha)


def palette(image: pyvips.Image, most: int) -> list[Told]:
    """Give at most `most` colours of a picture that was `seen`, 2–256, those of most pixels first."""
    return [_told(*color[1:]) for color in colors_of(image, most)]


def has_transparency(image: pyvips.Image) -> bool:
    """Tell whether any pixel shows something of what lies behind."""
    if not image.hasalpha():
        return False
    brightest = 65535 if image.format == "ushort" else 255
    return bool(image[image.bands - 1].min() < brightest)


def _told(red: float, green: float, blue: float, alpha: float) -> Told:
    return {"R": round(red), "G": round(green), "B": round(blue), "A": round(alpha)}


# Colours that stand out, by lightness and saturation 0–1 (the classes and weights of Android's Palette).


@dataclass(frozen=True, slots=True)
class _Class:
    """A kind of colour: the least, aimed at and greatest lightness, and the same of saturation."""

    lightness: tuple[float, float, float]
    saturation: tuple[float, float, float]


_DARK, _NORMAL, _LIGHT = (0.0, 0.26, 0.45), (0.3, 0.5, 0.7), (0.55, 0.74, 1.0)
_VIVID, _MUTED = (0.35, 1.0, 1.0), (0.0, 0.3, 0.4)
_CLASSES = {
    "vibrant": _Class(_NORMAL, _VIVID),
    "light_vibrant": _Class(_LIGHT, _VIVID),
    "dark_vibrant": _Class(_DARK, _VIVID),
    "muted": _Class(_NORMAL, _MUTED),
    "light_muted": _Class(_LIGHT, _MUTED),
    "dark_muted": _Class(_DARK, _MUTED),
}
_LIGHTNESS_WEIGHT, _SATURATION_WEIGHT, _PIXELS_WEIGHT = 0.52, 0.24, 0.24


@dataclass(frozen=True, slots=True)
class _Swatch:
    hue: float
    lightness: float
    saturation: float
    pixels: float

    def rgb(self) -> tuple[float, float, float]:
        red, green, blue = colorsys.hls_to_rgb(self.hue, self.lightness, self.saturation)
        return red * 255, green * 255, blue * 255


def dominant_colors(image: pyvips.Image, *, complete: bool) -> dict[str, Told]:
    """Give the colours of a picture that was `seen` that stand out, by class; with `complete` all six classes.

    What the picture lacks is then made of the colour most like it: with its hue, and the lightness and saturation of the
    class.
    """
    swatches = [_swatch(color) for color in colors_of(image, _CANDIDATES) if color.alpha >= _OPAQUE]
    found: dict[str, _Swatch] = {}
    for name, kind in _CLASSES.items():
        best = _best([one for one in swatches if one not in found.values()], kind)
        if best is not None:
            found[name] = best
    if complete:
        found |= {name: _made(name, found, swatches) for name in _CLASSES.keys() - found.keys()}
    return {name: _told(*found[name].rgb(), 255) for name in _CLASSES if name in found}


def _swatch(color: Color) -> _Swatch:
    hue, lightness, saturation = colorsys.rgb_to_hls(color.red / 255, color.green / 255, color.blue / 255)
    return _Swatch(hue, lightness, saturation, color.pixels)


def _best(swatches: list[_Swatch], kind: _Class) -> _Swatch | None:
    most = max((one.pixels for one in swatches), default=1)
    fitting = [
        one for one in swatches if _fits(one.lightness, kind.lightness) and _fits(one.saturation, kind.saturation)
    ]
    return max(fitting, key=lambda one: _score(one, kind, most), default=None)


def _fits(value: float, span: tuple[float, float, float]) -> bool:
    return span[0] <= value <= span[2]


def _score(swatch: _Swatch, kind: _Class, most: float) -> float:
    return (
        _SATURATION_WEIGHT * (1 - abs(swatch.saturation - kind.saturation[1]))
        + _LIGHTNESS_WEIGHT * (1 - abs(swatch.lightness - kind.lightness[1]))
        + _PIXELS_WEIGHT * swatch.pixels / most
    )


def _made(name: str, found: dict[str, _Swatch], swatches: list[_Swatch]) -> _Swatch:
    kind = _CLASSES[name]
    family = [one for other, one in found.items() if _CLASSES[other].saturation is kind.saturation]
    likely = family or list(found.values()) or sorted(swatches, key=lambda one: -one.pixels)
    hue = likely[0].hue if likely else 0.0
    grey = not any(one.saturation for one in likely)
    return _Swatch(hue, kind.lightness[1], 0.0 if grey else kind.saturation[1], 0.0)
