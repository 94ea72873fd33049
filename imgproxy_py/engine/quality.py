"""Choosing the encoder's quality (dialect §11.1, §11.3)."""

from __future__ import annotations

from collections.abc import Callable

from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.recipe.formats import ABILITIES, Format
from imgproxy_py.recipe.geometry import round_half_up
from imgproxy_py.recipe.model import Output

LEAST_SEARCHED = 10


def quality_for(output: Output, kind: Format, settings: EngineSettings) -> int:
    """Give the quality for a format: the URL's, the URL's for that format, the configured one for it, the configured one."""
    if output.quality is not None:
        return output.quality
    return dict(output.format_quality).get(kind) or settings.format_quality.get(kind) or settings.quality


def within_bytes(encode: Callable[[int], bytes], kind: Format, quality: int, limit: int) -> bytes:
    """Encode with falling quality until the result has at most `limit` bytes (0 = any) or quality cannot fall further.

    `encode` gives the bytes at a quality. Formats without quality are encoded once.
    """
    data = encode(quality)
    while limit and ABILITIES[kind].quality and len(data) > limit and quality > LEAST_SEARCHED:
        quality = _next_quality(quality, len(data) / limit)
        data = encode(quality)
    return data


def _next_quality(quality: int, excess: float) -> int:
    factor = 0.25 if excess > 3 else 0.5 if excess > 1.5 else 0.75
    return max(1, min(quality - 1, round_half_up(quality * factor)))
