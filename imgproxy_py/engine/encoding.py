"""Pixels become bytes (dialect §11.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyvips

from imgproxy_py.engine.codecs.registry import encoders
from imgproxy_py.engine.libvips import SAVERS
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.recipe.formats import Format

_AVIF_LEAST_SIDE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How a picture is written: format, quality 0–100, and which metadata (libvips' VipsForeignKeep flags)."""

    format: Format
    quality: int
    keep: int


def writable_format(image: pyvips.Image, wanted: Format) -> Format:
    """Give the format that holds a picture of this size: AVIF below 16 pixels becomes PNG or JPEG (dialect §6.2)."""
    if wanted is Format.AVIF and min(image.width, image.height) < _AVIF_LEAST_SIDE:
        return Format.PNG if image.hasalpha() else Format.JPEG
    return wanted


def encode(image: pyvips.Image, encoding: Encoding, settings: EngineSettings) -> bytes:
    """Encode an image; raises `pyvips.Error` when its pixels cannot be had or written."""
    bridged = encoders().get(encoding.format)
    if bridged is not None:
        return bridged.encode(image, encoding.quality, encoding.keep, settings)
    options = _OPTIONS[encoding.format](image, encoding.quality, settings)
    data: bytes = pyvips.Operation.call(SAVERS[encoding.format], image, keep=encoding.keep, **options)
    return data


def _jpeg(image: pyvips.Image, quality: int, settings: EngineSettings) -> dict[str, Any]:
    return {"Q": max(1, quality), "optimize_coding": True, "interlace": settings.jpeg_progressive}


def _png(image: pyvips.Image, quality: int, settings: EngineSettings) -> dict[str, Any]:
    depth = palette_depth(image)
    if settings.png_quantize:
        depth = _depth_for(settings.png_quantization_colors)
    # libvips bounds a palette by its depth alone: its `colours` is an old name for that, and fails between the depths.
    palette: dict[str, Any] = {"palette": True, "bitdepth": depth} if depth else {"filter": "all"}
    return {"interlace": settings.png_interlaced, **palette}


def _webp(image: pyvips.Image, quality: int, settings: EngineSettings) -> dict[str, Any]:
    return {"Q": quality, "effort": settings.webp_effort, "preset": settings.webp_preset}


def _avif(image: pyvips.Image, quality: int, settings: EngineSettings) -> dict[str, Any]:
    depth = 10 if image.format == "ushort" else 8
    return {"Q": max(1, quality), "compression": "av1", "effort": 9 - settings.avif_speed, "bitdepth": depth}


def _gif(image: pyvips.Image, quality: int, settings: EngineSettings) -> dict[str, Any]:
    return {"bitdepth": palette_depth(image) or 8}


def _tiff(image: pyvips.Image, quality: int, settings: EngineSettings) -> dict[str, Any]:
    return {"Q": max(1, quality)}


_OPTIONS: dict[Format, Callable[[pyvips.Image, int, EngineSettings], dict[str, Any]]] = {
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
