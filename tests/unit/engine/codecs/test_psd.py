"""Photoshop documents, flattened: every packing, depth and colour mode that is read."""

from __future__ import annotations

import io
import struct

import pytest
import pyvips
from PIL import Image
from psd_tools import PSDImage

from imgproxy_py.engine.codecs import psd as codec
from imgproxy_py.errors import BrokenImage, SourceTooLarge, UndecodableImage
from tests import pictures
from tests.originals import array, psd
from tests.unit.engine.making import distance, failure, made, same, transformed, transformer

MARKED = pictures.marked(61, 41)
RAW, RLE, ZIP, ZIP_WITH_PREDICTION = range(4)
INDEXED, CMYK = 2, 4
ICC, VERSION_INFO, EXIF, XMP = 1039, 1057, 1058, 1060


@pytest.mark.parametrize("version", [1, 2], ids=["psd", "psb"])
@pytest.mark.parametrize("compression", [RAW, RLE, ZIP, ZIP_WITH_PREDICTION], ids=["raw", "rle", "zip", "predicted"])
@pytest.mark.parametrize(
    "image", [MARKED, pictures.grey(MARKED), pictures.deep(MARKED)], ids=["colour", "grey", "16 bits"]
)
def test_pixels_come_back_as_they_were(image: pyvips.Image, compression: int, version: int) -> None:
    data = psd(image, compression=compression, version=version)
    assert same(pictures.read(data), image)
    header = transformer().open(data).header
    assert (header.width, header.height, header.bands, header.alpha) == (61, 41, image.bands, False)


def test_what_another_program_writes_is_read() -> None:
    target = io.BytesIO()
    PSDImage.frompil(Image.fromarray(array(MARKED))).save(target)
    assert same(made(target.getvalue()), MARKED)


def test_linear_light_of_32_bits_is_shown_as_it_is() -> None:
    assert same(made(psd(MARKED.colourspace("scrgb"), mode=3)), MARKED)


def test_palettes_are_looked_up() -> None:
    palette = bytes(range(256)) + bytes(reversed(range(256))) + bytes([77]) * 256
    indexes = pictures.grey(MARKED)
    found = pictures.read(psd(indexes, INDEXED, palette=palette))
    level = indexes.getpoint(30, 20)[0]
    assert found.getpoint(30, 20) == [level, 255 - level, 77]


def test_ink_is_turned_into_light_by_the_profile() -> None:
    inks = pictures.cmyk(MARKED)
    data = psd(inks.invert().copy(), CMYK, resources={ICC: pictures.profile_of(inks)})
    assert transformer().open(data).header.profile
    assert same(made(data), made(pictures.tiff(inks)))


def test_transparency_is_taken_out_of_the_white_it_was_flattened_on() -> None:
    image = pictures.with_alpha(MARKED)
    share = image[3] / 255
    flattened = (image[0:3] * share + 255 * (1 - share)).rint().cast("uchar").bandjoin(image[3])
    found = pictures.read(psd(flattened, mode=3))
    assert found.hasalpha()
    mean, most = distance(found, image)
    assert mean < 0.3
    assert most < 3  # colours of what is all but invisible are rounded


@pytest.mark.parametrize(("count", "alpha"), [(-1, True), (1, False)])
def test_a_fourth_channel_is_transparency_only_if_the_layers_say_so(count: int, alpha: bool) -> None:
    layers = struct.pack(">Ih", 2, count)
    data = psd(pictures.with_alpha(MARKED), mode=3, layers=layers)
    assert transformer().open(data).header.alpha is alpha
    assert bool(pictures.read(data).hasalpha()) is alpha


def test_profile_and_metadata_travel() -> None:
    wide = pictures.wide_gamut(MARKED)
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    found = pictures.read(psd(wide, resources={ICC: pictures.profile_of(wide), XMP: xmp}))
    assert pictures.profile_of(found) == pictures.profile_of(wide)
    assert bytes(found.get("xmp-data")) == xmp
    assert distance(made(psd(wide, resources={ICC: pictures.profile_of(wide)})), MARKED)[0] < 0.5


def test_a_document_without_its_flattened_picture_says_so() -> None:
    data = psd(MARKED, resources={VERSION_INFO: struct.pack(">IB", 1, 0)})
    assert failure(lambda: transformed(data)) is UndecodableImage
    assert failure(lambda: transformed(psd(MARKED, resources={VERSION_INFO: struct.pack(">IB", 1, 1)}))) is None


@pytest.mark.parametrize("mode", [0, 5, 7, 9])
def test_colour_modes_that_are_not_read_say_so(mode: int) -> None:
    data = bytearray(psd(MARKED))
    data[24:26] = struct.pack(">H", mode)
    assert failure(lambda: transformed(bytes(data))) is UndecodableImage


@pytest.mark.parametrize("compression", [RAW, RLE, ZIP])
def test_a_document_that_ends_too_early_is_broken(compression: int) -> None:
    data = psd(pictures.noise(64, 48), compression=compression)
    for length in (20, 30, 40, len(data) // 2, len(data) - 60):
        assert failure(lambda length=length: transformed(data[:length])) is BrokenImage


def test_a_bomb_is_refused_by_its_header() -> None:
    data = bytearray(psd(MARKED))
    data[14:22] = struct.pack(">II", 30_000, 30_000)
    assert failure(lambda: transformed(bytes(data))) is SourceTooLarge
    assert failure(lambda: transformed(bytes(data), max_src_resolution=0, max_result_resolution=0)) is BrokenImage


def test_without_its_extra_there_is_no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psd_tools.compression", None)
    assert codec.decoder() is None


@pytest.mark.parametrize("compression", [2, 3])
@pytest.mark.parametrize("version", [1, 2])
def test_what_cannot_be_unpacked_is_broken_and_not_black(compression: int, version: int) -> None:
    picture = pictures.noise(40, 30)
    whole = psd(picture, compression=compression, version=version)
    at = len(whole) - 2000
    damaged = whole[:at] + b"\xff\x00" * 1000
    assert failure(lambda: transformed(whole, "f:png")) is None
    assert failure(lambda: transformed(damaged, "f:png")) is BrokenImage
