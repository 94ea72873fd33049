"""Changes of a picture's colours."""

from __future__ import annotations

from dataclasses import dataclass

from imgproxy_py.recipe.model.areas import Ramp
from imgproxy_py.recipe.model.color import Color


@dataclass(frozen=True, slots=True, kw_only=True)
class Monochrome:
    """Shades of one colour, mixed with the picture's own by `intensity` 0–1."""

    intensity: float
    color: Color = Color(0xB3, 0xB3, 0xB3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duotone:
    """From a dark to a light colour by luminance, mixed with the picture's own by `intensity` 0–1."""

    intensity: float
    dark: Color = Color(0, 0, 0)
    light: Color = Color(255, 255, 255)


@dataclass(frozen=True, slots=True, kw_only=True)
class Colorize:
    """A colour laid over the picture; with `keep_alpha` only where the picture is."""

    opacity: float
    color: Color = Color(0, 0, 0)
    keep_alpha: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gradient:
    """A colour laid over the picture along a ramp, up to `opacity` 0–1."""

    opacity: float
    color: Color = Color(0, 0, 0)
    ramp: Ramp = Ramp()


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorEffects:
    """Changes of colour (dialect §5.2): brightness from -255 to 255, contrast and saturation from 0."""

    brightness: int = 0
    contrast: float = 1.0
    saturation: float = 1.0
    monochrome: Monochrome | None = None
    duotone: Duotone | None = None
    colorize: Colorize | None = None
    gradient: Gradient | None = None
