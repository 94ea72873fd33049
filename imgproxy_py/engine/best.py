"""The format that holds a picture in the fewest bytes (dialect §5.4, `format:best`).

Formats are compared at equal quality. Pictures of many details are written in those that lose what nobody sees. Simple
ones (drawings, text, screenshots) are written without loss as well, or nearly so, because lossy formats smear what they
are made of; that is kept unless it is much larger.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import pairwise

import pyvips

from imgproxy_py.engine.animation import frame_size
from imgproxy_py.engine.encoder_settings import EncoderSettings
from imgproxy_py.engine.encoding import writable_format
from imgproxy_py.engine.perception import luma, structure
from imgproxy_py.engine.quality import quality_for
from imgproxy_py.recipe.formats import ABILITIES, Format
from imgproxy_py.recipe.model import AutoQuality, AutoQualityMethod, Output, WebpCompression

_LOSSLESS = (Format.WEBP, Format.PNG)
"""Those that can be written without loss, the one that is usually smallest first."""

_LOSSY = (Format.AVIF, Format.JXL, Format.WEBP, Format.HEIC, Format.JPEG)
"""Those that lose what nobody sees, the one that is usually smallest first."""

_WORTH = 1.5
"""How many times larger a simple picture may be for being without loss."""

_NEAR = 60
"""How little WebP changes pixels beforehand when it is nearly lossless: by up to 2 of 255."""

_NEARLY_EQUAL = 0.001
"""How far from the picture one of 256 colours may be: that much is not seen."""

_UNSEARCHED = AutoQuality(method=AutoQualityMethod.NONE)

# Qualities of the same SSIMULACRA 2 score, the mean of nine photographs of 400 pixels, WebP at effort 4, AVIF at speed 8.
_EQUAL: Mapping[Format, tuple[tuple[int, int], ...]] = {
    Format.WEBP: ((0, 0), (40, 43), (48, 53), (56, 61), (64, 72), (72, 79), (80, 84), (88, 90), (100, 100)),
    Format.AVIF: ((0, 0), (40, 44), (48, 48), (56, 50), (64, 53), (72, 58), (80, 64), (88, 74), (96, 83), (100, 100)),
    Format.HEIC: ((0, 0), (40, 44), (48, 48), (56, 50), (64, 53), (72, 58), (80, 64), (88, 74), (96, 83), (100, 100)),
}


def candidates(output: Output, preferred: Iterable[Format], savable: frozenset[Format]) -> tuple[Format, ...]:
    """Give the formats that may be tried: those the client accepts by negotiation, and the configured ones."""
    return tuple(dict.fromkeys(one for one in (*output.accepted, *preferred) if one in savable - {Format.SVG}))


def carrier(formats: tuple[Format, ...], *, animated: bool) -> Format:
    """Give the format for whose abilities a picture is made before it is known which it will be."""
    if animated and (moving := [one for one in formats if ABILITIES[one].animation]):
        return Format.WEBP if Format.WEBP in moving else moving[0]
    return Format.PNG if any(ABILITIES[one].alpha for one in formats) else Format.JPEG


def holding(image: pyvips.Image, formats: tuple[Format, ...], *, animated: bool, profile: bool) -> tuple[Format, ...]:
    """Give those formats that hold the image as it is, with its frames and its `profile`."""
    alpha, longest = image.hasalpha(), max(frame_size(image))

    def holds(one: Format) -> bool:
        ability = ABILITIES[one]
        able = (ability.alpha or not alpha) and (ability.animation or not animated) and (ability.icc or not profile)
        return able and longest <= (ability.max_side or longest) and writable_format(image, one) is one

    return tuple(filter(holds, formats))


Write = Callable[[Format, int, Output], bytes]
"""Gives the image in a format, at a quality unless one is searched, as an output asks."""


def smallest(
    image: pyvips.Image, formats: tuple[Format, ...], output: Output, settings: EncoderSettings, write: Write
) -> tuple[Format, bytes]:
    """Give the image in that of the formats which takes the fewest bytes; all of them hold it, and there is one at least."""
    lossy = [one for one in _LOSSY if one in formats]
    lossless = [one for one in _LOSSLESS if one in formats and (not lossy or _is_simple(image, settings))]
    if _is_too_large(image, settings):
        lossy, lossless = ([], lossless[:1]) if lossless else (lossy[:1], [])
    with_loss = [(one, write(one, equal_quality(output, one, settings), output)) for one in lossy]
    without = [(one, _without_loss(image, one, output, write)) for one in lossless]
    if not with_loss and not without:
        return formats[0], write(formats[0], settings.quality, output)
    limit = min((len(data) for _, data in with_loss), default=math.inf) * _WORTH
    worth = [(one, data) for one, data in without if len(data) <= limit]
    return min(worth or with_loss, key=lambda written: len(written[1]))


def _is_simple(image: pyvips.Image, settings: EncoderSettings) -> bool:
    threshold = settings.best_format_complexity_threshold
    return bool(threshold) and complexity(image) <= threshold


def _is_too_large(image: pyvips.Image, settings: EncoderSettings) -> bool:
    limit = settings.best_format_max_resolution
    return bool(limit) and image.width * image.height > limit * 1_000_000


def equal_quality(output: Output, kind: Format, settings: EncoderSettings) -> int:
    """Give the quality for a format: the URL's for just that format, or what looks like JPEG's quality."""
    named = dict(output.format_quality).get(kind)
    if named is not None:
        return named
    quality, table = quality_for(output, Format.JPEG, settings), _EQUAL.get(kind, ((0, 0), (100, 100)))
    (low, at_low), (high, at_high) = next(pair for pair in pairwise(table) if quality <= pair[1][0])
    return round(at_low + (at_high - at_low) * (quality - low) / (high - low))


def _without_loss(image: pyvips.Image, kind: Format, output: Output, write: Write) -> bytes:
    if kind is Format.WEBP:
        nearly = replace(output.webp, compression=output.webp.compression or WebpCompression.NEAR_LOSSLESS)
        return write(kind, _NEAR, replace(output, webp=nearly, autoquality=_UNSEARCHED))
    plain = write(kind, 0, output)
    if output.png.quantize is not None:
        return plain
    palette = write(kind, 0, replace(output, png=replace(output.png, quantize=True, quantization_colors=256)))
    equal = len(palette) < len(plain) and structure(image)(pyvips.Image.pngload_buffer(palette)) <= _NEARLY_EQUAL
    return palette if equal else plain


def without_idle_alpha(image: pyvips.Image) -> pyvips.Image:
    """Give the image without its alpha if that is opaque everywhere."""
    if not image.hasalpha() or image[image.bands - 1].min() < (255 if image.format == "uchar" else 65535):
        return image
    return image.extract_band(0, n=image.bands - 1)


def complexity(image: pyvips.Image) -> float:
    """Give how much there is in a picture, in bits: 0 for one colour, up to 5 for drawings, from 5.7 for photographs.

    It is the entropy of the differences in luma between neighbours side by side, and that between one above the other.
    """
    plane = luma(image).cast("short").copy_memory()
    width, height = plane.width - 1, plane.height - 1
    across = plane.crop(1, 0, width, plane.height) - plane.crop(0, 0, width, plane.height) if width else None
    down = plane.crop(0, 1, plane.width, height) - plane.crop(0, 0, plane.width, height) if height else None
    return sum(_entropy(one) for one in (across, down) if one is not None)


def _entropy(differences: pyvips.Image) -> float:
    return float((differences + 128).cast("uchar").hist_find().hist_entropy())
