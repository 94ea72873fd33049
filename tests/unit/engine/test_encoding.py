"""How results are written."""

from __future__ import annotations

import pytest

from imgproxy_py.engine.encoding import palette_depth, writable_format
from imgproxy_py.recipe.formats import Format, sniff
from tests import pictures
from tests.unit.engine.making import distance, made, opened, same, transformed

MARKED = pictures.marked(64, 48)
SOURCE = pictures.png(MARKED)


@pytest.mark.parametrize("kind", pictures.ENCODERS, ids=str)
def test_the_bytes_are_of_the_format_that_the_picture_names(kind: Format) -> None:
    picture = transformed(SOURCE, f"f:{kind}")
    assert picture.format is kind
    assert sniff(picture.data) is kind
    assert distance(opened(picture.data), MARKED)[0] < 4


# JPEG


def segments(data: bytes) -> set[int]:
    found, at = set(), 2
    while data[at] == 0xFF and data[at + 1] != 0xDA:
        found.add(data[at + 1])
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return found


def test_jpeg_is_progressive_when_configured() -> None:
    assert 0xC0 in segments(transformed(SOURCE, "f:jpeg").data)
    assert 0xC2 in segments(transformed(SOURCE, "f:jpeg", jpeg_progressive=True).data)


def test_jpeg_is_subsampled_below_quality_90() -> None:
    assert opened(transformed(SOURCE, "f:jpeg/q:89").data).get("jpeg-chroma-subsample") == "4:2:0"
    assert opened(transformed(SOURCE, "f:jpeg/q:90").data).get("jpeg-chroma-subsample") == "4:4:4"


def test_jpeg_has_optimised_tables() -> None:
    plain = pictures.jpeg(MARKED, Q=80, keep="none", optimize_coding=False)
    assert len(transformed(SOURCE, "f:jpeg").data) < len(plain)


# PNG


def bits_of(data: bytes) -> tuple[int, int]:
    """Bit depth and colour type from the header."""
    return data[24], data[25]


PALETTE, COLOUR = 3, 2


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("options", ["f:png", "w:20/f:png", "pd:3/f:png", "rot:90"])
def test_a_palette_stays_a_palette_of_its_depth(bits: int, options: str) -> None:
    assert bits_of(transformed(pictures.palette_png(bits), options).data) == (bits, PALETTE)


@pytest.mark.parametrize(("bits", "depth"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (6, 8), (7, 8), (8, 8)])
def test_odd_palettes_are_rounded_up_to_what_png_holds(bits: int, depth: int) -> None:
    image = pictures.with_field(pictures.with_field(MARKED, "palette", 1), "bits-per-sample", bits)
    assert palette_depth(image) == depth


def test_true_colour_stays_true_colour() -> None:
    assert bits_of(transformed(SOURCE, "f:png").data) == (8, COLOUR)
    assert palette_depth(MARKED) == 0


def test_a_palette_to_a_format_without_is_just_colours() -> None:
    source = opened(pictures.palette_png(4))
    assert same(made(pictures.palette_png(4), "f:tiff"), source)


@pytest.mark.parametrize(("colors", "depth"), [(2, 1), (3, 2), (4, 2), (5, 4), (16, 4), (17, 8), (256, 8)])
def test_quantisation_makes_a_palette_of_the_least_depth(colors: int, depth: int) -> None:
    data = transformed(SOURCE, "f:png", png_quantize=True, png_quantization_colors=colors).data
    assert bits_of(data) == (depth, PALETTE)


def test_png_is_interlaced_when_configured() -> None:
    assert transformed(SOURCE, "f:png").data[28] == 0
    assert transformed(SOURCE, "f:png", png_interlaced=True).data[28] == 1


# AVIF


@pytest.mark.parametrize(("width", "height"), [(15, 40), (40, 15), (1, 1)])
def test_avif_below_sixteen_pixels_is_png_with_alpha_and_jpeg_without(width: int, height: int) -> None:
    image = pictures.marked(width, height)
    assert transformed(pictures.png(image), "f:avif").format is Format.JPEG
    assert transformed(pictures.png(pictures.with_alpha(image)), "f:avif").format is Format.PNG


def test_avif_of_sixteen_pixels_is_avif() -> None:
    assert writable_format(pictures.marked(16, 16), Format.AVIF) is Format.AVIF
    assert transformed(SOURCE, "w:16/h:16/rs:force/f:avif").format is Format.AVIF


def test_other_formats_take_any_size() -> None:
    for kind in (Format.JPEG, Format.PNG, Format.WEBP, Format.GIF, Format.TIFF):
        picture = transformed(pictures.png(pictures.marked(1, 1)), f"f:{kind}")
        assert (picture.format, picture.width, picture.height) == (kind, 1, 1)


# WebP, GIF, settings


def test_webp_effort_and_preset_change_the_bytes() -> None:
    source = pictures.png(pictures.noise(64, 64))
    usual = transformed(source, "f:webp").data
    assert transformed(source, "f:webp", webp_effort=0).data != usual
    assert transformed(source, "f:webp", webp_preset="drawing").data != usual


def test_avif_speed_changes_the_bytes() -> None:
    source = pictures.png(pictures.noise(64, 64))
    assert transformed(source, "f:avif", avif_speed=9).data != transformed(source, "f:avif", avif_speed=6).data


def test_gif_keeps_transparency() -> None:
    image = MARKED.addalpha().embed(10, 10, 84, 68)
    found = made(pictures.png(image), "f:gif")
    assert found(0, 0)[3] == 0
    assert found(40, 30)[3] == 255


def test_the_same_request_gives_the_same_bytes() -> None:
    for kind in pictures.ENCODERS:
        assert transformed(SOURCE, f"w:30/f:{kind}").data == transformed(SOURCE, f"w:30/f:{kind}").data
