"""Nothing is larger than its format can hold."""

from __future__ import annotations

from tests import pictures
from tests.unit.engine.making import distance, made, same, transformed

WIDE = pictures.solid(16_400, 8).insert(pictures.marked(200, 8), 0, 0)


def test_webp_ends_at_16383() -> None:
    picture = transformed(pictures.png(WIDE), "f:webp")
    assert (picture.width, picture.height) == (16383, 8)


def test_avif_ends_at_16384() -> None:
    tall = pictures.solid(17, 16_500)
    picture = transformed(pictures.png(tall), "f:avif")
    assert (picture.width, picture.height) == (17, 16384)


def test_png_has_no_end_worth_the_name() -> None:
    assert same(made(pictures.png(WIDE), "f:png"), WIDE)


def test_what_is_cut_by_the_format_is_premultiplied() -> None:
    image = pictures.with_alpha(WIDE)
    plain = image.premultiply().cast("uchar").resize(16383 / 16400).unpremultiply().cast("uchar")
    found = made(pictures.png(image), "f:webp/q:100")
    assert (found.width, found.height) == (plain.width, plain.height)
    assert distance(found, plain)[0] < 1
