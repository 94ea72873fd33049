"""The table of image formats: names, media types, abilities, and how their bytes begin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from imgproxy_py.recipe.camera import is_camera_raw

SNIFF_BYTES = 32 * 1024
"""How much of a file is looked at to tell what it is (dialect §6.4)."""


class Format(StrEnum):
    """A format under its canonical name; those after `TIFF` are only read, and no URL names them."""

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
    PDF = "pdf"
    PSD = "psd"
    RAW = "raw"
    MP4 = "mp4"
    MOV = "mov"
    WEBM = "webm"
    MKV = "mkv"
    AVI = "avi"


VIDEOS = frozenset({Format.MP4, Format.MOV, Format.WEBM, Format.MKV, Format.AVI})
"""Containers of video, of which pictures are taken (dialect §5.5)."""

INPUT_ONLY = VIDEOS | {Format.PDF, Format.PSD, Format.RAW}
"""Formats that are read and never written."""


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
    Format.PDF: Ability(media_type="application/pdf", extension=".pdf", alpha=False, icc=False),
    Format.PSD: Ability(media_type="image/vnd.adobe.photoshop", extension=".psd", high_depth=True),
    Format.RAW: Ability(media_type="image/x-dcraw", extension=".raw", alpha=False, high_depth=True),
    Format.MP4: Ability(media_type="video/mp4", extension=".mp4", alpha=False),
    Format.MOV: Ability(media_type="video/quicktime", extension=".mov", alpha=False),
    Format.WEBM: Ability(media_type="video/webm", extension=".webm", alpha=False),
    Format.MKV: Ability(media_type="video/x-matroska", extension=".mkv", alpha=False),
    Format.AVI: Ability(media_type="video/x-msvideo", extension=".avi", alpha=False),
}

_ALIASES = {"jpg": Format.JPEG}
FORMAT_NAMES: dict[str, Format] = {**{str(one): one for one in Format if one not in INPUT_ONLY}, **_ALIASES}
"""Every spelling a URL may use, lower-case only (dialect §1.5)."""

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevm", b"hevs", b"mif1"})
_MP4_BRANDS = (b"isom", b"iso", b"mp4", b"avc1", b"M4V", b"dash", b"f4v ", b"3gp", b"3g2", b"MSNV")
_JXL_BOX = b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
# What was matched is never tried otherwise (possessive and atomic groups), so any beginning is judged in one pass.
_SVG_START = re.compile(
    rb"""(?:\xef\xbb\xbf)?
    (?: \s++ | (?><\?.*?\?>) | (?><!--.*?-->)
      | <!DOCTYPE(?: [^\[>"']++ | "[^"]*+" | '[^']*+' | (?>\[.*?\]\s*(?=>)) )*+>
    )*+
    <(?:[\w.-]++:)?svg[\s/>]""",
    re.DOTALL | re.VERBOSE,
)


def sniff(data: bytes) -> Format | None:
    """Tell an image's format from its first bytes, `None` if they belong to no format in the table.

    Neither a media type nor a file name has a say (dialect §6.4).
    """
    head = data[:SNIFF_BYTES]
    return _sniff_magic(head) or _sniff_riff(head) or _sniff_boxes(head) or _sniff_matroska(head) or _sniff_svg(head)


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
    (b"%PDF-", Format.PDF),
    (b"8BPS\x00\x01", Format.PSD),
    (b"8BPS\x00\x02", Format.PSD),
    (b"IIRO", Format.RAW),  # Olympus
    (b"IIRS", Format.RAW),
    (b"MMOR", Format.RAW),
    (b"IIU\x00", Format.RAW),  # Panasonic
    (b"FUJIFILMCCD-RAW ", Format.RAW),
    (b"FOVb", Format.RAW),  # Sigma
    (b"\x00MRM", Format.RAW),  # Minolta
)


def _sniff_magic(head: bytes) -> Format | None:
    found = next((found for magic, found in _MAGIC if head.startswith(magic)), None)
    return Format.RAW if found is Format.TIFF and is_camera_raw(head) else found


_RIFF_FORMS = {b"WEBP": Format.WEBP, b"AVI ": Format.AVI}


def _sniff_riff(head: bytes) -> Format | None:
    return _RIFF_FORMS.get(head[8:12]) if head[:4] == b"RIFF" else None


def _sniff_boxes(head: bytes) -> Format | None:
    if head[4:8] != b"ftyp":
        return None
    size = int.from_bytes(head[:4], "big")
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(size, len(head)), 4))]
    if b"avif" in brands or b"avis" in brands:
        return Format.AVIF
    if _HEIC_BRANDS.intersection(brands):
        return Format.HEIC
    return _sniff_movie(brands[0])


def _sniff_movie(brand: bytes) -> Format | None:
    if brand == b"crx ":  # Canon's CR3
        return Format.RAW
    if brand == b"qt  ":
        return Format.MOV
    return Format.MP4 if brand.startswith(_MP4_BRANDS) else None


def _sniff_matroska(head: bytes) -> Format | None:
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    if b"\x42\x82\x84webm" in head[:64]:  # DocType and its length
        return Format.WEBM
    return Format.MKV if b"\x42\x82\x88matroska" in head[:64] else None


def _sniff_svg(head: bytes) -> Format | None:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.decode("utf-16", "replace").encode()
    return Format.SVG if _SVG_START.match(head) else None
