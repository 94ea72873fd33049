"""ICC profiles of matrix and curves, made for tests (ICC.1:2010 §7, §8.3, §10)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

Curve = Callable[[float], float]
Colorants = tuple[tuple[float, float, float], ...]

# Red, green, blue in XYZ, adapted to D50.
SRGB: Colorants = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
DISPLAY_P3: Colorants = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE_RGB: Colorants = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
PROPHOTO: Colorants = ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491))
REC_2020: Colorants = ((0.67348, 0.27904, -0.00194), (0.16566, 0.67535, 0.02999), (0.12505, 0.04561, 0.79686))


def srgb_curve(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def gamma(exponent: float) -> Curve:
    return lambda value: value**exponent


def matrix_profile(colorants: Colorants, curve: Curve, *, points: int = 1024, name: str = "made") -> bytes:
    """A display profile of RGB whose curves are tables of so many points."""
    table = curve_tag(curve, points)
    tags = {b"desc": _description(name), b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"cprt": b"text\0\0\0\0none\0"}
    tags |= {band + b"XYZ": _xyz(colorant) for band, colorant in zip((b"r", b"g", b"b"), colorants, strict=True)}
    tags |= {band + b"TRC": table for band in (b"r", b"g", b"b")}
    return _profile(b"RGB ", tags)


def grey_profile(curve: Curve, *, points: int = 1024) -> bytes:
    tags = {b"desc": _description("grey"), b"wtpt": _xyz((0.9642, 1.0, 0.8249)), b"cprt": b"text\0\0\0\0none\0"}
    return _profile(b"GRAY", tags | {b"kTRC": curve_tag(curve, points)})


def with_tag(profile: bytes, signature: bytes, data: bytes) -> bytes:
    """The profile with one more tag."""
    count = int.from_bytes(profile[128:132], "big")
    tags = {}
    for at in range(132, 132 + 12 * count, 12):
        start, length = struct.unpack_from(">II", profile, at + 4)
        tags[profile[at : at + 4]] = profile[start : start + length]
    return _profile(profile[16:20], tags | {signature: data})


def curve_tag(curve: Curve, points: int) -> bytes:
    levels = (round(65535 * curve(place / (points - 1))) for place in range(points))
    return b"curv\0\0\0\0" + struct.pack(f">I{points}H", points, *levels)


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(one * 65536) for one in values))


def _description(name: str) -> bytes:
    text = name.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    at = 132 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for signature, data in tags.items():
        data += bytes(-len(data) % 4)
        table += signature + struct.pack(">II", at + len(body), len(data))
        body += data
    length = at + len(body)
    header = struct.pack(
        ">I4sI4s4s4s12s4s4sI4s4sQI",
        length,
        b"",
        0x02400000,
        b"mntr",
        space,
        b"XYZ ",
        bytes(12),
        b"acsp",
        b"",
        0,
        b"",
        b"",
        0,
        0,
    )
    header += struct.pack(">3i", 63190, 65536, 54061)  # D50
    return header.ljust(128, b"\0") + table + body
