"""The recipe: everything about a request that changes pixels, as frozen values.

Two requests that want the same picture have equal recipes, whatever dialect, spelling or order they came in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from imgproxy_py.recipe.formats import Format


class Color(NamedTuple):
    """An opaque colour, each band 0–255 in sRGB."""

    red: int
    green: int
    blue: int

    def hex(self) -> str:
        """Give the six lower-case hex digits that URLs use."""
        return f"{self.red:02x}{self.green:02x}{self.blue:02x}"


class ResizingType(StrEnum):
    """How the requested box is met (dialect §4.2, §8.2)."""

    FIT = "fit"
    FILL = "fill"
    FILL_DOWN = "fill-down"
    FORCE = "force"
    AUTO = "auto"


class GravityType(StrEnum):
    """Where a smaller rectangle lies in a larger one (dialect §4.2)."""

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
    REPLICATE = "re"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gravity:
    """A gravity and its offsets.

    For a focus point `x` and `y` are shares 0–1 of the outer image. Otherwise an offset of 1 or more (in amount) is in
    pixels, a smaller one a share of the outer image's side. `SMART` has no offsets.
    """

    type: GravityType = GravityType.CENTER
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trim:
    """Cut a uniform border; without a colour the top-left pixel tells it."""

    threshold: float
    color: Color | None = None
    equal_horizontal: bool = False
    equal_vertical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """Cut before resizing: 0 the whole side, below 1 a share of it, else pixels; without a gravity the stage's counts."""

    width: float = 0.0
    height: float = 0.0
    gravity: Gravity | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """Filters over the resized picture: sigmas of blur and sharpening, and the mosaic's side in pixels (from 2)."""

    blur: float = 0.0
    sharpen: float = 0.0
    pixelate: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Padding:
    """Pixels added on each side, multiplied by the effective dpr."""

    top: int = 0
    right: int = 0
    bottom: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """The configured watermark: opacity 0–1, where it lies, and its size relative to the result (0 = natural size)."""

    opacity: float
    position: Gravity = Gravity()
    scale: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One pass through the pipeline (dialect §7)."""

    trim: Trim | None = None
    crop: Crop | None = None
    resize: Resize = Resize()
    gravity: Gravity = Gravity()
    auto_rotate: bool = True
    rotate: int = 0
    flip_horizontal: bool = False
    flip_vertical: bool = False
    effects: Effects = Effects()
    extend: Gravity | None = None
    extend_aspect_ratio: Gravity | None = None
    padding: Padding = Padding()
    background: Color | None = None
    watermark: Watermark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How the result is encoded.

    `format` is what the URL names, if anything. `accepted` are the formats that negotiation puts before it (or before
    the original's own when the URL names none), best first; the first that can hold the picture wins. `quality` is
    0–100 or `None` for the configured one; `format_quality` and `skip_formats` are sorted and free of repetition.
    """

    format: Format | None = None
    accepted: tuple[Format, ...] = ()
    quality: int | None = None
    format_quality: tuple[tuple[Format, int], ...] = ()
    max_bytes: int = 0
    strip_metadata: bool = True
    keep_copyright: bool = True
    strip_color_profile: bool = True
    preserve_hdr: bool = False
    enforce_thumbnail: bool = False
    skip_formats: tuple[Format, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOverrides:
    """Limits that the URL sets in place of the configured ones (dialect §4.6); `None` leaves the configured one.

    Resolutions are in megapixels, the file size in bytes, the result dimension in pixels (0 = off).
    """

    max_src_resolution: float | None = None
    max_src_file_size: int | None = None
    max_animation_frames: int | None = None
    max_animation_frame_resolution: float | None = None
    max_result_dimension: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is to be made of an original: the stages in order, the output, and the limits the URL sets."""

    stages: tuple[Stage, ...] = field(default=(Stage(),))
    output: Output = Output()
    limits: LimitOverrides = LimitOverrides()
