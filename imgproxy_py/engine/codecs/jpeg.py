"""JPEG by libjpeg-turbo: the pixels and the files that libvips would give, bit for bit, for less time.

libvips hands its own decoder, mozjpeg's, a file in pieces of 4 KiB. The quick part of a Huffman decoder works only while
it has 3 KiB of a colour picture before it, so most goes through the slow part; simplejpeg has all of the file at once.
mozjpeg's encoder, told to leave out what makes it mozjpeg's, writes what libjpeg-turbo writes, and counts and writes its
codes without the processor's vectors; imagecodecs calls libjpeg-turbo's.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pyvips

from imgproxy_py.engine.codecs.extras import imported, numpy
from imgproxy_py.engine.libvips import Kind, blank_like, kind_of, samples_of, size_of
from imgproxy_py.recipe.geometry import Size
from imgproxy_py.recipe.jpeg import plain_size

_COLORSPACES = {1: "GRAY", 3: "RGB"}

_PLAIN = frozenset({(1, "b-w"), (3, "srgb")})

MOST_BYTES = 16 * 1024 * 1024
"""The most that pixels may take: libvips decodes line by line, and of large pictures never has all of them."""

_LEAST_SIDE = 16
"""From which on a size in pixels tells by how much simplejpeg has scaled: it takes the smallest that is large enough."""


MOST_PIXELS = 4_000_000
"""The most that are encoded in one go, which cannot be interrupted: about 20 ms on a core at 2.8 GHz."""

_WHOLE_CHROMA = 90  # the quality from which libvips leaves colours as fine as light
_MARK, _APP0 = 2, b"\xff\xe0"


@cache
def _decoder() -> Any:
    simplejpeg = imported("simplejpeg") if numpy() else None
    return simplejpeg.decode_jpeg if simplejpeg else None


@cache
def _encoder() -> Any:
    imagecodecs = imported("imagecodecs") if numpy() else None
    return imagecodecs.jpeg8_encode if imagecodecs and imagecodecs.JPEG8.available else None


def load() -> None:
    """Load what is installed of the libraries, which takes a while."""
    _decoder()
    _encoder()


def is_decoded_sooner() -> bool:
    """Tell whether what that takes is installed."""
    return _decoder() is not None


def is_encoded_sooner() -> bool:
    """Tell whether what that takes is installed."""
    return _encoder() is not None


def with_pixels(image: pyvips.Image, data: bytes, shrink: int) -> pyvips.Image:
    """Give an image that libvips has opened, `shrink` times smaller, with all its pixels in memory.

    It is given back as it is, for libvips to decode or to refuse, where simplejpeg is missing, and where the file is not
    plain, is damaged, or large. The work cannot be interrupted, and holds no lock of the interpreter.
    """
    size = plain_size(data) if _decoder() else None
    if size is None or max(size) < _LEAST_SIDE or not fits_in_memory(image):
        return image
    made = blank_like(image)
    scaled = Size(-(-size[0] // shrink), -(-size[1] // shrink))
    return made if _is_decoded_into(made, data, scaled) else image


def _is_decoded_into(image: pyvips.Image, data: bytes, scaled: Size) -> bool:
    """Decode a JPEG, scaled to that size, into an image in memory, which may lack its last column and row; tell success."""
    place, whole = samples_of(image, _bytes_of(image)), scaled == size_of(image)
    wanted = {"colorspace": _COLORSPACES[kind_of(image).bands], "min_width": scaled.width, "min_height": scaled.height}
    try:
        found = _decoder()(data, buffer=place if whole else None, **wanted)
    except (ValueError, RuntimeError):  # any warning is enough: libvips knows which of them count
        return False
    if found.shape[:2] != (scaled.height, scaled.width):
        return False
    if not whole:
        lines = numpy().frombuffer(place, "uint8").reshape(image.height, image.width, image.bands)
        lines[...] = found[: image.height, : image.width]
    return True


def file_of(image: pyvips.Image, quality: int, *, whole_chroma: bool) -> bytes | None:
    """Give the JPEG that libvips writes of an image with optimised tables and no metadata, `None` if it is to do so itself.

    `quality` is 1–100; colours are halved in both directions below 90, unless `whole_chroma` says otherwise. Raises
    `pyvips.Error` if the pixels cannot be had; that can be interrupted, the encoder cannot.
    """
    encoder, size, kind = _encoder(), size_of(image), kind_of(image)
    if encoder is None or size.width * size.height > MOST_PIXELS or not _is_plain(kind):
        return None
    image = image.copy_memory()
    samples = numpy().frombuffer(samples_of(image, size.width * size.height * kind.bands), "uint8")
    if kind.bands == 1:
        return _unmarked(bytes(encoder(samples.reshape(size.height, size.width), quality, optimize=True)))
    sampling = "444" if whole_chroma or quality >= _WHOLE_CHROMA else "420"
    lines = samples.reshape(size.height, size.width, kind.bands)
    return _unmarked(bytes(encoder(lines, quality, subsampling=sampling, optimize=True)))


def _unmarked(data: bytes) -> bytes:
    """Give a JPEG without the segment that says it is JFIF, which libvips counts as metadata."""
    if not data.startswith(_APP0, _MARK):
        return data
    return data[:_MARK] + data[_MARK + 2 + int.from_bytes(data[_MARK + 2 : _MARK + 4], "big") :]


def _is_plain(kind: Kind) -> bool:
    return kind.format == "uchar" and (kind.bands, kind.interpretation) in _PLAIN


def fits_in_memory(image: pyvips.Image) -> bool:
    """Tell whether all pixels of an image that is decoded may be in memory at once: 8 bits, grey or colour, not too many."""
    kind = kind_of(image)
    return kind.format == "uchar" and kind.bands in _COLORSPACES and _bytes_of(image) <= MOST_BYTES


def _bytes_of(image: pyvips.Image) -> int:
    size = size_of(image)
    return size.width * size.height * kind_of(image).bands
