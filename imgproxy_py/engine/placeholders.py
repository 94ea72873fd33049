"""Something small that stands for a picture until it is there.

- BlurHash (https://github.com/woltapp/blurhash): a cosine transform of linear colours as 83 readable digits.
- ThumbHash (https://evanw.github.io/thumbhash/): one of luma, two chromas and alpha as at most 25 bytes.
- LQIP: the picture itself in some twenty pixels, as a data URI.

Both hashes see the picture at 64 pixels at most, which is far finer than the waves they tell of.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

import orjson
import pyvips

from imgproxy_py.recipe.model import Placeholder

_LONGEST_SIDE = 64
_LQIP_SIDE, _LQIP_QUALITY = 20, 40
_NOTHING = 1e-9  # below are the errors of floating point
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"

_Rows = Sequence[Sequence[float]]


def placeholder_json(kind: Placeholder, image: pyvips.Image) -> bytes:
    """Give a JSON object with the placeholder under its name, and the picture's `width` and `height`."""
    width, height = image.width, image.height
    return orjson.dumps({kind.value: _TEXTS[kind](image), "width": width, "height": height})


def blurhash(image: pyvips.Image, x: int, y: int) -> str:
    """Give the BlurHash with 1–9 components across and down; what is transparent lies on white."""
    image = _small(image)
    rows = _rows(image.flatten(background=255) if image.hasalpha() else image)
    across = [_wave(i, image.width, 0.0) for i in range(x)]
    down = [_wave(j, image.height, 0.0) for j in range(y)]
    red, green, blue = (_projected([[_LINEAR[value] for value in row] for row in band], across, down) for band in rows)
    factors = list(zip(red, green, blue, strict=True))
    return _blurhash_text(x, y, factors[0], [tuple(2 * value for value in one) for one in factors[1:]])


def thumbhash(image: pyvips.Image) -> bytes:
    """Give the ThumbHash, transparency included."""
    image = _small(image)
    if not image.hasalpha():
        image = image.bandjoin(255)
    return _Lpqa.of(_rows(image), image.width, image.height).hash()


def lqip(image: pyvips.Image) -> str:
    """Give the picture in at most 20 × 20 pixels as the data URI of a WebP."""
    small = image.thumbnail_image(_LQIP_SIDE, height=_LQIP_SIDE, size="down").colourspace("srgb")
    data = small.webpsave_buffer(Q=_LQIP_QUALITY, effort=6, keep="none")
    return f"data:image/webp;base64,{b64encode(data).decode()}"


def _default_blurhash(image: pyvips.Image) -> str:
    return blurhash(image, *((4, 3) if image.width >= image.height else (3, 4)))


_TEXTS = {
    Placeholder.BLURHASH: _default_blurhash,
    Placeholder.THUMBHASH: lambda image: b64encode(thumbhash(image)).decode(),
    Placeholder.LQIP: lqip,
}


def _small(image: pyvips.Image) -> pyvips.Image:
    if max(image.width, image.height) > _LONGEST_SIDE:
        image = image.thumbnail_image(_LONGEST_SIDE, height=_LONGEST_SIDE, size="down")
    return image.colourspace("srgb").cast("uchar")


def _rows(image: pyvips.Image) -> list[list[bytes]]:
    """Give each band as its rows of samples, 0–255."""
    data, step, bands = bytes(image.write_to_memory()), image.width * image.bands, image.bands
    rows = [data[at : at + step] for at in range(0, len(data), step)]
    return [[row[band::bands] for row in rows] for band in range(bands)]


def _wave(frequency: int, length: int, phase: float) -> list[float]:
    return [math.cos(math.pi * frequency * (at + phase) / length) for at in range(length)]


def _projected(rows: _Rows, across: _Rows, down: _Rows) -> list[float]:
    """Give how much of each product of waves there is, those of the first wave down first."""
    columns = [[sum(map(mul, row, wave)) for row in rows] for wave in across]
    count = len(rows) * len(rows[0])
    return [sum(map(mul, column, wave)) / count for wave in down for column in columns]


# BlurHash


def _linear(value: int) -> float:
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


_LINEAR = [_linear(value) for value in range(256)]


def _gamma(value: float) -> int:
    value = max(0.0, min(1.0, value))
    share = value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return int(share * 255 + 0.5)


def _blurhash_text(x: int, y: int, mean: Sequence[float], waves: Sequence[Sequence[float]]) -> str:
    largest = max((abs(value) for wave in waves for value in wave), default=0.0)
    level = max(0, min(82, math.floor(largest * 166 - 0.5))) if waves else 0
    unit = (level + 1) / 166 if waves else 1.0
    red, green, blue = map(_gamma, mean)
    parts = [_digits(x - 1 + (y - 1) * 9, 1), _digits(level, 1), _digits(red << 16 | green << 8 | blue, 4)]
    return "".join([*parts, *(_wave_digits(wave, unit) for wave in waves)])


def _wave_digits(wave: Sequence[float], unit: float) -> str:
    red, green, blue = (max(0, min(18, math.floor(_signed_root(value / unit) * 9 + 9.5))) for value in wave)
    return _digits((red * 19 + green) * 19 + blue, 2)


def _signed_root(value: float) -> float:
    return math.copysign(math.sqrt(abs(value)), value)


def _digits(value: int, length: int) -> str:
    return "".join(_DIGITS[value // 83**place % 83] for place in reversed(range(length)))


# ThumbHash


def _rounded(value: float) -> int:
    return math.floor(value + 0.5)


@dataclass(frozen=True, slots=True)
class _Waves:
    """What a band comes to: its mean, how much of each wave it has (0–1, 0.5 for none), and what 0 and 1 stand for."""

    mean: float
    parts: list[float]
    scale: float


@dataclass(frozen=True, slots=True)
class _Lpqa:
    """A picture over its own mean colour: luma, yellow to blue, red to green, and alpha, as rows of floats."""

    luma: _Rows
    yellow: _Rows
    red: _Rows
    alpha: _Rows
    transparent: bool

    @classmethod
    def of(cls, rgba: list[list[bytes]], width: int, height: int) -> _Lpqa:
        """Give it for the four bands, 0–255."""
        red, green, blue, alpha = ([value / 255 for row in band for value in row] for band in rgba)
        covered = sum(alpha)
        r, g, b = (_over_mean(band, alpha, covered) for band in (red, green, blue))
        return cls(
            luma=_folded([(one + two + three) / 3 for one, two, three in zip(r, g, b, strict=True)], width),
            yellow=_folded([(one + two) / 2 - three for one, two, three in zip(r, g, b, strict=True)], width),
            red=_folded([one - two for one, two in zip(r, g, strict=True)], width),
            alpha=_folded(alpha, width),
            transparent=covered < width * height,
        )

    def hash(self) -> bytes:
        """Give the hash: constants first, then four bits for each wave."""
        width, height = len(self.luma[0]), len(self.luma)
        most = 5 if self.transparent else 7
        across = max(1, _rounded(most * width / max(width, height)))
        down = max(1, _rounded(most * height / max(width, height)))
        luma = _waves(self.luma, max(3, across), max(3, down))
        yellow, red = _waves(self.yellow, 3, 3), _waves(self.red, 3, 3)
        head = _head(luma, yellow, red, transparent=self.transparent)
        head += _shape(yellow, red, down if width > height else across, landscape=width > height)
        waves = [*luma.parts, *yellow.parts, *red.parts]
        if self.transparent:
            alpha = _waves(self.alpha, 5, 5)
            head += bytes([_rounded(15 * alpha.mean) | _rounded(15 * alpha.scale) << 4])
            waves += alpha.parts
        return head + _nibbles([_rounded(15 * one) for one in waves])


def _over_mean(band: list[float], alpha: list[float], covered: float) -> list[float]:
    mean = sum(map(mul, band, alpha)) / covered if covered else 0.0
    return [mean * (1 - share) + value * share for value, share in zip(band, alpha, strict=True)]


def _folded(values: list[float], width: int) -> _Rows:
    return [values[at : at + width] for at in range(0, len(values), width)]


def _waves(rows: _Rows, across: int, down: int) -> _Waves:
    """Give the waves of a band, those of high frequency in both directions left out."""
    along = [_wave(i, len(rows[0]), 0.5) for i in range(across)]
    found = _projected(rows, along, [_wave(j, len(rows), 0.5) for j in range(down)])
    low = [found[j * across + i] for j in range(down) for i in range(across) if i * down < across * (down - j)]
    mean, *parts = low
    scale = max(map(abs, parts))
    if scale < _NOTHING:
        return _Waves(mean, [0.0] * len(parts), 0.0)
    return _Waves(mean, [0.5 + 0.5 * one / scale for one in parts], scale)


def _head(luma: _Waves, yellow: _Waves, red: _Waves, *, transparent: bool) -> bytes:
    bits = _rounded(63 * luma.mean) | _rounded(31.5 + 31.5 * yellow.mean) << 6 | _rounded(31.5 + 31.5 * red.mean) << 12
    return (bits | _rounded(31 * luma.scale) << 18 | transparent << 23).to_bytes(3, "little")


def _shape(yellow: _Waves, red: _Waves, shorter: int, *, landscape: bool) -> bytes:
    bits = shorter | _rounded(63 * yellow.scale) << 3 | _rounded(63 * red.scale) << 9 | landscape << 15
    return bits.to_bytes(2, "little")


def _nibbles(values: list[int]) -> bytes:
    values = values + [0] * (len(values) % 2)
    return bytes(low | high << 4 for low, high in zip(values[::2], values[1::2], strict=True))
