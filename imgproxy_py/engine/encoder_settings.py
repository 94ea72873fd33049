"""What operators set of how pictures are written."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from imgproxy_py.kinds import Flag, Integer, Number
from imgproxy_py.recipe.formats import FORMAT_NAMES, Format
from imgproxy_py.recipe.model import AutoQualityMethod, Output, Subsampling, WebpCompression, WebpPreset

T = TypeVar("T")

DEFAULT_FORMAT_QUALITY = {Format.WEBP: 79, Format.AVIF: 63, Format.JXL: 77}
_DEFAULT_LEAST = {Format.AVIF: 60}
_DEFAULT_MOST = {Format.AVIF: 65}

_QUALITIES = (
    "pairs format=quality divided by commas, the format one of jpeg jxl png webp gif avif tiff heic, quality 0–100"
)


def _qualities(defaults: dict[Format, int], value: Any) -> Any:
    if not isinstance(value, str):
        return value
    pairs = dict(_pair(part) for part in value.split(",") if part.strip())
    return {**defaults, **pairs}


def _pair(text: str) -> tuple[Format, int]:
    name, found, quality = (part.strip() for part in text.partition("="))
    if not found or name not in FORMAT_NAMES or not quality.isascii() or not quality.isdigit() or int(quality) > 100:
        raise ValueError(_QUALITIES)
    return FORMAT_NAMES[name], int(quality)


_Quality = Annotated[int, Field(ge=0, le=100)]

FormatQuality = Annotated[
    dict[Format, _Quality], NoDecode, BeforeValidator(partial(_qualities, DEFAULT_FORMAT_QUALITY))
]
"""Qualities by format; those not listed keep their defaults."""

_LeastQuality = Annotated[dict[Format, _Quality], NoDecode, BeforeValidator(partial(_qualities, _DEFAULT_LEAST))]
_MostQuality = Annotated[dict[Format, _Quality], NoDecode, BeforeValidator(partial(_qualities, _DEFAULT_MOST))]

Percent = Annotated[Integer, Field(ge=1, le=100)]


class EncoderSettings(BaseModel):
    """Qualities, and what each encoder is told (dialect §11, §14)."""

    quality: Percent = Field(default=80, description="Quality for formats without one of their own, 1–100.")
    format_quality: FormatQuality = Field(
        default_factory=lambda: dict(DEFAULT_FORMAT_QUALITY),
        description="Quality by format, as `webp=79,avif=63`; formats not listed keep their defaults.",
    )
    never_larger: Flag = Field(
        default=False,
        description="Serve the original itself when writing it anew, otherwise unchanged, would take more bytes.",
    )

    autoquality_method: AutoQualityMethod = Field(
        default=AutoQualityMethod.NONE,
        description="How quality is searched unless the URL says: `none`, `size`, `dssim`, or `ml`, our perceptual measure.",
    )
    autoquality_target: Number = Field(
        default=0.02, description="What the search aims at: dissimilarity 0–0.5, or bytes for `size`."
    )
    autoquality_min: Percent = Field(default=70, description="The lowest quality that is searched, 1–100.")
    autoquality_format_min: _LeastQuality = Field(
        default_factory=lambda: dict(_DEFAULT_LEAST), description="The same by format, as `avif=60`."
    )
    autoquality_max: Percent = Field(default=80, description="The highest quality that is searched, 1–100.")
    autoquality_format_max: _MostQuality = Field(
        default_factory=lambda: dict(_DEFAULT_MOST), description="The same by format, as `avif=65`."
    )
    autoquality_allowed_error: Number = Field(
        default=0.002, description="By how much the dissimilarity may exceed the target."
    )
    autoquality_max_resolution: Number = Field(
        default=0.0, description="The largest result whose quality is searched, in megapixels. 0 = any."
    )

    best_format_complexity_threshold: Number = Field(
        default=5.5,
        description="Up to which complexity `best` writes pictures without loss or nearly so: drawings have up to 5, "
        "photographs from 5.7. 0 = none.",
    )
    best_format_max_resolution: Number = Field(
        default=0.0,
        description="The largest result of which `best` tries several formats, in megapixels; of larger ones it takes the "
        "one that is usually smallest. 0 = any.",
    )
    best_format_allow_skips: Flag = Field(
        default=False, description="Hand SVG and formats that skip processing back as they are under `best` as well."
    )

    jpeg_progressive: Flag = Field(default=False, description="Write progressive JPEG.")
    jpeg_no_subsample: Flag = Field(default=False, description="Write JPEG's colours at full resolution.")
    jpeg_trellis_quant: Flag = Field(
        default=False, description="JPEG by trellis quantisation: smaller, takes several times as long."
    )
    jpeg_overshoot_deringing: Flag = Field(default=False, description="Less ringing around what is white in JPEG.")
    jpeg_optimize_scans: Flag = Field(
        default=False, description="Search how to divide a progressive JPEG into scans: smaller, takes longer."
    )
    jpeg_quant_table: Annotated[Integer, Field(ge=0, le=8)] = Field(
        default=0, description="Which of mozjpeg's quantisation tables JPEG is written with, 0–8."
    )
    png_interlaced: Flag = Field(default=False, description="Write interlaced PNG.")
    png_quantize: Flag = Field(default=False, description="Write PNG with a palette.")
    png_quantization_colors: Annotated[Integer, Field(ge=2, le=256)] = Field(
        default=256, description="How many colours the palette has at most when PNG is quantised, 2–256."
    )
    png_compression: Annotated[Integer, Field(ge=0, le=9)] = Field(
        default=3, description="How hard PNG without a palette is compressed, 0 (fast) to 9 (small)."
    )
    png_filter: Literal["none", "sub", "up", "avg", "paeth", "all"] = Field(
        default="sub",
        description="How rows of PNG without a palette are predicted; `all` tries each, which takes twice as long.",
    )
    webp_compression: WebpCompression = Field(
        default=WebpCompression.LOSSY, description="What WebP may lose: `lossy`, `near_lossless`, `lossless`."
    )
    webp_smart_subsample: Flag = Field(
        default=False, description="Halve WebP's colours with care for edges: sharper, takes longer."
    )
    webp_effort: Annotated[Integer, Field(ge=0, le=6)] = Field(
        default=2, description="WebP encoder's effort, 0 (fast) to 6 (small)."
    )
    webp_preset: WebpPreset = Field(default=WebpPreset.DEFAULT, description="WebP encoder's preset.")
    avif_speed: Annotated[Integer, Field(ge=0, le=9)] = Field(
        default=9, description="AVIF encoder's speed, 0 (small) to 9 (fast)."
    )
    avif_subsample: Subsampling = Field(
        default=Subsampling.AUTO, description="Halve AVIF's colours: `auto` (below quality 90), `on`, `off`."
    )
    jxl_effort: Annotated[Integer, Field(ge=1, le=9)] = Field(
        default=4, description="JPEG XL encoder's effort, 1 (fast) to 9 (small)."
    )


def either(asked: T | None, configured: T) -> T:
    """Give what the URL asks of an encoder, or what is configured if it asks nothing."""
    return configured if asked is None else asked


def quantizes(asked: Output, settings: EncoderSettings) -> bool:
    """Tell whether PNG is written with a palette."""
    return either(asked.png.quantize, settings.png_quantize)
