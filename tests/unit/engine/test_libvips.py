"""How libvips is set up, and what is asked of it behind pyvips' back."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator

import pytest
import pyvips

from imgproxy_py.engine import libvips
from tests import pictures


@pytest.fixture
def told() -> Iterator[list[logging.LogRecord]]:
    """What libvips says, at whatever level."""
    gc.collect()  # a damaged JPEG that an earlier test has left behind warns when it is thrown away, which may be any time
    records: list[logging.LogRecord] = []
    logger, handler = logging.getLogger("pyvips"), logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    libvips.set_up()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield records
    logger.setLevel(level)
    logger.removeHandler(handler)


def libvips_own(records: list[logging.LogRecord]) -> set[str]:
    return {one.levelname for one in records if one.getMessage().startswith("VIPS")}


def test_steps_are_not_told_and_cost_no_call(told: list[logging.LogRecord]) -> None:
    pyvips.Image.thumbnail_buffer(pictures.jpeg(pictures.marked(64, 48)), 20).copy_memory()
    assert libvips_own(told) == set()


def test_warnings_are_told(told: list[logging.LogRecord]) -> None:
    libvips._undeclared().g_log(b"VIPS", 1 << 4, b"something is odd")
    assert libvips_own(told) == {"WARNING"}


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (1000, 2)])
def test_the_size_is_that_of_the_attributes(size: tuple[int, int]) -> None:
    image = pictures.solid(*size)
    assert libvips.size_of(image) == (image.width, image.height) == size


def test_pixels_of_an_image_in_memory_have_an_address() -> None:
    image = pictures.solid(5, 4, (7, 8, 9)).copy_memory()
    address = libvips.address_of_pixels(image)
    data = pyvips.ffi.buffer(pyvips.ffi.cast("char *", address), 5 * 4 * 3)
    assert bytes(data) == bytes([7, 8, 9]) * 20


def test_an_original_is_read_where_it_is_and_not_copied() -> None:
    whole = pictures.jpeg(pictures.noise(300, 300))
    place = bytearray(whole)
    image = libvips.from_memory("jpegload_source", place, access="sequential")
    place[len(place) // 4 :] = bytes(len(place) - len(place) // 4)
    assert image.write_to_memory() != pictures.read(whole).write_to_memory()


def test_an_original_stays_for_as_long_as_an_image_of_it() -> None:
    whole = pictures.noise(64, 64)
    made = libvips.from_memory("pngload_source", pictures.png(whole), access="sequential").crop(8, 8, 40, 40).invert()
    gc.collect()
    overwriting = [bytes(20_000) for _ in range(50)]
    assert made.write_to_memory() == whole.crop(8, 8, 40, 40).invert().write_to_memory()
    del overwriting


SAMPLES = [
    pictures.solid(3, 2),
    pictures.solid(3, 2).addalpha(),
    pictures.solid(3, 2).colourspace("b-w"),
    pictures.solid(3, 2).colourspace("cmyk"),
    pictures.solid(3, 2).colourspace("rgb16"),
    pictures.solid(3, 2).colourspace("scrgb"),
]


@pytest.mark.parametrize("image", SAMPLES)
def test_samples_are_what_the_attributes_say(image: pyvips.Image) -> None:
    assert libvips.kind_of(image) == (image.bands, image.format, image.interpretation)


def test_the_density_is_that_of_the_attributes() -> None:
    image = pictures.solid(3, 2).copy(xres=2.5, yres=72 / 25.4)
    assert libvips.density_of(image) == (image.xres, image.yres) == (2.5, 72 / 25.4)


def test_what_a_loader_refuses_is_told() -> None:
    with pytest.raises(pyvips.Error, match="jpegload_source"):
        libvips.from_memory("jpegload_source", b"\xff\xd8 no JPEG", access="sequential")


def test_options_are_of_the_type_that_the_loader_expects() -> None:
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"/>'
    libvips.set_up()
    made = libvips.from_memory("svgload_source", drawing, dpi=96, scale=1.5, access="sequential", fail_on="truncated")
    assert libvips.size_of(made) == (40, 20)
