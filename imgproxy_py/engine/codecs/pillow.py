"""Pictures that Pillow reads."""

from __future__ import annotations

import io
import struct

import pyvips
from PIL import Image

from imgproxy_py.engine.codecs.pixels import image_from
from imgproxy_py.errors import BrokenImage, UndecodableImage
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Header

_BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
_ALIKE = {"1": "L", "P": "RGB", "PA": "RGBA", "RGBX": "RGB", "CMYK": "RGB", "I": "L", "F": "L"}

# What Pillow raises for damaged files, by its documentation and by trial.
_FAILURES = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, struct.error)

# Pixels are judged by our own limits, before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


def opened(data: bytes, name: str) -> Image.Image:
    """Give a file that is of Pillow's format `name`, its header read; raises `BrokenImage`."""
    try:
        return Image.open(io.BytesIO(data), formats=[name])
    except _FAILURES as error:
        raise BrokenImage("the original's header cannot be read", private=str(error)) from error


def loaded(image: Image.Image) -> None:
    """Decode an opened file; raises `BrokenImage`."""
    try:
        image.load()
    except _FAILURES as error:
        raise BrokenImage("the original's pixels cannot be decoded", private=str(error)) from error


def header(image: Image.Image, kind: Format) -> Header:
    """Give the header of an opened file; raises `UndecodableImage` if its samples are of a kind not known."""
    bands = _BANDS[_mode(image)]
    return Header(format=kind, width=image.width, height=image.height, alpha=bands % 2 == 0, bands=bands)


def decoded(image: Image.Image) -> pyvips.Image:
    """Give an opened file's pixels, 8 bits a sample; raises `BrokenImage`, `UndecodableImage`."""
    mode, announced = _mode(image), image.size
    loaded(image)
    try:
        converted = image if image.mode == mode else image.convert(mode)
        pixels = converted.tobytes()
    except _FAILURES as error:
        raise BrokenImage("the original's pixels cannot be decoded", private=str(error)) from error
    if converted.size != announced:
        raise BrokenImage("the original is not of the size that its header says")
    return image_from(pixels, *converted.size, _BANDS[mode])


def _mode(image: Image.Image) -> str:
    mode = _ALIKE.get(image.mode, image.mode)
    if mode == "RGB" and image.mode == "P" and "transparency" in image.info:
        mode = "RGBA"
    if mode not in _BANDS:
        raise UndecodableImage(f"the original has samples of an unknown kind, {image.mode}")
    return mode
