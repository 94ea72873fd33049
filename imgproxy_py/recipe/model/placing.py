"""Which part of a picture is wanted, how large, and where one rectangle lies in another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imgproxy_py.recipe.model.color import Color


class ResizingType(StrEnum):
    """How the requested box is met (dialect §4.2, §8.2)."""

    FIT = "fit"
    FILL = "fill"
    FILL_DOWN = "fill-down"
    FORCE = "force"
    AUTO = "auto"


class Kernel(StrEnum):
    """How pixels are interpolated (dialect §5.1)."""

    NEAREST = "nearest"
    LINEAR = "linear"
    CUBIC = "cubic"
    LANCZOS2 = "lanczos2"
    LANCZOS3 = "lanczos3"


class GravityType(StrEnum):
    """Where a smaller rectangle lies in a larger one (dialect §4.2, §5.1).

    `REPLICATE` and `CHESSBOARD` are for watermarks alone, `PROPORTIONAL` for the place of objects alone.
    """

    CENTER = "ce"
    NORTH = "no"
    SOUTH = "so"
    EAST = "ea"
    WEST = "we"
    NORTH_EAST = "noea"
    NORTH_WEST = "nowe"
    SOUTH_EAST = "soea"
    SOUTH_WEST = "sowe"
    FOCUS_POINT = "fp"
    SMART = "sm"
    OBJECTS = "obj"
    PROPORTIONAL = "prop"
    REPLICATE = "re"
    CHESSBOARD = "ch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gravity:
    """A gravity and its offsets.

    For a focus point `x` and `y` are shares 0–1 of the outer image. Otherwise an offset of 1 or more (in amount) is in
    pixels, a smaller one a share of the outer image's side. `SMART` has no offsets. `OBJECTS` has none either, and
    `classes` of objects with their weights, sorted; none stands for objects of any class, each with weight 1, and so
    does the class `all` for those not named.
    """

    type: GravityType = GravityType.CENTER
    x: float = 0.0
    y: float = 0.0
    classes: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trim:
    """Cut a uniform border; without a colour the top-left pixel tells it."""

    threshold: float
    color: Color | None = None
    equal_horizontal: bool = False
    equal_vertical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """Cut before resizing: 0 the whole side, below 1 a share of it, else pixels; without a gravity the stage's counts.

    An `aspect_ratio` (width by height) other than 0 corrects the area, by making one side smaller, or, with
    `aspect_enlarge`, by making the other larger as far as the image goes (dialect §5.1).
    """

    width: float = 0.0
    height: float = 0.0
    gravity: Gravity | None = None
    aspect_ratio: float = 0.0
    aspect_enlarge: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CropObjects:
    """Cut to the box around detected objects of these classes (none = all), grown `scale` times (dialect §5.1)."""

    scale: float
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize:
    """The requested size; a side of 0 follows from the other, `zoom` and `dpr` multiply the result."""

    type: ResizingType = ResizingType.FIT
    width: int = 0
    height: int = 0
    min_width: int = 0
    min_height: int = 0
    zoom_x: float = 1.0
    zoom_y: float = 1.0
    dpr: float = 1.0
    enlarge: bool = False
    kernel: Kernel = Kernel.LANCZOS3


@dataclass(frozen=True, slots=True, kw_only=True)
class Padding:
    """Pixels added on each side, multiplied by the effective dpr."""

    top: int = 0
    right: int = 0
    bottom: int = 0
    left: int = 0
