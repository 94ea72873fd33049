"""BMP and ICO: headers as the dialect wants them (§11.2), pixels without loss, and the files that others write."""

from __future__ import annotations

import io
import struct

import pytest
import pyvips
from PIL import Image

from imgproxy_py.errors import BrokenImage, SourceTooLarge
from imgproxy_py.recipe.formats import Format, sniff
from tests import pictures
from tests.originals import encoded, ico, icon_bitmap, old_bmp
from tests.unit.engine.making import failure, opened, same, transformed, transformer

MARKED = pictures.marked(61, 41)
ON_ALPHA = pictures.with_alpha(MARKED)
GREY = pictures.grey(MARKED)
EACH = pytest.mark.parametrize("image", [MARKED, ON_ALPHA, GREY], ids=["colour", "alpha", "grey"])


@EACH
@pytest.mark.parametrize("kind", [Format.BMP, Format.ICO], ids=str)
def test_pixels_come_back_as_they_were(kind: Format, image: pyvips.Image) -> None:
    assert same(pictures.read(encoded(kind, image)), image)


def test_grey_with_alpha_becomes_colour_with_alpha() -> None:
    found = pictures.read(encoded(Format.BMP, pictures.with_alpha(GREY)))
    assert same(found, pictures.with_alpha(GREY).colourspace("srgb"))


@EACH
def test_a_bitmap_has_a_v5_header_and_its_rows_from_the_top(image: pyvips.Image) -> None:
    data = encoded(Format.BMP, image)
    size, start = struct.unpack_from("<2xI4xI", data)
    header, width, height, planes, depth, compression = struct.unpack_from("<IiiHHI", data, 14)
    assert (size, header, width, height, planes) == (len(data), 124, 61, -41, 1)
    assert (depth, compression) == {1: (8, 0), 3: (24, 0), 4: (32, 3)}[image.bands]
    assert start == 14 + 124 + (1024 if image.bands == 1 else 0)
    assert (len(data) - start) % 41 == 0
    assert (len(data) - start) // 41 % 4 == 0


@EACH
def test_another_reader_sees_the_same_bitmap(image: pyvips.Image) -> None:
    read = Image.open(io.BytesIO(encoded(Format.BMP, image)))
    expected = image.getpoint(3, 30)
    assert [*Image.Image.convert(read, "RGBA").getpixel((3, 30))][: len(expected) if image.bands > 1 else 1] == expected


def test_bitmaps_from_the_bottom_are_read() -> None:
    assert same(pictures.read(old_bmp(MARKED)), MARKED)


def test_bitmaps_with_a_palette_are_read() -> None:
    target = io.BytesIO()
    Image.linear_gradient("L").resize((40, 30)).convert("P").save(target, "BMP")
    image = pictures.read(target.getvalue())
    assert (image.width, image.height) == (40, 30)
    assert image.getpoint(5, 29)[0] > image.getpoint(5, 0)[0]


def test_an_icon_is_one_png_in_a_directory() -> None:
    data = encoded(Format.ICO, pictures.solid(256, 30))
    reserved, kind, count = struct.unpack_from("<HHH", data)
    width, height, *_, depth, length, start = struct.unpack_from("<BBBBHHII", data, 6)
    assert (reserved, kind, count, width, height, depth) == (0, 1, 1, 0, 30, 24)
    assert (start, start + length) == (22, len(data))
    assert sniff(data[start:]) is Format.PNG


def test_an_icon_is_made_small_enough() -> None:
    picture = transformed(pictures.png(pictures.noise(1024, 512)), "f:ico")
    assert (picture.width, picture.height) == (256, 128)
    assert pictures.read(picture.data).width == 256


@pytest.mark.parametrize("depth", [0, 32], ids=["untold", "told"])
def test_the_largest_entry_is_read_whatever_its_kind(depth: int) -> None:
    small, large = pictures.with_alpha(pictures.marked(16, 16)), pictures.with_alpha(pictures.marked(48, 48))
    as_png, as_bitmap = pictures.png(small), icon_bitmap(large)
    assert same(pictures.read(ico((16, 16, 32, as_png), (48, 48, depth, as_bitmap))), large)
    assert same(pictures.read(ico((48, 48, 32, pictures.png(large)), (16, 16, depth, icon_bitmap(small)))), large)


def test_the_directory_is_not_believed() -> None:
    bomb = ico((16, 16, 32, pictures.png_bomb(30_000, 30_000)))
    header = transformer().open(bomb).header
    assert (header.width, header.height) == (30_000, 30_000)
    assert failure(lambda: transformed(bomb)) is SourceTooLarge


@pytest.mark.parametrize(
    "data",
    [
        ico(),
        ico((16, 16, 32, b"")),
        ico((16, 16, 32, b"\x89PNG\r\n\x1a\n")),
        ico((16, 16, 32, icon_bitmap(pictures.with_alpha(pictures.solid(16, 16)))[:50])),
        ico((16, 16, 32, struct.pack("<IiiHH", 40, 60_000, 120_000, 1, 32) + bytes(64))),
        ico((16, 16, 32, struct.pack("<IiiHH", 40, -16, -32, 1, 32) + bytes(64))),
    ],
    ids=["nothing", "empty", "signature", "cut", "enormous", "negative"],
)
def test_damaged_icons_are_broken(data: bytes) -> None:
    assert failure(lambda: transformed(data, msr=0)) in (BrokenImage, SourceTooLarge)


def test_a_picture_goes_through_the_whole_pipeline_from_and_to_both() -> None:
    for kind in (Format.BMP, Format.ICO):
        picture = transformed(encoded(kind, ON_ALPHA), "w:30/f:png")
        assert (picture.width, picture.height, picture.origin_format) == (30, 20, kind)
        assert opened(picture.data).hasalpha()
        assert transformed(pictures.png(ON_ALPHA), f"f:{kind}").format is kind
