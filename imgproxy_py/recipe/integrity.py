"""Whether a file is whole: decoders tolerate cut files, a service should not (a half grey picture is no picture)."""

from __future__ import annotations

from imgproxy_py.recipe.formats import Format

_JPEG_SCAN = b"\xff\xda"
_JPEG_END = b"\xff\xd9"
_PNG_END = b"IEND\xaeB`\x82"
_GIF_TRAILER, _GIF_EXTENSION, _GIF_IMAGE = 0x3B, 0x21, 0x2C


def is_truncated(data: bytes, kind: Format) -> bool:
    """Tell whether a file ends before its format says it does.

    Looks for JPEG's end marker after the last scan, PNG's `IEND`, GIF's trailer at the end of its blocks, and compares the
    lengths that RIFF and ISO media boxes declare. Formats that declare no end are left to their decoders.
    """
    check = _CHECKS.get(kind)
    return check(data) if check else False


def _jpeg(data: bytes) -> bool:
    # A thumbnail in the header has an end marker of its own, so only one behind the last scan counts. Looking for the
    # scan reads the whole file, and is spared for the many that end where they should.
    end = data.rfind(_JPEG_END)
    return end != len(data) - len(_JPEG_END) and end <= data.rfind(_JPEG_SCAN)


def _png(data: bytes) -> bool:
    return data.rfind(_PNG_END) < 0


def _riff(data: bytes) -> bool:
    return int.from_bytes(data[4:8], "little") + 8 > len(data)


def _boxes(data: bytes) -> bool:
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 0:  # reaches to the end of the file
            return False
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:
            return True
        at += size
    return at > len(data)


def _gif(data: bytes) -> bool:
    at = 13 + _color_table(data, 10)
    while at < len(data):
        block = data[at]
        if block == _GIF_TRAILER:
            return False
        if block == _GIF_EXTENSION:
            at = _after_sub_blocks(data, at + 2)
        elif block == _GIF_IMAGE:
            at = _after_sub_blocks(data, at + 11 + _color_table(data, at + 9))
        else:
            return True
    return True


def _color_table(data: bytes, flags_at: int) -> int:
    flags = data[flags_at] if flags_at < len(data) else 0
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_sub_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += data[at] + 1
    return at + 1


_CHECKS = {
    Format.JPEG: _jpeg,
    Format.PNG: _png,
    Format.GIF: _gif,
    Format.WEBP: _riff,
    Format.AVIF: _boxes,
    Format.HEIC: _boxes,
}
