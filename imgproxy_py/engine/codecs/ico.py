"""ICO: its largest entry is read, with libvips if it is PNG and with Pillow if it is a bitmap; one PNG entry is written."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pyvips
from PIL import Image

from imgproxy_py.engine.codecs import pillow
from imgproxy_py.engine.codecs.pixels import eight_bit
from imgproxy_py.engine.codecs.port import Demand
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.errors import BrokenImage
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Header

_DIRECTORY, _ENTRY = struct.Struct("<HHH"), struct.Struct("<BBBBHHII")
_ICON = 1
_PNG = b"\x89PNG\r\n\x1a\n"
_BITMAP_HEADER = struct.Struct("<IiiHH")
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class _Entry:
    fields: tuple[int, ...]
    data: bytes

    @property
    def rank(self) -> tuple[int, int]:
        width, height, *_, depth, _, _ = self.fields
        return (width or _LONGEST) * (height or _LONGEST), depth

    def alone(self) -> bytes:
        """Give the entry as the only one of a file of its own."""
        start = _DIRECTORY.size + _ENTRY.size
        return _DIRECTORY.pack(0, _ICON, 1) + _ENTRY.pack(*self.fields[:6], len(self.data), start) + self.data


class IcoDecoder:
    """Reads the entry of most pixels, among those of equal size the deepest."""

    def header(self, data: bytes, kind: Format, demand: Demand) -> Header:
        """Give the largest entry's header, read from its own data and not from the directory; raises `BrokenImage`."""
        entry = _largest(data)
        if entry.data.startswith(_PNG):
            image = _png(entry.data)
            alpha = bool(image.hasalpha())
            return Header(format=kind, width=image.width, height=image.height, alpha=alpha, bands=image.bands)
        width, height = _bitmap_size(entry.data)
        return Header(format=kind, width=width, height=height, alpha=True, bands=4)

    def decode(self, data: bytes, kind: Format, demand: Demand) -> pyvips.Image:
        """Give the largest entry; raises `BrokenImage`."""
        entry = _largest(data)
        if entry.data.startswith(_PNG):
            return _png(entry.data)
        return pillow.decoded(_bitmap(entry))


def _largest(data: bytes) -> _Entry:
    count = _DIRECTORY.unpack_from(data)[2] if len(data) >= _DIRECTORY.size else 0
    rows = range(_DIRECTORY.size, min(_DIRECTORY.size + _ENTRY.size * count, len(data) - _ENTRY.size + 1), _ENTRY.size)
    entries = [_entry(data, at) for at in rows]
    if not entries:
        raise BrokenImage("the icon file has no entry")
    largest = max(entries, key=lambda one: one.rank)
    if len(largest.data) < largest.fields[6] or not largest.data:
        raise BrokenImage("the ico file ends too early")
    return largest


def _entry(data: bytes, at: int) -> _Entry:
    fields = _ENTRY.unpack_from(data, at)
    *_, length, start = fields
    return _Entry(fields, data[start : start + length])


def _png(data: bytes) -> pyvips.Image:
    try:
        return pyvips.Image.pngload_buffer(data, access="sequential", fail_on="truncated")
    except pyvips.Error as error:
        raise BrokenImage("the original's header cannot be read", private=str(error)) from error


def _bitmap_size(data: bytes) -> tuple[int, int]:
    if len(data) < _BITMAP_HEADER.size:
        raise BrokenImage("the ico file ends too early")
    _, width, double_height, _, _ = _BITMAP_HEADER.unpack_from(data)  # colours, and below them the mask
    if width <= 0 or double_height < 2:
        raise BrokenImage("the icon has no pixels")
    return width, double_height // 2


def _bitmap(entry: _Entry) -> Image.Image:
    width, height = _bitmap_size(entry.data)
    if max(width, height) > _LONGEST:
        raise BrokenImage("the icon's bitmap is larger than icons are")
    *_, planes, depth = _BITMAP_HEADER.unpack_from(entry.data)
    # Many a directory is wrong about what it lists, and Pillow believes it.
    fields = (width % _LONGEST, height % _LONGEST, 0, 0, planes, depth, *entry.fields[6:])
    return pillow.opened(_Entry(fields, entry.data).alone(), "ICO")


class IcoEncoder:
    """Writes one PNG entry of at most 256×256 pixels."""

    def encode(self, image: pyvips.Image, quality: int, keep: int, settings: EngineSettings) -> bytes:
        """Give the file; raises `pyvips.Error` if the pixels cannot be had or are too many."""
        if max(image.width, image.height) > _LONGEST:
            raise pyvips.Error(f"pngsave: an icon of {image.width}×{image.height} pixels")
        image = eight_bit(image)
        data = bytes(image.pngsave_buffer(keep=0, filter="all"))
        sides = (image.width % _LONGEST, image.height % _LONGEST)  # 0 stands for 256
        entry = _Entry((*sides, 0, 0, 1, 8 * image.bands, len(data), 0), data)
        return entry.alone()
