"""Blur, sharpening and mosaic, bit-identical to the calls that the dialect names."""

from __future__ import annotations

import pytest

from tests import pictures
from tests.unit.engine.making import array, made, same

MARKED = pictures.marked(75, 50)
FADED = pictures.with_alpha(MARKED)


def mosaic(image, side: int):
    side = min(side, max(image.width, image.height))
    wide, high = -(-image.width // side) * side, -(-image.height // side) * side
    padded = image.embed(0, 0, wide, high, extend="mirror")
    return padded.shrink(side, side).zoom(side, side).crop(0, 0, image.width, image.height)


def test_blur_is_a_gaussian_of_that_sigma() -> None:
    assert same(made(pictures.png(MARKED), "bl:2.5/f:png"), MARKED.gaussblur(2.5))


def test_sharpening_has_libvips_defaults_but_for_its_sigma() -> None:
    assert same(made(pictures.png(MARKED), "sh:1.5/f:png"), MARKED.sharpen(sigma=1.5).colourspace("srgb"))


def test_all_three_run_in_their_order() -> None:
    expected = mosaic(MARKED.gaussblur(1).sharpen(sigma=2), 8)
    assert same(made(pictures.png(MARKED), "pix:8/sh:2/bl:1/f:png"), expected)


def test_blur_is_premultiplied() -> None:
    expected = FADED.premultiply().cast("uchar").gaussblur(2).unpremultiply().cast("uchar")
    assert same(made(pictures.png(FADED), "bl:2/f:png"), expected)


def test_blur_and_mosaic_together_are_premultiplied() -> None:
    plain = FADED.premultiply().cast("uchar").gaussblur(2)
    assert same(made(pictures.png(FADED), "bl:2/pix:7/f:png"), mosaic(plain, 7).unpremultiply().cast("uchar"))


def test_a_mosaic_alone_is_not_premultiplied() -> None:
    assert same(made(pictures.png(FADED), "pix:7/f:png"), mosaic(FADED, 7))


@pytest.mark.parametrize("side", [2, 5, 7, 25, 49, 74])
def test_a_mosaic_is_cut_to_the_original_size(side: int) -> None:
    found = made(pictures.png(MARKED), f"pix:{side}/f:png")
    assert same(found, mosaic(MARKED, side))


def test_a_mosaic_larger_than_the_picture_is_one_tile() -> None:
    found = array(made(pictures.png(MARKED), "pix:5000/f:png"))
    assert (found == found[0, 0]).all()


def test_a_mosaic_of_one_pixel_changes_nothing() -> None:
    assert same(made(pictures.png(MARKED), "pix:1/f:png"), MARKED)


@pytest.mark.parametrize("options", ["bl:2", "sh:2", "pix:6", "bl:1/sh:1/pix:3"])
def test_a_grey_picture_stays_grey(options: str) -> None:
    found = made(pictures.png(pictures.grey(MARKED)), f"{options}/f:png")
    assert (found.bands, found.interpretation) == (1, "b-w")


@pytest.mark.parametrize("options", ["bl:2", "sh:2", "pix:6"])
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
def test_sixteen_bits_stay_sixteen_bits_of_the_same_brightness(options: str, alpha: bool) -> None:
    image = pictures.deep(FADED if alpha else MARKED)
    found = made(pictures.png(image), f"{options}/ph:1/f:png")
    assert (found.format, found.interpretation) == ("ushort", "rgb16")
    assert found.avg() == pytest.approx(image.avg(), rel=0.05)


def test_padding_is_not_blurred() -> None:
    found = made(pictures.png(MARKED), "bl:5/pd:10/bg:00ff00/f:png")
    assert (array(found)[:10] == [0, 255, 0]).all()


@pytest.mark.parametrize("options", ["pix:200", "bl:20", "sh:5", "pix:333/bl:3"])
def test_a_tall_picture_is_filtered_in_one_pass(options: str) -> None:
    image = pictures.marked(120, 1500)
    assert made(pictures.png(image), f"{options}/f:png").height == 1500
