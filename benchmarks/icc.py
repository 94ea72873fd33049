"""A colour profile of three primaries and one exponent, as cameras and editors embed it."""

from __future__ import annotations

import struct

XYZ = tuple[float, float, float]

_D50: XYZ = (0.9642, 1.0, 0.8249)
_HEADER = 128
_ENTRY = 12

# Adobe RGB (1998) Color Image Encoding, 4.3.1 and annex C: the primaries adapted to D50, the exponent 2 + 51/256.
_ADOBE_PRIMARIES: tuple[XYZ, XYZ, XYZ] = (
    (0.60974, 0.31111, 0.01947),
    (0.20528, 0.62567, 0.06087),
    (0.14919, 0.06322, 0.74457),
)
_ADOBE_EXPONENT = 2 + 51 / 256


def adobe_rgb() -> bytes:
    """Give a version 2 profile with the primaries and the curve of Adobe RGB (1998)."""
    return matrix_profile("Adobe RGB (1998) primaries", _ADOBE_PRIMARIES, _ADOBE_EXPONENT)


def matrix_profile(name: str, primaries: tuple[XYZ, XYZ, XYZ], exponent: float) -> bytes:
    """Give a version 2 display profile (ICC.1:2001-04) of primaries relative to D50 and an exponent below 256."""
    curve = struct.pack(">4s4xIH", b"curv", 1, round(exponent * 256)) + b"\0\0"
    tags = {b"desc": _description(name), b"cprt": _text("Public domain"), b"wtpt": _xyz(_D50)}
    for channel, primary in zip(b"rgb", primaries, strict=True):
        tags[bytes((channel,)) + b"XYZ"] = _xyz(primary)
        tags[bytes((channel,)) + b"TRC"] = curve
    return _assembled(tags)


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    place = _HEADER + 4 + _ENTRY * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for signature, value in tags.items():
        table += struct.pack(">4sII", signature, place + len(body), len(value))
        body += value
    return _header(place + len(body)) + table + body


def _header(size: int) -> bytes:
    head = struct.pack(">I4sI4s4s4s", size, b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s4s", 2026, 1, 1, 0, 0, 0, b"acsp", b"APPL")
    return (head + bytes(24) + _fixed(_D50)).ljust(_HEADER, b"\0")


def _description(name: str) -> bytes:
    text = name.encode("ascii") + b"\0"
    # The two other spellings of the name, Unicode and Macintosh, are left out: twelve bytes, and 67 for the latter.
    return _padded(struct.pack(">4s4xI", b"desc", len(text)) + text + bytes(8) + bytes(3) + bytes(67))


def _text(text: str) -> bytes:
    return _padded(b"text" + bytes(4) + text.encode("ascii") + b"\0")


def _xyz(value: XYZ) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(value)


def _fixed(value: XYZ) -> bytes:
    return struct.pack(">3i", *(round(part * 65536) for part in value))


def _padded(value: bytes) -> bytes:
    return value + bytes(-len(value) % 4)
