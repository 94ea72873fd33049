"""What codecs take: milliseconds of CPU for a megapixel, on a core at 2.8 GHz."""

from __future__ import annotations

from collections.abc import Callable

from imgproxy_py.engine.encoder_settings import EncoderSettings, either, quantizes
from imgproxy_py.recipe.formats import VIDEOS, Format
from imgproxy_py.recipe.jpeg import is_progressive
from imgproxy_py.recipe.jpeg_scans import EIGHTH
from imgproxy_py.recipe.model import Output, WebpCompression

DECODING = {
    Format.PNG: 19.0,
    Format.GIF: 12.0,
    Format.TIFF: 6.0,
    Format.BMP: 3.0,
    Format.ICO: 3.0,
    Format.WEBP: 29.0,
    Format.AVIF: 45.0,
    Format.HEIC: 75.0,
    Format.JXL: 60.0,
    Format.PSD: 60.0,
    Format.RAW: 400.0,
    Format.SVG: 30.0,
    Format.PDF: 60.0,
    **dict.fromkeys(VIDEOS, 60.0),
}
"""For a megapixel of an original; of JPEG `jpeg_decoding_cost` tells more."""

_JPEG_BYTES, _JPEG_BLOCKS, _JPEG_SAMPLES = 15.0, 2.0, 3.0
"""Of a JPEG: for a megabyte of entropy-coded data, for a megapixel of coefficients, for a megapixel of samples."""
_JPEG_SCANS_BLOCKS = 16.0
"""For a megapixel of coefficients of a progressive one, which are all kept and gone through scan by scan."""
_JPEG_SCANS_EIGHTH_BYTES, _JPEG_SCANS_EIGHTH_BLOCKS = 2.5, 5.0
"""The same of a progressive one that is made an eighth of its size, for which most scans are left out."""
_JPEG_EIGHTH_BYTES = 6.0
"""For a megabyte of another one that is made an eighth of its size, of which most is passed over."""
_MEGABYTE = 1_000_000

_WEBP_EFFORTS = (34.0, 41.0, 60.0, 115.0, 120.0, 145.0, 300.0)
_WEBP_LOSSLESS = 1000.0
_AVIF_EFFORTS = (92.0, 270.0, 450.0, 890.0, 3700.0, 6000.0, 9000.0, 13000.0, 20000.0, 30000.0)
_JXL_EFFORTS = (20.0, 25.0, 40.0, 75.0, 110.0, 180.0, 360.0, 2000.0, 8000.0)
_JPEG, _JPEG_SCANS, _JPEG_TRELLIS, _JPEG_SEARCHED_SCANS = 12.0, 11.0, 75.0, 55.0
_PNG, _PNG_TRYING, _PNG_PALETTE = 45.0, 120.0, 1700.0
_PNG_QUICK = 3
"""The highest compression of PNG that is quick. `_PNG_TRYING` is for higher ones, and where all filters are tried."""
_OTHERS = {Format.GIF: 1900.0, Format.HEIC: 370.0, Format.TIFF: 4.0, Format.BMP: 3.0, Format.ICO: 250.0}


def jpeg_decoding_cost(data: bytes, megapixels: float, shrink: float) -> float:
    """Give the milliseconds that decoding a JPEG takes, `shrink` times smaller."""
    eighth = shrink == EIGHTH
    coded, blocks = _JPEG_EIGHTH_BYTES if eighth else _JPEG_BYTES, _JPEG_BLOCKS
    if is_progressive(data):
        coded = _JPEG_SCANS_EIGHTH_BYTES if eighth else _JPEG_BYTES
        blocks = _JPEG_SCANS_EIGHTH_BLOCKS if eighth else _JPEG_SCANS_BLOCKS
    return coded * len(data) / _MEGABYTE + (blocks + _JPEG_SAMPLES / shrink**2) * megapixels


def encoding_rate(kind: Format, output: Output, settings: EncoderSettings) -> float:
    """Give the cost of writing a megapixel in a format, with what URL and settings say of its encoder."""
    rate = _RATES.get(kind)
    return rate(output, settings) if rate else _OTHERS.get(kind, 0.0)


def _jpeg_rate(output: Output, settings: EncoderSettings) -> float:
    asked, rate = output.jpeg, _JPEG
    if either(asked.trellis_quant, settings.jpeg_trellis_quant):
        rate += _JPEG_TRELLIS
    if either(asked.progressive, settings.jpeg_progressive):
        rate += _JPEG_SCANS
        rate += _JPEG_SEARCHED_SCANS if either(asked.optimize_scans, settings.jpeg_optimize_scans) else 0.0
    return rate


def _png_rate(output: Output, settings: EncoderSettings) -> float:
    if quantizes(output, settings):
        return _PNG_PALETTE
    return _PNG_TRYING if settings.png_filter == "all" or settings.png_compression > _PNG_QUICK else _PNG


def _webp_rate(output: Output, settings: EncoderSettings) -> float:
    lossy = (output.webp.compression or settings.webp_compression) is WebpCompression.LOSSY
    return _WEBP_EFFORTS[settings.webp_effort] if lossy else _WEBP_LOSSLESS


def _avif_rate(output: Output, settings: EncoderSettings) -> float:
    return _AVIF_EFFORTS[9 - settings.avif_speed]


def _jxl_rate(output: Output, settings: EncoderSettings) -> float:
    return _JXL_EFFORTS[settings.jxl_effort - 1]


_RATES: dict[Format, Callable[[Output, EncoderSettings], float]] = {
    Format.JPEG: _jpeg_rate,
    Format.PNG: _png_rate,
    Format.WEBP: _webp_rate,
    Format.AVIF: _avif_rate,
    Format.JXL: _jxl_rate,
}
