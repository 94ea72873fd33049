"""Camera raw: told from TIFF by content, developed, turned, halved while loading."""

from __future__ import annotations

import pytest

from imgproxy_py.engine.codecs import raw as codec
from imgproxy_py.engine.codecs.port import Demand
from imgproxy_py.errors import BrokenImage, SourceTooLarge
from imgproxy_py.recipe.formats import Format, sniff
from tests import pictures
from tests.originals import dng
from tests.unit.engine.making import distance, failure, made, opened, transformed, transformer

SMOOTH = pictures.rgb(pictures.marked(120, 80).gaussblur(3))


def test_it_is_told_from_tiff_by_its_tags() -> None:
    assert sniff(dng(SMOOTH)) is Format.RAW
    assert sniff(pictures.tiff(SMOOTH)) is Format.TIFF


def test_development_gives_the_colours_that_the_camera_saw() -> None:
    mean, most = distance(made(dng(SMOOTH)), SMOOTH)
    assert mean < 4  # it is made brighter until one pixel in a hundred is white
    assert most < 15


def test_sixteen_bits_are_kept_where_asked() -> None:
    assert made(dng(SMOOTH), "f:png/ph:1").format == "ushort"
    assert made(dng(SMOOTH), "f:png").format == "uchar"


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_pictures_stand_upright(orientation: int) -> None:
    data = dng(SMOOTH, orientation)
    assert transformer().open(data).header.orientation == orientation
    expected = opened(pictures.png(pictures.with_orientation(SMOOTH, orientation))).autorot()
    assert distance(made(data), expected)[0] < 4


def test_half_the_size_is_had_while_loading() -> None:
    decoder = codec.decoder()
    assert decoder is not None
    image = decoder.decode(dng(SMOOTH), Format.RAW, Demand(shrink=2))
    assert (image.width, image.height) == (60, 40)
    picture = transformed(dng(SMOOTH), "w:40/f:png")
    assert (picture.width, picture.height) == (40, 27)
    assert distance(opened(picture.data), made(pictures.png(SMOOTH), "w:40/f:png"))[0] < 4


def test_a_file_that_ends_too_early_is_broken() -> None:
    data = dng(SMOOTH)
    for length in (300, len(data) // 2, len(data) - 10):
        assert failure(lambda length=length: transformed(data[:length])) is BrokenImage


def test_a_bomb_is_refused_by_its_header() -> None:
    data = dng(SMOOTH)
    enormous = data.replace((120).to_bytes(4, "little"), (60_000).to_bytes(4, "little"), 1)
    enormous = enormous.replace((80).to_bytes(4, "little"), (60_000).to_bytes(4, "little"))
    assert failure(lambda: transformed(enormous)) in (SourceTooLarge, BrokenImage)


def test_without_its_extra_there_is_no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rawpy", None)
    assert codec.decoder() is None
