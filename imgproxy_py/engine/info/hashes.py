"""Numbers that name a picture: by how it looks, and by its bytes (dialect §5.7)."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Iterable

import pyvips

_SIDE, _KEPT = 32, 8

_COSINES = [[math.cos(math.pi * wave * (2 * at + 1) / (2 * _SIDE)) for at in range(_SIDE)] for wave in range(_KEPT)]


def perceptual_hash(image: pyvips.Image) -> str:
    """Give 16 hex digits that differ in few bits for pictures that look alike, over white where it is transparent.

    The 64 slowest waves of a cosine transform of 32 × 32 shades, each a bit that tells whether it is above the median
    (pHash, Zauner 2010). The first, which is the brightness of the whole, counts as the others do but not for the median.
    """
    shades = _shades(image)
    rows = [[sum(map(float.__mul__, wave, row)) for wave in _COSINES] for row in shades]
    waves = [
        sum(_COSINES[down][at] * rows[at][across] for at in range(_SIDE))
        for down in range(_KEPT)
        for across in range(_KEPT)
    ]
    median = statistics.median(waves[1:])
    bits = "".join("1" if wave > median else "0" for wave in waves)
    return f"{int(bits, 2):016x}"


def _shades(image: pyvips.Image) -> list[list[float]]:
    flat = image.flatten(background=255) if image.hasalpha() else image
    small = flat.thumbnail_image(_SIDE, height=_SIDE, size="force").colourspace("b-w")[0]
    values = small.cast("uchar").write_to_memory()
    return [[float(value) for value in values[at : at + _SIDE]] for at in range(0, _SIDE * _SIDE, _SIDE)]


def hashsums(data: bytes, names: Iterable[str]) -> dict[str, str]:
    """Give the digests of an original's bytes as hex digits, by name."""
    return {name: hashlib.new(name, data, usedforsecurity=False).hexdigest() for name in names}
