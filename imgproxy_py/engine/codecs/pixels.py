"""Pixels and metadata between other libraries and libvips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyvips

from imgproxy_py.errors import BrokenImage

_SCREEN_PIXELS_PER_MM = 72 / 25.4
_INTERPRETATIONS = {(False, False): "srgb", (False, True): "rgb16", (True, False): "b-w", (True, True): "grey16"}
_PNG = b"\x89PNG\r\n\x1a\n"
_KEEP_EXIF = 1
_TIFF_STARTS = (b"II*\x00", b"MM\x00*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """A picture's ICC profile, EXIF (a TIFF structure) and XMP packet, blank for none; EXIF's orientation or another."""

    icc: bytes = b""
    exif: bytes = b""
    xmp: bytes = b""
    orientation: int | None = None


def image_from(
    pixels: bytes | bytearray | memoryview,
    width: int,
    height: int,
    bands: int,
    *,
    deep: bool = False,
    metadata: Metadata | None = None,
) -> pyvips.Image:
    """Give interleaved samples of 8 bits, or of 16 bits in the machine's order, as an image that shares their memory.

    One and two bands are grey, three and four sRGB; an even number of bands ends in alpha. Raises `BrokenImage` if there
    are fewer samples than the sides say.
    """
    if len(pixels) < width * height * bands * (2 if deep else 1):
        raise BrokenImage("the original's pixels are not all there")
    image = pyvips.Image.new_from_memory(pixels, width, height, bands, "ushort" if deep else "uchar")
    interpretation = _INTERPRETATIONS[bands <= 2, deep]
    image = image.copy(interpretation=interpretation, xres=_SCREEN_PIXELS_PER_MM, yres=_SCREEN_PIXELS_PER_MM)
    return image if metadata is None else with_metadata(image, metadata)


def with_metadata(image: pyvips.Image, metadata: Metadata) -> pyvips.Image:
    """Give the image with metadata as libvips' own loaders would leave it."""
    image = image.copy()
    for name, value in (("icc-profile-data", metadata.icc), ("xmp-data", metadata.xmp)):
        if value:
            image.set_type(pyvips.GValue.blob_type, name, value)
    _set_exif(image, metadata.exif)
    if metadata.orientation is not None:
        image.remove("exif-ifd0-Orientation")
        image.set_type(pyvips.GValue.gint_type, "orientation", metadata.orientation)
    return image


def stacked(pages: list[pyvips.Image]) -> pyvips.Image:
    """Give pages one below the other, aligned at the left (dialect §5.5), on white or nothing; metadata is the first's."""
    while len(pages) > 1:  # in pairs: libvips descends through every join, and one after the other overflow its stack
        pages = [_joined(*pages[at : at + 2]) for at in range(0, len(pages), 2)]
    return pages[0]


def _joined(image: pyvips.Image, below: pyvips.Image | None = None) -> pyvips.Image:
    return image.join(below, "vertical", expand=True, background=_paper(image)) if below is not None else image


def _paper(image: pyvips.Image) -> float:
    if image.hasalpha():
        return 0
    return 65535 if image.format == "ushort" else 255


def animated(image: pyvips.Image, delays: list[int], loop: int) -> pyvips.Image:
    """Give frames that lie one below the other as libvips' animation; `delays` in ms, `loop` how often (0 = for ever)."""
    image = image.copy()
    image.set_type(pyvips.GValue.gint_type, "page-height", image.height // len(delays))
    image.set_type(pyvips.GValue.gint_type, "n-pages", len(delays))
    image.set_type(pyvips.GValue.array_int_type, "delay", delays)
    image.set_type(pyvips.GValue.gint_type, "loop", loop)
    return image


def tiff_structure(exif: bytes) -> bytes:
    """Give an EXIF block without what containers put before its TIFF header, blank if there is no such header."""
    starts = [at for at in (exif.find(start, 0, 64) for start in _TIFF_STARTS) if at >= 0]
    return exif[min(starts) :] if starts else b""


def _set_exif(image: pyvips.Image, exif: bytes) -> None:
    exif = tiff_structure(exif)
    if exif:
        image.set_type(pyvips.GValue.blob_type, "exif-data", exif)  # libvips parses it as this is set


def exif_of(image: pyvips.Image) -> bytes:
    """Give an image's EXIF as libvips would write it now: a TIFF structure, blank if it has none."""
    names = [name for name in image.get_fields() if name.startswith("exif-") or name == "orientation"]
    if not any(name.startswith("exif-") for name in names):
        return b""
    carrier = pyvips.Image.black(1, 1).copy(interpretation="b-w")
    for name in sorted(names):  # the data first: setting it brings back fields that were removed
        carrier.set_type(image.get_typeof(name), name, image.get(name))
    for name in set(carrier.get_fields()) - set(names):
        if name.startswith("exif-"):
            carrier.remove(name)
    written = carrier.pngsave_buffer(keep=_KEEP_EXIF)
    return next((data for name, data in _chunks(written) if name == b"eXIf"), b"")


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at + 8 <= len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def blob(image: pyvips.Image, name: str) -> bytes:
    """Give a blob of an image's metadata, blank if it has none of that name."""
    return bytes(image.get(name)) if image.get_typeof(name) else b""


def eight_bit(image: pyvips.Image) -> pyvips.Image:
    """Give the image with 8 bits a sample."""
    if image.format == "uchar":
        return image
    return image.colourspace("b-w" if image.bands <= 2 else "srgb") if image.format == "ushort" else image.cast("uchar")
