"""How long work takes that cannot be interrupted, roughly: it decides where work is done, never what comes of it."""

from __future__ import annotations

from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Output
from imgproxy_py.recipe.picture import Header

_MEGAPIXEL = 1_000_000

# Milliseconds of CPU for a megapixel on a core at 2.8 GHz.
_AVIF = (130, 480, 740, 1400, 6200, 9000, 14000, 20000, 30000, 40000)
"""By libvips' effort, 0–9."""
_HEIC = 370
_JXL = (20, 25, 40, 75, 110, 180, 360, 2000, 8000)
"""By effort, 1–9."""
_PALETTE = 4200
_DECODING = {Format.HEIC: 75, Format.RAW: 400, Format.PSD: 60}


def encoding_milliseconds(width: int, height: int, kind: Format, asked: Output, settings: EngineSettings) -> float:
    """Give how long an encoder works on so many pixels without looking up; 0 for those that can be interrupted."""
    return width * height / _MEGAPIXEL * _rate(kind, asked, settings)


def decoding_milliseconds(header: Header) -> float:
    """Give how long a decoder works on a whole original without looking up; 0 for those that can be interrupted."""
    return header.width * header.height / _MEGAPIXEL * _DECODING.get(header.format, 0)


def _rate(kind: Format, asked: Output, settings: EngineSettings) -> float:
    if kind is Format.AVIF:
        return _AVIF[9 - settings.avif_speed]
    if kind is Format.HEIC:
        return _HEIC
    if kind is Format.JXL:
        return _JXL[settings.jxl_effort - 1]
    quantizes = asked.png.quantize
    if kind is Format.PNG and (settings.png_quantize if quantizes is None else quantizes):
        return _PALETTE
    return 0
