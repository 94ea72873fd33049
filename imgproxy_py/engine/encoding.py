"""Pixels become bytes (dialect §11.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyvips

from imgproxy_py.engine.codec_rates import encoding_rate
from imgproxy_py.engine.codecs import jpeg, webp
from imgproxy_py.engine.codecs.registry import encoder
from imgproxy_py.engine.encoder_settings import either, quantizes
from imgproxy_py.engine.gain_map import GAIN_MAP
from imgproxy_py.engine.libvips import SAVERS, size_of
from imgproxy_py.engine.palette import with_colors
from imgproxy_py.engine.segments import with_metadata
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import JpegOptions, Output, PngOptions, WebpCompression, WebpPreset

_AVIF_LEAST_SIDE = 16
_MEGAPIXEL = 1_000_000

_SOON = 100.0
"""Up to which estimate, in milliseconds, a picture is written by what cannot be interrupted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How a picture is written: format, quality 0–100, and which metadata (libvips' VipsForeignKeep flags).

    `asked` holds what the URL says of the encoders; what it leaves open is as configured.
    """

    format: Format
    quality: int
    keep: int
    asked: Output = Output()


def writable_format(image: pyvips.Image, wanted: Format) -> Format:
    """Give the format that holds a picture of this size: AVIF below 16 pixels becomes PNG or JPEG (dialect §6.2)."""
    if wanted is Format.AVIF and min(image.width, image.height) < _AVIF_LEAST_SIDE:
        return Format.PNG if image.hasalpha() else Format.JPEG
    return wanted


def encode(image: pyvips.Image, encoding: Encoding, settings: EngineSettings) -> bytes:
    """Encode an image; raises `pyvips.Error` when its pixels cannot be had or written."""
    bridged = encoder(encoding.format)
    if bridged is not None:
        return bridged.encode(image, encoding.quality, encoding.keep, settings)
    options = _OPTIONS[encoding.format](image, encoding, settings)
    written = _written_sooner(image, encoding, options, settings)
    if written is not None:
        return written
    data: bytes = pyvips.Operation.call(SAVERS[encoding.format], image, keep=encoding.keep, **options)
    if encoding.format is Format.PNG and quantizes(encoding.asked, settings):
        return with_colors(data, _colors(encoding.asked.png, settings))
    if encoding.format is Format.JPEG and image.get_typeof(GAIN_MAP):
        return with_metadata(data, image, encoding.keep)
    return data


def _written_sooner(
    image: pyvips.Image, encoding: Encoding, options: dict[str, Any], settings: EngineSettings
) -> bytes | None:
    """Give what libvips would write, `None` where it takes longer than another."""
    if encoding.keep:
        return None
    if encoding.format is Format.JPEG and options.keys() <= _PLAIN_JPEG:
        return jpeg.file_of(image, options["Q"], whole_chroma="subsample_mode" in options)
    if encoding.format is Format.WEBP and options.keys() <= _PLAIN_WEBP and options["preset"] == WebpPreset.DEFAULT:
        size = size_of(image)
        milliseconds = encoding_rate(Format.WEBP, encoding.asked, settings) * size.width * size.height / _MEGAPIXEL
        return webp.file_of(image, options["Q"], options["effort"]) if milliseconds <= _SOON else None
    return None


def _jpeg(image: pyvips.Image, encoding: Encoding, settings: EngineSettings) -> dict[str, Any]:
    return {"Q": max(1, encoding.quality), "optimize_coding": True} | _switched_on(
        {
            "interlace": either(encoding.asked.jpeg.progressive, settings.jpeg_progressive),
            "subsample_mode": "off" if either(encoding.asked.jpeg.no_subsample, settings.jpeg_no_subsample) else "",
            **_mozjpeg(encoding.asked.jpeg, settings),
        }
    )


_PLAIN_JPEG = frozenset({"Q", "optimize_coding", "subsample_mode"})
"""What may be told to an encoder that is not mozjpeg's."""
_PLAIN_WEBP = frozenset({"Q", "effort", "preset"})
"""What may be told to libwebp by imagecodecs, the preset being that without a name."""


def _mozjpeg(asked: JpegOptions, settings: EngineSettings) -> dict[str, Any]:
    """Give what takes an encoder's time; `optimize_scans` does nothing unless the JPEG is progressive."""
    return {
        "trellis_quant": either(asked.trellis_quant, settings.jpeg_trellis_quant),
        "overshoot_deringing": either(asked.overshoot_deringing, settings.jpeg_overshoot_deringing),
        "optimize_scans": either(asked.optimize_scans, settings.jpeg_optimize_scans),
        "quant_table": either(asked.quant_table, settings.jpeg_quant_table),
    }


def _switched_on(options: dict[str, Any]) -> dict[str, Any]:
    """Give the options that are not off, for handing each to libvips takes its time."""
    return {name: value for name, value in options.items() if value}


def _png(image: pyvips.Image, encoding: Encoding, settings: EngineSettings) -> dict[str, Any]:
    asked = encoding.asked.png
    depth = palette_depth(image)
    if quantizes(encoding.asked, settings):
        depth = _depth_for(_colors(asked, settings))
    # libvips bounds a palette by its depth alone: its `colours` is an old name for that, and fails between the depths.
    palette: dict[str, Any] = {"palette": True, "bitdepth": depth}
    colors: dict[str, Any] = {"filter": settings.png_filter, "compression": settings.png_compression}
    return {"interlace": either(asked.interlaced, settings.png_interlaced), **(palette if depth else colors)}


def _colors(asked: PngOptions, settings: EngineSettings) -> int:
    return either(asked.quantization_colors, settings.png_quantization_colors)


def _webp(image: pyvips.Image, encoding: Encoding, settings: EngineSettings) -> dict[str, Any]:
    asked = encoding.asked.webp
    options: dict[str, Any] = {
        "Q": encoding.quality,
        "effort": settings.webp_effort,
        "preset": either(asked.preset, settings.webp_preset).value,
    }
    smart = {"smart_subsample": either(asked.smart_subsample, settings.webp_smart_subsample)}
    return options | _switched_on(smart) | _WEBP_COMPRESSION[either(asked.compression, settings.webp_compression)]


# Quality is then how little the pixels are changed beforehand, and how hard the encoder tries.
_WEBP_COMPRESSION: dict[WebpCompression, dict[str, Any]] = {
    WebpCompression.LOSSY: {},
    WebpCompression.NEAR_LOSSLESS: {"lossless": True, "near_lossless": True},
    WebpCompression.LOSSLESS: {"lossless": True},
}


def _avif(image: pyvips.Image, encoding: Encoding, settings: EngineSettings) -> dict[str, Any]:
    return {
        "Q": max(1, encoding.quality),
        "compression": "av1",
        "effort": 9 - settings.avif_speed,
        "bitdepth": 10 if image.format == "ushort" else 8,
        "subsample_mode": either(encoding.asked.avif.subsample, settings.avif_subsample).value,
    }


def _gif(image: pyvips.Image, encoding: Encoding, settings: EngineSettings) -> dict[str, Any]:
    return {"bitdepth": palette_depth(image) or 8}


def _tiff(image: pyvips.Image, encoding: Encoding, settings: EngineSettings) -> dict[str, Any]:
    return {"Q": max(1, encoding.quality)}


_OPTIONS: dict[Format, Callable[[pyvips.Image, Encoding, EngineSettings], dict[str, Any]]] = {
    Format.JPEG: _jpeg,
    Format.PNG: _png,
    Format.WEBP: _webp,
    Format.AVIF: _avif,
    Format.GIF: _gif,
    Format.TIFF: _tiff,
}


def palette_depth(image: pyvips.Image) -> int:
    """Give the bits a pixel of the original's palette as encoders take them (1, 2, 4, 8), 0 if it had none."""
    if not image.get_typeof("palette") or not image.get_typeof("bits-per-sample"):
        return 0
    bits = image.get("bits-per-sample")
    return next((depth for depth in (1, 2, 4, 8) if bits <= depth), 0)


def _depth_for(colors: int) -> int:
    return next(depth for depth in (1, 2, 4, 8) if colors <= 1 << depth)
