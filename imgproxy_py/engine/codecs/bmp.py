"""BMP: read with Pillow, written here, because Pillow writes neither a V5 header nor alpha."""

from __future__ import annotations

import struct

import pyvips
from PIL import Image

from imgproxy_py.engine.codecs import pillow
from imgproxy_py.engine.codecs.pixels import eight_bit, image_from
from imgproxy_py.engine.codecs.port import Demand
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Header

_FILE_HEADER, _V5_HEADER = 14, 124
_RGB, _BITFIELDS = 0, 3
_MASKS = (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)
_NO_MASKS = (0, 0, 0, 0)
_SRGB, _INTENT_IMAGES = 0x73524742, 4
_GREY_PALETTE = b"".join(bytes((level, level, level, 0)) for level in range(256))
_PIXELS_PER_METRE = 2835  # 72 dpi


class BmpDecoder:
    """Reads BMP of every depth, with alpha where its header has a mask for it."""

    def header(self, data: bytes, kind: Format, demand: Demand) -> Header:
        """Give the header; raises `BrokenImage`."""
        return pillow.header(_opened(data), kind)

    def decode(self, data: bytes, kind: Format, demand: Demand) -> pyvips.Image:
        """Give the picture; raises `BrokenImage`."""
        return pillow.decoded(_opened(data))


def _opened(data: bytes) -> Image.Image:
    return pillow.opened(data, "BMP")


class BmpEncoder:
    """Writes uncompressed BMP, rows from the top, a V5 header; 8-bit grey with a palette, 24 or 32 bits of colour."""

    def encode(self, image: pyvips.Image, quality: int, keep: int, settings: EngineSettings) -> bytes:
        """Give the file; raises `pyvips.Error` if the pixels cannot be had."""
        image = _storable(image)
        rows = _rows(image)
        palette = _GREY_PALETTE if image.bands == 1 else b""
        return _headers(image, len(rows), len(palette)) + palette + rows


def _storable(image: pyvips.Image) -> pyvips.Image:
    image = eight_bit(image)
    if image.bands == 2:
        image = image.colourspace("srgb")
    return image if image.bands == 1 else image[2].bandjoin([image[1], image[0], *image.bandsplit()[3:]])


def _rows(image: pyvips.Image) -> bytes:
    wide = image.width * image.bands
    samples = image_from(image.write_to_memory(), wide, image.height, 1)
    return bytes(samples.embed(0, 0, wide + -wide % 4, image.height).write_to_memory())


def _headers(image: pyvips.Image, length: int, palette: int) -> bytes:
    start = _FILE_HEADER + _V5_HEADER + palette
    alpha = image.bands == 4
    masks, compression = (_MASKS, _BITFIELDS) if alpha else (_NO_MASKS, _RGB)
    file = struct.pack("<2sIHHI", b"BM", start + length, 0, 0, start)
    sides = struct.pack("<IiiHH", _V5_HEADER, image.width, -image.height, 1, image.bands * 8)  # negative: from the top
    layout = struct.pack("<IIiiII", compression, length, _PIXELS_PER_METRE, _PIXELS_PER_METRE, palette // 4, 0)
    colors = struct.pack("<4II36x12xIIII", *masks, _SRGB, _INTENT_IMAGES, 0, 0, 0)
    return file + sides + layout + colors
