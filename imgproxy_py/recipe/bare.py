"""Whether a file has nothing in it but the picture, told from its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.jpeg import segments

_JFIF, _ADOBE, _ICC = (0xE0, b"JFIF\0"), (0xEE, b"Adobe"), (0xE2, b"ICC_PROFILE\0")
_APPLICATION = frozenset({*range(0xE0, 0xF0), 0xFE})  # APP0–APP15 and COM
_JPEG_END = b"\xff\xd9"

_PNG_CHUNKS = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"bKGD", b"sBIT", b"pHYs", b"hIST"}
    | {b"acTL", b"fcTL", b"fdAT"}
)
_WEBP_CHUNKS = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"})
_GIF_METADATA = (b"\x21\xfe", b"XMP DataXMP", b"ICCRGBG1012")


def is_bare(data: bytes, kind: Format, *, profile: bool) -> bool:
    """Tell whether a file has no metadata: no EXIF, IPTC, XMP, comments or what else; a colour profile if `profile` is true.

    In doubt it has: of formats that are not looked into, and of a JPEG that something follows.
    """
    judge = _JUDGES.get(kind)
    return judge is not None and judge(data, profile)


def _jpeg_is_bare(data: bytes, profile: bool) -> bool:
    allowed = (_JFIF, _ADOBE, _ICC) if profile else (_JFIF, _ADOBE)
    return data.endswith(_JPEG_END) and all(
        any(marker == known and data.startswith(name, start) for known, name in allowed)
        for marker, start, _ in segments(data)
        if marker in _APPLICATION
    )


def _png_is_bare(data: bytes, profile: bool) -> bool:
    return set(_png_chunks(data)) <= _PNG_CHUNKS | ({b"iCCP"} if profile else set())


def _png_chunks(data: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(data):
        yield data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4], "big")


def _webp_is_bare(data: bytes, profile: bool) -> bool:
    return set(_webp_chunks(data)) <= _WEBP_CHUNKS | ({b"ICCP"} if profile else set())


def _webp_chunks(data: bytes) -> Iterator[bytes]:
    at = 12
    while at < len(data):
        yield data[at : at + 4]
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2


def _gif_is_bare(data: bytes, profile: bool) -> bool:
    return not any(mark in data for mark in _GIF_METADATA)


_JUDGES: dict[Format, Callable[[bytes, bool], bool]] = {
    Format.JPEG: _jpeg_is_bare,
    Format.PNG: _png_is_bare,
    Format.WEBP: _webp_is_bare,
    Format.GIF: _gif_is_bare,
}
