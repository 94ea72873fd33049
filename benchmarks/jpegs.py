"""JPEG files of which only the wrapping changes: the coded picture stays bit for bit."""

from __future__ import annotations

from collections.abc import Iterator

_START = b"\xff\xd8"
_SCAN = 0xDA
_COMMENT = 0xFE
_ICC = b"ICC_PROFILE\0\x01\x01"  # the first of one (ICC.1:2022, B.4)
_CARRIED = {0xE1, 0xE2, 0xED, _COMMENT}  # EXIF and XMP, profiles, IPTC, remarks


def bare(data: bytes) -> bytes:
    """Give the file without EXIF, XMP, IPTC, profile and remarks; what decoding needs stays."""
    kept, end = [], 2
    for marker, begin, end in _segments(data):
        if marker not in _CARRIED:
            kept.append(data[begin:end])
    return _START + b"".join(kept) + data[end:]


def with_profile(data: bytes, profile: bytes) -> bytes:
    """Give the file with a colour profile of at most 65,519 bytes."""
    return _inserted(data, _segment(0xE2, _ICC + profile))


def numbered(data: bytes, number: int) -> bytes:
    """Give the file with a number as its remark: another file of the same picture."""
    return _inserted(data, _segment(_COMMENT, str(number).encode()))


def _inserted(data: bytes, segment: bytes) -> bytes:
    # After the segment that JFIF wants first, if there is one.
    marker, _, end = next(_segments(data))
    place = end if marker == 0xE0 else len(_START)
    return data[:place] + segment + data[place:]


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2, "big") + payload


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Give marker, begin and end of each segment before the first scan; raise `ValueError` for what is no JPEG."""
    if not data.startswith(_START):
        raise ValueError("not a JPEG")
    place = len(_START)
    while data[place] == 0xFF and data[place + 1] != _SCAN:
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        yield data[place + 1], place, end
        place = end
