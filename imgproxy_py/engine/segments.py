"""Metadata that libvips' UltraHDR encoder leaves out, put into its files: segments of XMP and IPTC (JPEG, T.81 annex B)."""

from __future__ import annotations

import struct

import pyvips

from imgproxy_py.engine.metadata import KEEP_IPTC, KEEP_XMP

_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_APP1, _APP13 = 0xE1, 0xED
_LONGEST = 0xFFFF - 2
_FIRST_SEGMENTS = frozenset({0xE0, _APP1})

# The index of the pictures in the file (CIPA DC-007): an IFD whose entry 0xB002 lists 16 bytes a picture.
_INDEX, _PICTURES = b"MPF\x00", 0xB002


def with_metadata(data: bytes, image: pyvips.Image, keep: int) -> bytes:
    """Give a JPEG of more than one picture with the XMP and IPTC of an image, as far as they are kept.

    `keep` are libvips' VipsForeignKeep flags. What is too long for a segment is left out.
    """
    added = _segment(_APP1, _XMP + image.get("xmp-data")) if keep & KEEP_XMP and image.get_typeof("xmp-data") else b""
    if keep & KEEP_IPTC and image.get_typeof("iptc-data"):
        added += _segment(_APP13, image.get("iptc-data"))
    if not added:
        return data
    at = _after_first_segments(data)
    return _with_longer_first(data[:at] + added + data[at:], len(added))


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(payload)) + payload if len(payload) <= _LONGEST else b""


def _after_first_segments(data: bytes) -> int:
    at = 2
    while data[at] == 0xFF and data[at + 1] in _FIRST_SEGMENTS:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at


def _with_longer_first(data: bytes, by: int) -> bytes:
    """Give the file with the first picture's length in the index made larger.

    The others' places count from the index, which moved with them.
    """
    start = data.find(_INDEX) + len(_INDEX)
    order = "<" if data[start : start + 2] == b"II" else ">"
    (directory,) = struct.unpack_from(f"{order}I", data, start + 4)
    (count,) = struct.unpack_from(f"{order}H", data, start + directory)
    for at in range(start + directory + 2, start + directory + 2 + 12 * count, 12):
        tag, _, _, pictures = struct.unpack_from(f"{order}HHII", data, at)
        if tag == _PICTURES:
            length_at = start + pictures + 4
            (length,) = struct.unpack_from(f"{order}I", data, length_at)
            return data[:length_at] + struct.pack(f"{order}I", length + by) + data[length_at + 4 :]
    return data
