"""Palettes of any number of colours.

libvips bounds a PNG's palette by its depth, so to 2, 4, 16 or 256 colours. For a number between, the palette it chose is
thinned out: the two colours whose union costs least become one, again and again (pairwise nearest neighbour, Equitz 1989,
with Ward's cost). Only palette and pixel numbers of the file change; the rest of it stays as it was.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pyvips

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOR_TYPE = 9  # where IHDR tells it
_GREY = b"\0"
_ENDS = (0, 255)  # what is wholly transparent or opaque stays so, unless there are too many colours of one kind
_APART = 1e6


class _Chunk(NamedTuple):
    name: bytes
    data: bytes


class Color(NamedTuple):
    """A colour of a palette: how many pixels have it, and its red, green, blue and alpha (their means, if several are one)."""

    pixels: int
    red: float
    green: float
    blue: float
    alpha: float

    def united(self, other: Color) -> Color:
        """Give the colour that both become, each counting by its pixels."""
        pixels = self.pixels + other.pixels
        pairs = zip(self[1:], other[1:], strict=True)
        return Color(pixels, *((one * self.pixels + two * other.pixels) / pixels for one, two in pairs))


def with_colors(data: bytes, most: int) -> bytes:
    """Give a PNG that has a palette with at most `most` colours in it, 1–256; as it is if it has no more."""
    chunks = list(_chunks(data))
    colors = _palette(chunks)
    if len(colors) <= most:
        return data
    numbers = _numbers(chunks)
    counts = numbers.hist_find().tolist()[0]
    groups = thinned({at: Color(count, *colors[at]) for at, count in enumerate(counts) if count}, most)
    new = {old: number for number, (_, members) in enumerate(groups) for old in members}
    table = pyvips.Image.new_from_array([[new.get(old, 0) for old in range(256)]]).cast("uchar")
    return _written(chunks, numbers.maplut(table), [color for color, _ in groups])


def colors_of(image: pyvips.Image, most: int) -> list[Color]:
    """Give at most `most` colours, 1–256, that a picture in sRGB is made of, those of most pixels first."""
    data = image.pngsave_buffer(palette=True, bitdepth=8, Q=100, dither=0, effort=1, keep="none")
    chunks = list(_chunks(data))
    colors, counts = _palette(chunks), _numbers(chunks).hist_find().tolist()[0]
    groups = thinned({at: Color(count, *colors[at]) for at, count in enumerate(counts) if count}, most)
    return sorted((color for color, _ in groups), key=lambda color: -color.pixels)


def thinned(colors: Mapping[int, Color], most: int) -> list[tuple[Color, list[int]]]:
    """Unite colours until there are at most `most`; give each with the numbers of those in it, the least opaque first."""
    united, members = dict(colors), {number: [number] for number in colors}
    nearest = {number: _nearest(united, number) for number in united}
    while len(united) > most:
        one = min(nearest, key=lambda number: nearest[number][0])
        other = nearest[one][1]
        united[one] = united[one].united(united.pop(other))
        members[one] += members.pop(other)
        del nearest[other]
        stale = {one} | {number for number, (_, neighbour) in nearest.items() if neighbour in (one, other)}
        nearest |= {number: _nearest(united, number) for number in stale}
    # In this order tRNS ends with the last colour that is not opaque.
    return sorted(((color, members[number]) for number, color in united.items()), key=lambda group: group[0].alpha)


def _nearest(colors: Mapping[int, Color], number: int) -> tuple[float, int]:
    """Give by how much the squared error of all pixels grows if a colour unites with its nearest, and which that is."""
    pixels, red, green, blue, alpha = colors[number]
    least, nearest = float("inf"), number
    for at, (count, r, g, b, a) in colors.items():
        distance = (red - r) ** 2 + (green - g) ** 2 + (blue - b) ** 2 + (alpha - a) ** 2
        if alpha != a and (alpha in _ENDS or a in _ENDS):
            distance += _APART
        cost = distance * pixels * count / (pixels + count)
        if cost < least and at != number:
            least, nearest = cost, at
    return least, nearest


# PNG (ISO/IEC 15948)


def _chunks(data: bytes) -> Iterator[_Chunk]:
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        yield _Chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + length])
        at += 12 + length


def _joined(chunks: Sequence[_Chunk]) -> bytes:
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def _content(chunks: Sequence[_Chunk], name: bytes) -> bytes:
    return b"".join(one.data for one in chunks if one.name == name)


def _palette(chunks: Sequence[_Chunk]) -> list[tuple[int, int, int, int]]:
    colors, alphas = _content(chunks, b"PLTE"), _content(chunks, b"tRNS")
    count = len(colors) // 3
    alphas += b"\xff" * (count - len(alphas))
    return [(colors[3 * at], colors[3 * at + 1], colors[3 * at + 2], alphas[at]) for at in range(count)]


def _numbers(chunks: Sequence[_Chunk]) -> pyvips.Image:
    """Give the pixels as numbers into the palette, by reading them as shades of grey."""
    header = chunks[0].data
    grey = header[:_COLOR_TYPE] + _GREY + header[_COLOR_TYPE + 1 :]
    data = _joined([_Chunk(b"IHDR", grey), _Chunk(b"IDAT", _content(chunks, b"IDAT")), _Chunk(b"IEND", b"")])
    image = pyvips.Image.pngload_buffer(data)
    brightest = 255 // ((1 << header[8]) - 1)  # decoders spread the shades of less than 8 bits over 0–255
    return (image / brightest).cast("uchar").copy_memory()


def _written(chunks: Sequence[_Chunk], numbers: pyvips.Image, colors: Sequence[Color]) -> bytes:
    header = chunks[0].data
    pixels = list(_chunks(numbers.pngsave_buffer(bitdepth=header[8], interlace=bool(header[12]), keep="none")))
    means = [[round(value) for value in color[1:]] for color in colors]
    alphas = bytes(alpha for *_, alpha in means if alpha < 255)
    new = [_Chunk(b"PLTE", bytes(value for mean in means for value in mean[:3]))]
    new += [_Chunk(b"tRNS", alphas)] if alphas else []
    new += [_Chunk(b"IDAT", _content(pixels, b"IDAT"))]
    kept = [one for one in chunks if one.name not in (b"PLTE", b"tRNS", b"IDAT", b"IEND")]
    return _joined([*kept, *new, _Chunk(b"IEND", b"")])
