"""The original in place of a larger result."""

from __future__ import annotations

from dataclasses import replace

import pytest
import pyvips

from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Picture
from tests import pictures
from tests.unit.engine.making import recipe_of, transformed, transformer

NOISE = pictures.noise(80, 60)
SMALL = pictures.jpeg(NOISE, Q=30, keep="none")
PNG = pictures.png(pictures.marked(80, 60), palette=True, compression=9, keep="none")


def made(data: bytes, options: str = "", accepted: tuple[Format, ...] = (), **settings: object) -> Picture:
    recipe = recipe_of(options)
    recipe = replace(recipe, output=replace(recipe.output, accepted=accepted))
    return transformer(**{"never_larger": True, **settings}).transform(data, recipe, Interrupt())


@pytest.mark.parametrize(
    "options",
    [
        "",
        "q:90",
        "f:jpeg",
        "w:80",
        "rs:fit:200:200",
        "rs:fill:80:60",
        "rs:force:80:60",
        "rs:fit:80:60:1:1",
        "g:sm",
        "bg:fff",
        "ar:0",
        "dpr:2",
        "sm:0",
        "f:best",
    ],
)
def test_the_original_is_served_when_nothing_changes_it_and_it_is_smaller(options: str) -> None:
    picture = made(SMALL, options)
    assert picture.data == SMALL
    assert (picture.format, picture.width, picture.height, picture.origin_bytes) == (Format.JPEG, 80, 60, len(SMALL))


@pytest.mark.parametrize(
    "options",
    [
        "w:70",
        "rs:fill:80:50",
        "c:80:60:nowe:1:0/w:80/el:1",
        "mw:100/w:80",
        "rot:180",
        "fl:1",
        "bl:1",
        "sh:1",
        "pix:2",
        "pd:1",
        "t:5",
        "sa:2",
        "br:10",
        "mc:1",
        "gr:1",
        "f:png",
        "f:webp/q:100",
        "dpi:300",
        "cp:srgb",
        "rs:fit:90:60:0:1",
        "rot:180|rot:180",
    ],
)
def test_what_was_asked_for_is_served_however_large_it_is(options: str) -> None:
    assert made(SMALL, f"{options}/q:100" if "q:" not in options else options).data != SMALL


def test_the_original_is_not_served_unless_that_is_switched_on() -> None:
    assert transformed(SMALL, "q:90").data != SMALL


def test_a_smaller_result_is_served() -> None:
    large = pictures.jpeg(NOISE, Q=98, keep="none")
    assert len(made(large, "q:60").data) < len(large)


def test_an_original_in_another_format_stands_in_only_where_the_url_names_none() -> None:
    assert made(PNG, "f:webp/webpo:lossless/q:0").format is Format.WEBP
    small = pictures.webp(pictures.marked(80, 60), lossless=True, keep="none")
    assert made(small, "").format is Format.JPEG  # not every client shows WebP
    assert made(SMALL, "", (Format.WEBP,), format_quality="webp=100").data == SMALL
    assert made(small, "", (Format.AVIF, Format.WEBP), format_quality="avif=100").data == small


@pytest.mark.parametrize(
    ("kept", "options", "as_it_is"),
    [
        ("exif-ifd0-Software", "", False),
        ("exif-ifd0-Software", "sm:0", True),
        ("exif-ifd0-Copyright", "", False),
        ("xmp-data", "", False),
        ("xmp-data", "sm:0", True),
    ],
)
def test_metadata_that_is_to_go_goes(kept: str, options: str, as_it_is: bool) -> None:
    value: bytes | str = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>" if kept == "xmp-data" else "somebody"
    data = pictures.jpeg(pictures.with_field(NOISE, kept, value), Q=30)
    assert (made(data, f"q:95/{options}" if options else "q:95").data == data) is as_it_is


def test_a_profile_that_is_to_go_goes() -> None:
    data = pictures.jpeg(pictures.wide_gamut(NOISE), Q=30, keep="icc")
    assert made(data, "q:95").data != data
    assert made(data, "q:95/scp:0").data == data


def test_an_original_that_lies_turned_is_turned() -> None:
    for value in (2, 3, 6, 8):
        data = pictures.jpeg(pictures.with_orientation(NOISE, value), Q=30)
        assert made(data, "q:95/sm:0").data != data


def test_an_original_with_alpha_is_laid_on_its_background() -> None:
    data = pictures.png(pictures.with_alpha(pictures.marked(80, 60)), palette=True, compression=9, keep="none")
    assert made(data, "f:png").data == data or len(made(data, "f:png").data) <= len(data)
    assert made(data, "f:png/bg:f00").data != data


def test_inks_become_light() -> None:
    data = pictures.jpeg(pictures.without_profile(pictures.cmyk(NOISE)), Q=20, keep="none")
    assert made(data, "q:100").data != data


def test_a_still_of_an_animation_is_still() -> None:
    data = pictures.gif(pictures.animation(), keep="none")
    picture = made(data, "f:gif")
    assert pyvips.Image.new_from_buffer(picture.data, "", n=-1).height == 30


def test_what_is_cut_off_is_not_served_as_it_is() -> None:
    cut = pictures.truncated(SMALL, 0.7)
    assert made(cut, "q:100", serve_truncated=True).data != cut
