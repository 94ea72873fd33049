"""How long work takes that cannot be interrupted, roughly: it decides where work is done, never what comes of it."""

from __future__ import annotations

from imgproxy_py.engine.codec_rates import DECODING, encoding_rate, jpeg_decoding_cost
from imgproxy_py.engine.encoder_settings import quantizes
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.jpeg import is_progressive
from imgproxy_py.recipe.model import Output
from imgproxy_py.recipe.picture import Header

_MEGAPIXEL = 1_000_000
_ENCODERS = frozenset({Format.AVIF, Format.HEIC, Format.JXL, Format.GIF})
_DECODERS = frozenset({Format.HEIC, Format.RAW, Format.PSD})


def encoding_milliseconds(width: int, height: int, kind: Format, asked: Output, settings: EngineSettings) -> float:
    """Give how long an encoder works on a frame of that size without looking up; 0 for those that can be interrupted."""
    makes_palette = kind is Format.PNG and quantizes(asked, settings)
    if kind not in _ENCODERS and not makes_palette:
        return 0.0
    return width * height / _MEGAPIXEL * encoding_rate(kind, asked, settings)


def decoding_milliseconds(header: Header, data: bytes, shrink: float = 1.0) -> float:
    """Give how long a decoder works on a whole original without looking up; 0 for those that can be interrupted.

    A progressive JPEG's reads all scans before it gives the first line, `shrink` times smaller.
    """
    megapixels = header.width * header.height / _MEGAPIXEL
    if header.format is Format.JPEG:
        return jpeg_decoding_cost(data, megapixels, shrink) if is_progressive(data) else 0.0
    return megapixels * DECODING[header.format] if header.format in _DECODERS else 0.0
