"""Choosing the encoder's quality (dialect §5.4, §11.1, §11.3).

A search looks for a border: the lowest quality that is near enough to the picture, or the highest that is small enough.
It takes for granted that a higher quality is nearer and larger, and then there is one such border: where the search starts
changes how soon it is found, not which quality it is. So what was found for a source before is a good place to start, and
the same picture still comes out the same in every process. Where an encoder is uneven, what is found meets the target all
the same.
"""

from __future__ import annotations

import math
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from imgproxy_py.engine.encoder_settings import EncoderSettings
from imgproxy_py.recipe.formats import ABILITIES, Format
from imgproxy_py.recipe.geometry import round_half_up
from imgproxy_py.recipe.model import AutoQualityMethod, Output, WebpCompression

LEAST_SEARCHED = 10
_MEGAPIXEL = 1_000_000
_REMEMBERED = 4096

_USUAL_SLOPE = 0.03  # by how much the logarithms of bytes and of dissimilarity change with each quality
_FLAT = 1e-6

# Quality is a number that its encoder does not heed: libvips writes TIFF without compression.
_UNMOVED = frozenset({Format.TIFF})


def quality_for(output: Output, kind: Format, settings: EncoderSettings) -> int:
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


# Searching


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What quality is searched for, between `least` and `most`: at most `target` bytes, or at most so much dissimilarity."""

    method: AutoQualityMethod
    target: float
    least: int
    most: int

    @property
    def falling(self) -> bool:
        """Whether the measure falls as quality rises: dissimilarity does, size does not."""
        return self.method is not AutoQualityMethod.SIZE


def search_for(output: Output, kind: Format, pixels: int, settings: EncoderSettings) -> Search | None:
    """Give the search that URL and settings ask for, for a result of that many pixels; `None` for none.

    A quality that the URL names beats a configured search, and a search that the URL names beats that.
    """
    asked = output.autoquality
    method = asked.method or (AutoQualityMethod.NONE if _is_named(output, kind) else settings.autoquality_method)
    if method is AutoQualityMethod.NONE or not _heeds_quality(output, kind, settings):
        return None
    if settings.autoquality_max_resolution and pixels > settings.autoquality_max_resolution * _MEGAPIXEL:
        return None
    target = settings.autoquality_target if asked.target is None else asked.target
    if method is AutoQualityMethod.SIZE:
        return _search(output, kind, settings, method, target) if target >= 1 else None
    error = settings.autoquality_allowed_error if asked.error is None else asked.error
    return _search(output, kind, settings, method, target + error)


def _heeds_quality(output: Output, kind: Format, settings: EncoderSettings) -> bool:
    if kind is Format.WEBP:
        return (output.webp.compression or settings.webp_compression) is WebpCompression.LOSSY
    return ABILITIES[kind].quality and kind not in _UNMOVED


def _is_named(output: Output, kind: Format) -> bool:
    return output.quality is not None or kind in dict(output.format_quality)


def _search(
    output: Output, kind: Format, settings: EncoderSettings, method: AutoQualityMethod, target: float
) -> Search:
    asked = output.autoquality
    least = asked.minimum or settings.autoquality_format_min.get(kind, settings.autoquality_min)
    most = asked.maximum or settings.autoquality_format_max.get(kind, settings.autoquality_max)
    if least > most:  # the URL sets one bound beyond the other, which is as configured
        least = most = asked.maximum or least
    return Search(method=method, target=target, least=least, most=most)


def found_quality(search: Search, measure: Callable[[int], float], hint: int | None = None) -> int:
    """Give the lowest quality whose dissimilarity meets the target, or the highest whose size does.

    If none does, the best there is: the highest, or the lowest. `measure` gives the dissimilarity or the bytes at a
    quality; `hint` is where to start, whatever it comes from.
    """
    qualities = range(search.least, search.most + 1)
    if not search.falling:
        qualities = qualities[::-1]
    start = None if hint is None or hint not in qualities else qualities.index(hint)
    return qualities[_border(len(qualities), lambda at: _excess(measure(qualities[at]), search.target), start)]


def _excess(measured: float, target: float) -> float:
    """Give how many times too much was measured, as a logarithm: it runs nearly straight along quality."""
    return math.log(max(measured, 1e-9) / max(target, 1e-9))


def _border(count: int, excess: Callable[[int], float], start: int | None) -> int:
    """Give the first place of `count` without excess, the last if there is none. Places are looked at as few as can be.

    The border is sought where a straight line has it and in the middle of what is left, in turns. The line goes through
    one with excess (`bad`) and one without (`good`); while there is but one place, it has the usual slope.
    """
    bad, good = -1, count - 1
    over, under = math.nan, math.nan
    at, on_line, between = _middle(bad, good) if start is None else start, False, False
    while good - bad > 1:
        at = min(max(at, bad + 1), good - 1)
        found = excess(at)
        if found > 0:
            bad, over = at, found
        else:
            good, under = at, found
        before, between = between, not math.isnan(over + under)
        on_line = not on_line or between > before
        slope = max((over - under) / (good - bad), _FLAT) if between else _USUAL_SLOPE
        at = at + math.ceil(found / slope) if on_line else _middle(bad, good)
    return good


def _middle(bad: int, good: int) -> int:
    return (bad + good + 1) // 2


# Remembering


class FoundQualities:
    """The qualities found last for each source, as places to start from. For any number of threads."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        self._most = most
        self._found: OrderedDict[tuple[object, ...], int] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: tuple[object, ...]) -> int | None:
        """Give what was found under a key, if it is remembered."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key)

    def put(self, key: tuple[object, ...], quality: int) -> None:
        """Remember what was found; the key used longest ago is forgotten when there are too many."""
        with self._lock:
            self._found[key] = quality
            self._found.move_to_end(key)
            while len(self._found) > self._most:
                self._found.popitem(last=False)


def source_mark(data: bytes) -> tuple[int, int]:
    """Give what tells a source from others cheaply: two of one mark would only start from each other's quality."""
    return len(data), zlib.crc32(data[-65536:], zlib.crc32(data[:65536]))


def size_class(pixels: int) -> int:
    """Give a number that pictures of about one size share: it rises by one when the pixels double."""
    return pixels.bit_length()
