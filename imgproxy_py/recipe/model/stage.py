"""One pass through the pipeline, and what is laid over its picture."""

from __future__ import annotations

from dataclasses import dataclass

from imgproxy_py.recipe.model.color import Color
from imgproxy_py.recipe.model.coloring import ColorEffects
from imgproxy_py.recipe.model.effects import Effects
from imgproxy_py.recipe.model.placing import Crop, CropObjects, Gravity, Padding, Resize, Trim
from imgproxy_py.recipe.source import SourceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """What is laid over the picture: opacity 0–1, where it lies, and its size relative to the result (0 = natural size).

    `text` (Pango markup) or else the picture under `source` takes the place of the configured image. `width` and
    `height` are the box in pixels that it is fitted into when `scale` is 0, 0 following from the other side. `rotate` is
    in degrees clockwise, `shadow` the sigma of its shadow (dialect §5.3).
    """

    opacity: float
    position: Gravity = Gravity()
    scale: float = 0.0
    source: SourceRef | None = None
    text: str = ""
    width: int = 0
    height: int = 0
    rotate: float = 0.0
    shadow: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One pass through the pipeline (dialect §7). `background_alpha` is 0–1."""

    trim: Trim | None = None
    crop: Crop | None = None
    crop_objects: CropObjects | None = None
    resize: Resize = Resize()
    gravity: Gravity = Gravity()
    objects_position: Gravity = Gravity()
    auto_rotate: bool = True
    rotate: int = 0
    flip_horizontal: bool = False
    flip_vertical: bool = False
    colors: ColorEffects = ColorEffects()
    effects: Effects = Effects()
    extend: Gravity | None = None
    extend_aspect_ratio: Gravity | None = None
    padding: Padding = Padding()
    background: Color | None = None
    background_alpha: float = 1.0
    watermark: Watermark | None = None
