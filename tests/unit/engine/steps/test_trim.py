"""Cutting a plain border."""

from __future__ import annotations

import pytest

from tests import pictures
from tests.unit.engine.making import made, same, transformed

INNER = pictures.marked(60, 40)
BORDERED = pictures.bordered(60, 40, (3, 10, 9, 4))


def cut(options: str):
    return made(pictures.png(BORDERED), f"{options}/f:png")


def test_the_border_goes_and_nothing_else() -> None:
    assert same(cut("t:10"), INNER)


def test_equal_sides_are_cut_by_the_smaller_margin() -> None:
    assert same(cut("t:10::1"), BORDERED.crop(4, 3, 66, 40))
    assert same(cut("t:10:::1"), BORDERED.crop(4, 3, 60, 46))
    assert same(cut("t:10::1:1"), BORDERED.crop(4, 3, 66, 46))


def test_a_colour_may_be_named() -> None:
    assert same(cut("t:10:f0f0eb"), INNER)
    assert same(cut("t:10:ff0000"), BORDERED)  # nothing of that colour is at the border


def test_the_threshold_says_what_counts_as_border() -> None:
    faint = BORDERED.draw_rect([230, 235, 230], 0, 0, 1, BORDERED.height, fill=True)
    assert made(pictures.png(faint), "t:20:f0f0eb/f:png").width == 60
    assert made(pictures.png(faint), "t:2:f0f0eb/f:png").width == 64


def test_a_plain_picture_stays_whole() -> None:
    image = pictures.solid(30, 20)
    assert same(made(pictures.png(image), "t:10/f:png"), image)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 2), (1, 50), (50, 2)])
def test_a_picture_too_small_to_have_a_border_stays_whole(width: int, height: int) -> None:
    image = pictures.noise(width, height)
    assert same(made(pictures.png(image), "t:10/f:png"), image)


def test_transparency_is_a_border_too() -> None:
    image = INNER.addalpha().embed(5, 6, 80, 60)
    assert same(made(pictures.png(image), "t:10/f:png"), INNER.addalpha())


@pytest.mark.parametrize("kind", ["grey", "deep", "cmyk", "palette"])
def test_every_kind_of_pixels_is_trimmed(kind: str) -> None:
    data = {
        "grey": lambda: pictures.png(pictures.grey(BORDERED)),
        "deep": lambda: pictures.png(pictures.deep(BORDERED)),
        "cmyk": lambda: pictures.tiff(pictures.cmyk(BORDERED)),
        "palette": lambda: pictures.png(BORDERED, palette=True, dither=0),
    }[kind]()
    image = made(data, "t:20/f:png")
    assert (image.width, image.height) == (60, 40)


def test_sizes_are_computed_from_what_is_left() -> None:
    image = cut("t:10/w:30")
    assert (image.width, image.height) == (30, 20)
    assert same(image, INNER.resize(0.5, vscale=0.5))


def test_trim_precedes_the_crop() -> None:
    assert same(cut("t:10/c:10:10:nowe"), INNER.crop(0, 0, 10, 10))


def test_orientation_is_applied_after_trimming() -> None:
    data = pictures.png(pictures.with_orientation(BORDERED, 6))
    assert same(made(data, "t:10/f:png"), INNER.rot90())


def test_nothing_is_decoded_smaller_once_it_was_trimmed() -> None:
    data = pictures.jpeg(pictures.bordered(600, 400, (20, 20, 20, 20)), Q=100)
    picture = transformed(data, "t:30/w:60/f:png")
    assert (picture.width, picture.height) == (60, 40)


def test_a_trimmed_svg_is_no_longer_enlarged() -> None:
    body = '<rect x="10" y="10" width="20" height="10" fill="#e00"/>'
    picture = transformed(pictures.svg(body=body), "t:10/w:400/f:png")
    assert (picture.width, picture.height) == (20, 10)
