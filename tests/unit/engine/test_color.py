"""Colour profiles on the way out."""

from __future__ import annotations

import pytest
import pyvips

from imgproxy_py.engine.color import connection_space, is_plain_srgb
from imgproxy_py.recipe.formats import Format
from tests import pictures
from tests.unit.engine.making import distance, made, opened, same, transformed

MARKED = pictures.marked(60, 40)
WIDE = pictures.wide_gamut(MARKED)
P3 = pictures.profile_of(WIDE)


def test_a_wide_gamut_is_converted_when_its_profile_goes() -> None:
    found = made(pictures.png(WIDE), "f:png")
    assert not found.get_typeof("icc-profile-data")
    assert same(found, pictures.without_profile(WIDE.icc_transform("srgb", embedded=True, pcs="xyz")))
    assert distance(found, MARKED)[1] < 2
    assert distance(WIDE, MARKED)[1] > 2


@pytest.mark.parametrize("output", [Format.JPEG, Format.PNG, Format.WEBP, Format.TIFF, Format.AVIF], ids=str)
def test_a_profile_that_is_kept_is_the_same_to_the_byte(output: Format) -> None:
    found = made(pictures.png(WIDE), f"scp:0/f:{output}")
    assert pictures.profile_of(found) == P3


@pytest.mark.parametrize("options", ["scp:0/f:png", "scp:0/sm:0/f:png"])
def test_pixels_beside_a_kept_profile_are_untouched(options: str) -> None:
    assert same(made(pictures.png(WIDE), options), WIDE)


def test_a_format_without_profiles_is_converted_although_the_profile_is_wanted() -> None:
    found = made(pictures.png(WIDE), "scp:0/f:gif")
    assert distance(found, MARKED)[0] < 3


@pytest.mark.parametrize("options", ["f:png", "sm:0/f:png"])
def test_plain_srgb_is_just_removed(options: str) -> None:
    named = pictures.with_profile(WIDE, pictures.as_iec_srgb(P3))  # the name counts, whatever the numbers say
    found = made(pictures.png(named), options)
    assert same(found, pictures.without_profile(named))
    assert not found.get_typeof("icc-profile-data")


def test_grey_with_a_profile_gets_the_standard_grey_gamma() -> None:
    image = pictures.grey(MARKED).icc_transform("sgrey", input_profile="sgrey")
    found = made(pictures.png(image), "f:png")
    assert (found.bands, found.interpretation) == (1, "b-w")
    assert not found.get_typeof("icc-profile-data")
    assert distance(found, MARKED.colourspace("b-w"))[1] < 2


def test_sixteen_bits_are_converted_as_sixteen_bits() -> None:
    image = pictures.deep(MARKED).icc_transform("p3", input_profile="srgb", depth=16)
    found = made(pictures.png(image), "ph:1/f:png")
    assert found.format == "ushort"
    assert same(found, pictures.without_profile(image.icc_transform("srgb", embedded=True, pcs="xyz", depth=16)))


def test_alpha_survives_the_conversion() -> None:
    image = pictures.with_alpha(MARKED).icc_transform("p3", input_profile="srgb")
    found = made(pictures.png(image), "f:png")
    assert found.bands == 4
    assert same(found[3], image[3])


@pytest.mark.parametrize(
    "damage", [b"", b"\0" * 200, P3[:100], P3[:128] + b"\xff" * 300], ids=["none", "0", "cut", "ff"]
)
@pytest.mark.parametrize("options", ["f:png", "scp:0/f:png", "w:20/f:jpeg", "scp:0/f:webp"])
@pytest.mark.parametrize("linear", [False, True], ids=["", "linear"])
def test_a_damaged_profile_is_no_profile(damage: bytes, options: str, linear: bool) -> None:
    for image in (MARKED, pictures.cmyk(MARKED)):
        data = pictures.tiff(pictures.with_profile(image, damage) if damage else pictures.without_profile(image.copy()))
        found = made(data, options, use_linear_colorspace=linear)
        assert distance(found, MARKED.resize(found.width / 60, vscale=found.height / 40))[0] < 10


def test_a_profile_for_other_colours_is_no_profile() -> None:
    for image, profile in (
        (pictures.grey(MARKED), P3),
        (MARKED, pictures.profile_of(pictures.cmyk(MARKED))),
        (pictures.without_profile(pictures.cmyk(MARKED)), P3),
    ):
        for options in ("f:png", "w:20/f:jpeg", "scp:0/f:webp"):
            assert transformed(pictures.tiff(pictures.with_profile(image, profile)), options).data


def test_cmyk_is_exported_back_to_the_profile_that_is_kept() -> None:
    image = pictures.cmyk(MARKED)
    found = made(pictures.jpeg(image), "scp:0/f:jpeg/q:100")
    assert found.interpretation == "cmyk"
    assert pictures.profile_of(found) == pictures.profile_of(image)
    assert distance(found.icc_transform("srgb", embedded=True), image.icc_transform("srgb", embedded=True))[0] < 2


@pytest.mark.parametrize("output", [Format.PNG, Format.WEBP, Format.AVIF], ids=str)
def test_a_cmyk_profile_is_not_left_on_pixels_that_are_not_cmyk(output: Format) -> None:
    image = pictures.cmyk(MARKED)
    found = made(pictures.jpeg(image), f"scp:0/f:{output}")
    assert found.interpretation == "srgb"
    assert distance(found, image.icc_transform("srgb", embedded=True))[0] < 3
    if found.get_typeof("icc-profile-data"):
        assert pictures.profile_of(found)[16:20] != b"CMYK"


def test_linear_light_works_in_the_profile_that_is_there() -> None:
    expected = made(pictures.png(MARKED), "w:30/f:png", use_linear_colorspace=True)
    found = made(pictures.png(WIDE), "w:30/f:png", use_linear_colorspace=True)
    assert distance(found, expected)[1] < 3
    kept = made(pictures.png(WIDE), "w:30/scp:0/f:png", use_linear_colorspace=True)
    assert pictures.profile_of(kept) == P3
    assert distance(kept.icc_transform("srgb", embedded=True), expected)[1] < 3


def test_a_profile_tells_its_connection_space_and_whether_it_is_plain_srgb() -> None:
    assert connection_space(P3) == "xyz"
    assert connection_space(pictures.profile_of(pictures.cmyk(MARKED))) == "lab"
    assert is_plain_srgb(pictures.as_iec_srgb(P3))
    assert not is_plain_srgb(P3)
    assert not is_plain_srgb(b"")


def test_nothing_is_embedded_where_nothing_was() -> None:
    for output in ("jpeg", "png", "webp", "tiff", "avif"):
        assert not opened(transformed(pictures.png(MARKED), f"scp:0/f:{output}").data).get_typeof("icc-profile-data")
    assert isinstance(MARKED, pyvips.Image)
