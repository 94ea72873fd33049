"""How a result is written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imgproxy_py.recipe.formats import Format


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
