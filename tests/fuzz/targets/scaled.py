"""Baseline JPEGs at a quarter and an eighth by our own decoder, beside libjpeg-turbo and libvips."""

from __future__ import annotations

from collections.abc import Iterator

import pyvips

from imgproxy_py.engine.codecs import jpeg_scaled
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.libvips import set_up
from imgproxy_py.engine.loading import ImageFile
from imgproxy_py.errors import BrokenImage
from imgproxy_py.recipe.formats import Format
from tests.fuzz.files import MARKS
from tests.jpegs import BASELINE, noisy

SECONDS, MEGABYTES, LONGEST = 10, 1500, 16384
WORDS = (*MARKS, *(bytes((0xFF, 0xD0 + number)) for number in range(8)), b"\xff\x00", b"\x00\x3f\x00")
_MOST_PIXELS = 50_000_000


def seeds() -> Iterator[bytes]:
    """Give small files of each layout."""
    for size in ((24, 16), (41, 33)):
        yield from (encode(noisy(*size)) for encode in BASELINE.values())


def judge(data: bytes) -> None:
    """What our decoder takes for whole comes to the pixels that libvips has, which finds nothing wrong with it."""
    set_up()
    for shrink in jpeg_scaled.LEAST_BYTES:
        _judge_scaled(data, shrink)


def _judge_scaled(data: bytes, shrink: int) -> None:
    try:
        image = ImageFile(data=data, format=Format.JPEG).open(shrink=shrink)
    except BrokenImage:
        return
    if image.width * image.height * shrink * shrink > _MOST_PIXELS:  # the limits are judged before
        return
    made = jpeg_scaled.decoded(image, data, shrink, Interrupt())
    if made is None:
        return
    assert made.write_to_memory() == _by_libvips(image)


def _by_libvips(image: pyvips.Image) -> bytes | None:
    try:
        return bytes(image.write_to_memory())
    except pyvips.Error:
        return None
