"""Filters over a picture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imgproxy_py.recipe.model.areas import Box, Ramp


class UnsharpMode(StrEnum):
    """When unsharp masking is applied; `AUTO` is when the picture was made smaller and is not sharpened otherwise."""

    AUTO = "auto"
    NONE = "none"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsharpMasking:
    """Sharpening by a mask that subtracts the neighbourhood: more `weight` and less `divider` sharpen more (dialect §5.2)."""

    mode: UnsharpMode = UnsharpMode.NONE
    weight: float = 1.0
    divider: float = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BlurAreas:
    """Blur these boxes alone. They are drawn on the original as stored, and follow orientation and rotation."""

    sigma: float
    areas: tuple[Box, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressiveBlur:
    """A blur that grows along a ramp up to `sigma`."""

    sigma: float
    ramp: Ramp = Ramp()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlurDetections:
    """Blur detected objects of these classes (none = all)."""

    sigma: float
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawDetections:
    """Draw boxes, classes and confidences of detected objects of these classes (none = all)."""

    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """Filters over the resized picture: sigmas of blur and sharpening, and the mosaic's side in pixels (from 2)."""

    blur: float = 0.0
    sharpen: float = 0.0
    pixelate: int = 0
    unsharp: UnsharpMasking = UnsharpMasking()
    blur_areas: BlurAreas | None = None
    progressive_blur: ProgressiveBlur | None = None
    blur_detections: BlurDetections | None = None
    draw_detections: DrawDetections | None = None
