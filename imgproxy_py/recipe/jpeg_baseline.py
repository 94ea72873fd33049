"""What a decoder has to know of a baseline JPEG before its one scan, read from the segments in front of that (ITU T.81 §B)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from imgproxy_py.recipe.jpeg import segments

TABLES = 4
"""The most tables of a kind."""

QUANTIZERS = 64

_SEQUENTIAL = frozenset({0xC0, 0xC1})  # by Huffman codes; the second may have four tables of a kind instead of two
_OTHER_FRAMES = frozenset(range(0xC2, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DHT, _SOS, _DQT, _DRI, _APP0, _APP14 = 0xC4, 0xDA, 0xDB, 0xDD, 0xE0, 0xEE
_BITS, _GREY, _COLORS = 8, 1, 3
_LENGTHS, _SYMBOLS = 16, 256
_ALL = bytes((0, 63, 0))  # of a scan's coefficients, at once
_JFIF, _ADOBE, _ADOBE_BYTES, _JFIF_BYTES = b"JFIF\0", b"Adobe", 12, 14
_YCBCR, _NUMBERS = 1, (1, 2, 3)


class _Unusual(Exception):
    """The file is not plain enough to be sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A component of a frame: how often it is sampled, its quantizers in the order of coding, the numbers of its tables."""

    across: int
    down: int
    quantizers: bytes
    dc: int
    ac: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A frame in a single scan, grey or YCbCr.

    `dc` and `ac` are Huffman tables by number: sixteen counts of codes by length, then their symbols. `scan` is where the
    coded data begin. `restart_interval` is 0 for none.
    """

    width: int
    height: int
    components: Sequence[Component]
    dc: dict[int, bytes]
    ac: dict[int, bytes]
    restart_interval: int
    scan: int


@dataclass(slots=True)
class _Found:
    frame: bytes = b""
    quantizers: dict[int, bytes] = field(default_factory=dict)
    huffman: tuple[dict[int, bytes], dict[int, bytes]] = field(default_factory=lambda: ({}, {}))
    restart_interval: int = 0
    jfif: bool = False
    adobe: int | None = None


def baseline(data: bytes) -> Baseline | None:
    """Give what the segments before the scan of a JPEG say, `None` unless it is sequential, of 8 bits, and plain."""
    found = _Found()
    try:
        for marker, start, end in segments(data):
            if marker == _SOS:
                return _frame(found, data[start:end], end)
            _note(found, marker, data[start:end])
    except (_Unusual, IndexError, KeyError, struct.error):
        pass
    return None


def _note(found: _Found, marker: int, content: bytes) -> None:
    if marker == _DQT:
        found.quantizers.update(_quantizers(content))
    elif marker == _DHT:
        for kind, number, table in _huffman(content):
            found.huffman[kind][number] = table
    elif marker == _DRI:
        (found.restart_interval,) = struct.unpack(">H", content)
    elif marker in _SEQUENTIAL and not found.frame:
        found.frame = content
    elif marker in _SEQUENTIAL or marker in _OTHER_FRAMES:
        raise _Unusual
    elif marker == _APP0 and content.startswith(_JFIF) and len(content) >= _JFIF_BYTES:
        found.jfif = True
    elif marker == _APP14 and content.startswith(_ADOBE) and len(content) >= _ADOBE_BYTES:
        found.adobe = content[_ADOBE_BYTES - 1]


def _quantizers(content: bytes) -> Iterator[tuple[int, bytes]]:
    for at in range(0, len(content), 1 + QUANTIZERS):
        number, values = content[at], content[at + 1 : at + 1 + QUANTIZERS]
        if number >= TABLES or len(values) < QUANTIZERS or not all(values):  # or of 16 bits
            raise _Unusual
        yield number, values


def _huffman(content: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < len(content):
        kind, number = content[at] >> 4, content[at] & 15
        end = at + 1 + _LENGTHS + sum(content[at + 1 : at + 1 + _LENGTHS])
        table = content[at + 1 : end]
        if kind > 1 or number >= TABLES or end > len(content) or len(table) > _LENGTHS + _SYMBOLS:
            raise _Unusual
        yield kind, number, table
        at = end


def _frame(found: _Found, scan: bytes, at: int) -> Baseline:
    bits, height, width, count = struct.unpack_from(">BHHB", found.frame)
    parts = [found.frame[6 + 3 * number : 9 + 3 * number] for number in range(count)]
    chosen = [scan[1 + 2 * number : 3 + 2 * number] for number in range(count)]
    if bits != _BITS or not width or not height or count not in (_GREY, _COLORS):
        raise _Unusual
    if (
        scan[0] != count
        or scan[1 + 2 * count :] != _ALL
        or any(a[0] != b[0] for a, b in zip(parts, chosen, strict=True))
    ):
        raise _Unusual
    if count == _COLORS and not _is_ycbcr(found, tuple(part[0] for part in parts)):
        raise _Unusual
    components = [
        _component(found, part, tables[1], alone=count == _GREY) for part, tables in zip(parts, chosen, strict=True)
    ]
    dc, ac = found.huffman
    return Baseline(
        width=width,
        height=height,
        components=components,
        dc={one.dc: dc[one.dc] for one in components},
        ac={one.ac: ac[one.ac] for one in components},
        restart_interval=found.restart_interval,
        scan=at,
    )


def _is_ycbcr(found: _Found, numbers: tuple[int, ...]) -> bool:
    """Tell whether decoders agree on what three components are: JFIF and Adobe say it, or the usual numbers do."""
    if found.adobe is not None:
        return found.adobe == _YCBCR
    return found.jfif or numbers == _NUMBERS


def _component(found: _Found, part: bytes, tables: int, *, alone: bool) -> Component:
    sampling = (
        0x11 if alone else part[1]
    )  # a component alone has its blocks in order, however it is sampled (T.81 §A.2.2)
    quantizers = found.quantizers[part[2]]
    return Component(across=sampling >> 4, down=sampling & 15, quantizers=quantizers, dc=tables >> 4, ac=tables & 15)
