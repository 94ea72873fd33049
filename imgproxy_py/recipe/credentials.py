"""Content Credentials: whether a file carries a C2PA manifest (C2PA 2.2, "Embedding manifests into various formats").

A manifest is signed over the bytes of the very file that it lies in. So a picture that was changed must not carry it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

from imgproxy_py.recipe.formats import Format

_BOX_ID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_GIF_EXTENSION = b"\x21\xff\x0bC2PA_GIF"
_BEFORE_FRAMES = 1 << 16
_TIFF_TAG = 0xCD41
_SVG_ELEMENT = b"c2pa:manifest"


def has_manifest(data: bytes, kind: Format) -> bool:
    """Tell whether a file of that format carries a C2PA manifest before its pixels, or behind them in WebP and boxes.

    Damaged files are read as far as they make sense.
    """
    looks = _LOOKS.get(kind)
    return looks is not None and looks(data)


def _in_jpeg(data: bytes) -> bool:
    """Look for a JUMBF superbox with C2PA's label in segments APP11 (ISO 19566-5, annex D)."""
    return any(
        marker == 0xEB and payload[:2] == b"JP" and payload[12:16] == b"jumb" and b"c2pa" in payload[16:64]
        for marker, payload in _jpeg_segments(data)
    )


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA or length < 2:  # the scan begins
            return
        yield marker, data[at + 4 : min(at + 2 + length, at + 4 + 64)]
        at += 2 + length


def _in_png(data: bytes) -> bool:
    at = 8
    while at + 8 <= len(data) and (name := data[at + 4 : at + 8]) != b"IDAT":  # of which there may be thousands
        if name == b"caBX":
            return True
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return False


def _in_webp(data: bytes) -> bool:
    at = 12
    while at + 8 <= len(data):
        if data[at : at + 4] == b"C2PA":
            return True
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    return False


def _in_boxes(data: bytes) -> bool:
    """Look among the outermost boxes of ISO's base media format, which JPEG XL's container shares."""
    at = 0
    while at + 8 <= len(data):
        length, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if (kind == b"uuid" and data[at + head : at + head + 16] == _BOX_ID) or kind == b"jumb":
            return True
        if length < head:  # it reaches to the end
            return False
        at += length
    return False


def _in_gif(data: bytes) -> bool:
    return data.find(_GIF_EXTENSION, 0, _BEFORE_FRAMES) >= 0


def _in_svg(data: bytes) -> bool:
    return _SVG_ELEMENT in data


def _in_tiff(data: bytes) -> bool:
    order = "<" if data[:2] == b"II" else ">"
    try:
        (at,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, at)
        return any(struct.unpack_from(f"{order}H", data, at + 2 + 12 * entry) == (_TIFF_TAG,) for entry in range(count))
    except struct.error:
        return False


_LOOKS: dict[Format, Callable[[bytes], bool]] = {
    Format.JPEG: _in_jpeg,
    Format.PNG: _in_png,
    Format.WEBP: _in_webp,
    Format.GIF: _in_gif,
    Format.TIFF: _in_tiff,
    Format.SVG: _in_svg,
    Format.AVIF: _in_boxes,
    Format.HEIC: _in_boxes,
    Format.JXL: _in_boxes,
    Format.MP4: _in_boxes,
    Format.MOV: _in_boxes,
}


_MANIFEST_BEGINS = re.compile(rb"<c2pa:manifest\b")
_MANIFEST_ENDS = re.compile(rb"</c2pa:manifest\s*+>")


def without_svg_manifest(data: bytes) -> bytes:
    """Give a well-formed SVG without its manifests."""
    kept, at = [], 0
    while (begins := _MANIFEST_BEGINS.search(data, at)) and (end := _manifest_end(data, begins.end())):
        kept.append(data[at : begins.start()])
        at = end
    return b"".join((*kept, data[at:]))


def _manifest_end(data: bytes, at: int) -> int:
    """Give where a manifest ends whose name ended at a place, 0 if it has no end."""
    tag = data.find(b">", at)
    if tag < 0 or data.startswith(b"/", tag - 1):
        return tag + 1
    ends = _MANIFEST_ENDS.search(data, tag)
    return ends.end() if ends else 0
