"""The table of image formats: names, media types, abilities, and how their bytes begin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

SNIFF_BYTES = 32 * 1024
"""How much of a file is looked at to tell what it is (dialect §6.4)."""


class Format(StrEnum):
    """An image format under its canonical name in URLs."""

    JPEG = "jpeg"
    JXL = "jxl"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    ICO = "ico"
    SVG = "svg"
    HEIC = "heic"
    AVIF = "avif"
    BMP = "bmp"
    TIFF = "tiff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """What a format can hold, and how it is called on the wire (dialect §6.4).

    `max_side` is the longest side in pixels that its encoder takes, 0 for no limit worth the name.
    """

    media_type: str
    extension: str
    alpha: bool = True
    icc: bool = True
    quality: bool = False
    animation: bool = False
    high_depth: bool = False
    max_side: int = 0


ABILITIES: dict[Format, Ability] = {
    Format.JPEG: Ability(media_type="image/jpeg", extension=".jpg", alpha=False, quality=True),
    Format.JXL: Ability(media_type="image/jxl", extension=".jxl", quality=True, high_depth=True),
    Format.PNG: Ability(media_type="image/png", extension=".png", high_depth=True),
    Format.WEBP: Ability(media_type="image/webp", extension=".webp", quality=True, animation=True, max_side=16383),
    Format.GIF: Ability(media_type="image/gif", extension=".gif", icc=False, animation=True, max_side=65535),
    Format.ICO: Ability(media_type="image/x-icon", extension=".ico", icc=False, max_side=256),
    Format.SVG: Ability(media_type="image/svg+xml", extension=".svg", icc=False),
    Format.HEIC: Ability(media_type="image/heif", extension=".heic", quality=True, max_side=16384),
    Format.AVIF: Ability(media_type="image/avif", extension=".avif", quality=True, high_depth=True, max_side=16384),
    Format.BMP: Ability(media_type="image/bmp", extension=".bmp", icc=False),
    Format.TIFF: Ability(media_type="image/tiff", extension=".tiff", quality=True, high_depth=True),
}

_ALIASES = {"jpg": Format.JPEG}
FORMAT_NAMES: dict[str, Format] = {**{str(one): one for one in Format}, **_ALIASES}
"""Every spelling a URL may use, lower-case only (dialect §1.5)."""

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevm", b"hevs", b"mif1"})
_JXL_BOX = b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
_SVG_START = re.compile(
    rb"""(?:\xef\xbb\xbf)?(?:\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE(?:[^\[>"']|"[^"]*"|'[^']*'|\[.*?\]\s*(?=>))*>)*<(?:[\w.-]+:)?svg[\s/>]""",
    re.DOTALL,
)


def sniff(data: bytes) -> Format | None:
    """Tell an image's format from its first bytes, `None` if they belong to no format in the table.

    Neither a media type nor a file name has a say (dialect §6.4).
    """
    head = data[:SNIFF_BYTES]
    return _sniff_magic(head) or _sniff_boxes(head) or _sniff_svg(head)


_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8", Format.JPEG),
    (b"\xff\x0a", Format.JXL),
    (_JXL_BOX, Format.JXL),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
    (b"\x00\x00\x01\x00", Format.ICO),
    (b"BM", Format.BMP),
    (b"II*\x00", Format.TIFF),
    (b"MM\x00*", Format.TIFF),
)


def _sniff_magic(head: bytes) -> Format | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Format.WEBP
    return next((found for magic, found in _MAGIC if head.startswith(magic)), None)


def _sniff_boxes(head: bytes) -> Format | None:
    if head[4:8] != b"ftyp":
        return None
    size = int.from_bytes(head[:4], "big")
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(size, len(head)), 4))]
    if b"avif" in brands or b"avis" in brands:
        return Format.AVIF
    return Format.HEIC if _HEIC_BRANDS.intersection(brands) else None


def _sniff_svg(head: bytes) -> Format | None:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.decode("utf-16", "replace").encode()
    return Format.SVG if _SVG_START.match(head) else None
