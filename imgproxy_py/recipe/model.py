"""The recipe: everything about a request that changes pixels, as frozen values.

Two requests that want the same picture have equal recipes, whatever dialect, spelling or order they came in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.info import Info
from imgproxy_py.recipe.source import SourceRef


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
class Box:
    """A rectangle in shares 0–1 of the image's sides."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BlurAreas:
    """Blur these boxes alone. They are drawn on the original as stored, and follow orientation and rotation."""

    sigma: float
    areas: tuple[Box, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """From nothing to all along a direction: degrees clockwise (0 is downwards, 90 leftwards), shares 0–1 of the way."""

    direction: float = 0.0
    start: float = 0.0
    stop: float = 1.0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Padding:
    """Pixels added on each side, multiplied by the effective dpr."""

    top: int = 0
    right: int = 0
    bottom: int = 0
    left: int = 0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFrame:
    """How one frame of a video is brought to a size in pixels (dialect §5.5).

    It is fitted into the box, which is `extend`ed to its full size, or it `fill`s the box, cut around the focus (shares
    0–1). `trim` leaves out what there is no frame for.
    """

    width: int
    height: int
    extend: bool = False
    trim: bool = False
    fill: bool = False
    focus_x: float = 0.5
    focus_y: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoTile:
    """A sprite of a video's frames: one every `step` seconds (negative: the duration in equal parts), in a grid."""

    step: float
    columns: int
    rows: int
    frame: VideoFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoAnimation:
    """An animation of a video's frames: one every `step` seconds (negative: the duration in equal parts).

    Each is shown for `delay` milliseconds.
    """

    step: float
    delay: int
    frames: int
    frame: VideoFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """Which part of the original is decoded, and how (dialect §5.5).

    `page` counts from 0, `pages` are stacked from there. `still` takes an animation for its first frame. `style` is CSS
    for an SVG. `video_second` and `video_keyframes` are `None` for the configured ones.
    """

    page: int = 0
    pages: int = 1
    still: bool = False
    style: str = ""
    video_second: float | None = None
    video_keyframes: bool | None = None
    video_tile: VideoTile | None = None
    video_animation: VideoAnimation | None = None


class AutoQualityMethod(StrEnum):
    """How a quality is searched: not, by the size in bytes, by structural dissimilarity, by our perceptual measure."""

    NONE = "none"
    SIZE = "size"
    DSSIM = "dssim"
    ML = "ml"


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoQuality:
    """A search for the least quality that meets a target (dialect §5.4); what is `None` is as configured."""

    method: AutoQualityMethod | None = None
    target: float | None = None
    minimum: int | None = None
    maximum: int | None = None
    error: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegOptions:
    """How JPEG is written; what is `None` is as configured. `quant_table` is 0–8."""

    progressive: bool | None = None
    no_subsample: bool | None = None
    trellis_quant: bool | None = None
    overshoot_deringing: bool | None = None
    optimize_scans: bool | None = None
    quant_table: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PngOptions:
    """How PNG is written; what is `None` is as configured. `quantization_colors` are 2–256."""

    interlaced: bool | None = None
    quantize: bool | None = None
    quantization_colors: int | None = None


class WebpCompression(StrEnum):
    """What WebP may lose."""

    LOSSY = "lossy"
    NEAR_LOSSLESS = "near_lossless"
    LOSSLESS = "lossless"


class WebpPreset(StrEnum):
    """What kind of picture WebP's encoder expects."""

    DEFAULT = "default"
    PICTURE = "picture"
    PHOTO = "photo"
    DRAWING = "drawing"
    ICON = "icon"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebpOptions:
    """How WebP is written; what is `None` is as configured."""

    compression: WebpCompression | None = None
    smart_subsample: bool | None = None
    preset: WebpPreset | None = None


class Subsampling(StrEnum):
    """Whether colours have half the resolution; `AUTO` decides by quality."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class AvifOptions:
    """How AVIF is written; what is `None` is as configured."""

    subsample: Subsampling | None = None


class Placeholder(StrEnum):
    """Something small that stands for the picture until it is there: a hash, or a tiny picture as a data URI."""

    BLURHASH = "blurhash"
    THUMBHASH = "thumbhash"
    LQIP = "lqip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How the result is encoded.

    `format` is what the URL names, if anything; `best` tries several and keeps the smallest; a `placeholder` is made in
    place of a picture. `accepted` are the formats that negotiation puts before it (or before the original's own when the
    URL names none), best first; the first that can hold the picture wins. `quality` is 0–100 or `None` for the configured
    one; `format_quality` and `skip_formats` are sorted and free of repetition. `dpi` is 0 for none, `color_profile` a
    name, blank for none.
    """

    format: Format | None = None
    best: bool = False
    placeholder: Placeholder | None = None
    accepted: tuple[Format, ...] = ()
    quality: int | None = None
    format_quality: tuple[tuple[Format, int], ...] = ()
    autoquality: AutoQuality = AutoQuality()
    max_bytes: int = 0
    jpeg: JpegOptions = JpegOptions()
    png: PngOptions = PngOptions()
    webp: WebpOptions = WebpOptions()
    avif: AvifOptions = AvifOptions()
    strip_metadata: bool = True
    keep_copyright: bool = True
    keep_provenance: bool = False
    strip_color_profile: bool = True
    color_profile: str = ""
    dpi: float = 0.0
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
    """What is to be made of an original: how it is loaded, the stages in order, the output, the limits the URL sets.

    With an `info` no picture is made of it: the answer tells what it is.
    """

    loading: Loading = Loading()
    stages: tuple[Stage, ...] = field(default=(Stage(),))
    output: Output = Output()
    limits: LimitOverrides = LimitOverrides()
    info: Info | None = None
