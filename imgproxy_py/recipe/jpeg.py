"""What a JPEG's header says, read from its bytes: a decoder takes a quarter to a whole millisecond for the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Header

_SOS = 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0–SOF15 without DHT, JPG and DAC
# TEM, RSTn, SOI, EOI and all below carry no length. Decoders step over some of them, so reading one would lead away from
# the frame that is decoded, and past the limit on its pixels.
_WITHOUT_CONTENT = frozenset(range(0xC0)) | frozenset(range(0xD0, 0xDA))
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_HUFFMAN = frozenset({0xC0, 0xC1, 0xC2})
_BITS, _PLAIN_COMPONENTS = 8, (1, 3)
_SCAN, _MOST_SCANS = b"\xff\xda", 40  # those of pictures in the header count as well; encoders make about ten
_EXIF, _ICC = (0xE1, b"Exif\0\0"), (0xE2, b"ICC_PROFILE\0")
_ORIENTATION, _SHORT = 0x0112, 3
_MOST_ENTRIES, _TIFF = 512, 42
_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II": "little", b"MM": "big"}


def jpeg_header(data: bytes) -> Header | None:
    """Give the header of a JPEG, `None` if it is not plain enough to be sure; a decoder knows then."""
    orientation: int | None = None
    profile, frame = False, (0, 0)
    for marker, start, end in segments(data):
        if marker == _SOS:
            return _frame(data, *frame, orientation or 1, profile)
        if marker in _FRAMES:
            frame = start, end
        elif marker == _EXIF[0] and data.startswith(_EXIF[1], start):
            if orientation is not None:
                return None  # which of two counts is the decoder's to say
            orientation = _exif_orientation(data[start + len(_EXIF[1]) : end])
            if orientation is None:
                return None
        profile = profile or (marker == _ICC[0] and data.startswith(_ICC[1], start))
    return None


def is_progressive(data: bytes) -> bool:
    """Tell whether a JPEG comes in scans that each refine all of it: its decoder keeps every coefficient."""
    return next((marker for marker, _, _ in segments(data) if marker in _FRAMES), 0) in _PROGRESSIVE


def plain_size(data: bytes) -> tuple[int, int] | None:
    """Give width and height of a plain JPEG, `None` of any other.

    A plain one has a single frame of 8 bits a sample, in grey or three components, coded by Huffman, and in no more scans
    than encoders make.
    """
    frames: list[tuple[int, bytes]] = []
    for marker, start, end in segments(data):
        if marker in _FRAMES:
            frames.append((marker, data[start:end]))
        elif marker == _SOS and len(frames) == 1:
            return _plain_size(*frames[0], together=data[start], data=data)
    return None


def _plain_size(marker: int, frame: bytes, *, together: int, data: bytes) -> tuple[int, int] | None:
    if marker not in _HUFFMAN or len(frame) < 6 or frame[0] != _BITS or frame[5] not in _PLAIN_COMPONENTS:
        return None
    in_turns = marker in _PROGRESSIVE or together < frame[5]
    if in_turns and data.count(_SCAN) > _MOST_SCANS:
        return None
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    return (width, height) if width and height else None


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Give marker, start and end of each segment's content, the first scan's header last (ITU T.81 §B.1.1).

    Metadata may stand behind the frame header as well as before it.
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 2 + length
        if marker in _WITHOUT_CONTENT or length < 2 or end > len(data):
            return
        yield marker, at + 4, end
        if marker == _SOS:
            return
        at = end


def _frame(data: bytes, start: int, end: int, orientation: int, profile: bool) -> Header | None:
    if end - start < 6:
        return None
    height, width, bands = (
        int.from_bytes(data[start + 1 : start + 3], "big"),
        int.from_bytes(data[start + 3 : start + 5], "big"),
        data[start + 5],
    )
    if not (width and height and bands in (1, 3, 4)):
        return None
    return Header(format=Format.JPEG, width=width, height=height, orientation=orientation, bands=bands, profile=profile)


def _exif_orientation(tiff: bytes) -> int | None:
    """Give the orientation of the first image directory, 1 if there is none, `None` if it is odd (TIFF 6.0 §2)."""
    order = _ORDERS.get(tiff[:2])
    if order is None or _number(tiff, 2, 2, order) != _TIFF:
        return None
    directory = _number(tiff, 4, 4, order)
    for entry in range(min(_number(tiff, directory, 2, order), _MOST_ENTRIES)):
        at = directory + 2 + 12 * entry
        if _number(tiff, at, 2, order) == _ORIENTATION:
            kind, count, value = (
                _number(tiff, at + 2, 2, order),
                _number(tiff, at + 4, 4, order),
                _number(tiff, at + 8, 2, order),
            )
            return value if kind == _SHORT and count == 1 and 1 <= value <= 8 else None
    return 1


def _number(tiff: bytes, at: int, size: int, order: Literal["little", "big"]) -> int:
    return int.from_bytes(tiff[at : at + size], order)
