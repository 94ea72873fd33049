"""In which colours and depths the steps work."""

from __future__ import annotations

import pytest
import pyvips

from imgproxy_py.errors import ImageError
from tests import pictures
from tests.unit.engine.making import distance, failure, made, same, transformed

MARKED = pictures.marked()


def test_grey_stays_grey() -> None:
    assert same(made(pictures.png(pictures.grey(MARKED)), "f:png"), pictures.grey(MARKED))
    assert made(pictures.jpeg(pictures.grey(MARKED)), "w:20/f:jpeg").bands == 1


@pytest.mark.parametrize("output", ["png", "tiff"])
@pytest.mark.parametrize("kind", ["colour", "grey"])
def test_sixteen_bits_are_kept_when_asked_and_able(output: str, kind: str) -> None:
    image = pictures.deep(MARKED if kind == "colour" else pictures.grey(MARKED))
    assert same(made(pictures.png(image), f"ph:1/f:{output}"), image)


@pytest.mark.parametrize("kind", ["colour", "grey"])
@pytest.mark.parametrize("options", ["f:png", "f:tiff"])
def test_sixteen_bits_are_reduced_otherwise(kind: str, options: str) -> None:
    image = pictures.deep(MARKED if kind == "colour" else pictures.grey(MARKED))
    expected = image.colourspace("srgb" if kind == "colour" else "b-w")
    assert same(made(pictures.png(image), options), expected)


@pytest.mark.parametrize("output", ["jpeg", "webp", "gif"])
def test_formats_of_eight_bits_take_no_more(output: str) -> None:
    assert made(pictures.png(pictures.deep(MARKED)), f"ph:1/f:{output}").format == "uchar"


def test_avif_keeps_more_than_eight_bits() -> None:
    found = made(pictures.png(pictures.deep(MARKED)), "ph:1/f:avif")
    assert found.get("bits-per-sample") == 10


def test_eight_bits_do_not_become_sixteen() -> None:
    assert same(made(pictures.png(MARKED), "ph:1/f:png"), MARKED)


@pytest.mark.parametrize("encode", [pictures.tiff, pictures.jpeg], ids=["tiff", "jpeg"])
def test_cmyk_with_its_profile_becomes_srgb(encode) -> None:
    found = made(encode(pictures.cmyk(MARKED)), "f:png")
    assert (found.interpretation, found.bands, found.format) == ("srgb", 3, "uchar")
    assert distance(found, pictures.cmyk(MARKED).icc_transform("srgb", embedded=True))[0] < 2
    assert not found.get_typeof("icc-profile-data")


def test_cmyk_without_a_profile_becomes_srgb_as_libvips_sees_it() -> None:
    image = pictures.without_profile(pictures.cmyk(MARKED))
    found = made(pictures.tiff(image), "f:png")
    assert same(found, image.colourspace("srgb"))


def test_cmyk_is_srgb_even_when_depth_is_preserved() -> None:
    found = made(pictures.tiff(pictures.cmyk(MARKED)), "ph:1/f:png")
    assert (found.interpretation, found.format) == ("srgb", "uchar")


@pytest.mark.parametrize(("depth", "samples"), [("ph:1", "ushort"), ("ph:0", "uchar")])
def test_lab_becomes_srgb_of_either_depth(depth: str, samples: str) -> None:
    found = made(pictures.tiff(MARKED.colourspace("lab").colourspace("labs")), f"{depth}/f:png")
    assert found.format == samples
    assert distance(found, MARKED)[0] < 1


def test_one_linear_float_channel_is_linear_light() -> None:
    image = pyvips.Image.xyz(64, 8)[0] / 63
    found = made(pictures.tiff(image.cast("float")), "f:png")
    assert (found.bands, found.format) == (1, "uchar")
    assert found(32, 4)[0] == pytest.approx(188, abs=2)  # a half of the light is 188 in sRGB
    assert (found(0, 4)[0], found(63, 4)[0]) == (0, 255)


def test_a_linear_float_channel_with_alpha_keeps_both() -> None:
    image = (pyvips.Image.xyz(64, 8)[0] / 63).bandjoin(0.5).cast("float")
    found = made(pictures.tiff(image), "f:png")
    assert found(32, 4)[0] == pytest.approx(188, abs=2)
    assert found(32, 4)[-1] == pytest.approx(128, abs=1)


def test_linear_colours_become_srgb_and_lose_their_profile() -> None:
    linear = MARKED.colourspace("scrgb")
    profiled = pictures.with_profile(linear, pictures.profile_of(pictures.wide_gamut(MARKED)))
    plain = made(pictures.tiff(linear), "f:png")
    assert distance(plain, MARKED)[1] < 1
    assert same(made(pictures.tiff(profiled), "f:png"), plain)
    kept = made(pictures.tiff(profiled), "scp:0/f:png")
    assert not kept.get_typeof("icc-profile-data")


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_tiff_of_few_bits_is_grey(bits: int) -> None:
    image = pictures.grey(MARKED)
    found = made(pictures.tiff(image, bitdepth=bits), "f:png")
    assert (found.bands, found.format) == (1, "uchar")


@pytest.mark.parametrize("samples", ["char", "short", "int", "uint", "float", "double", "complex"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4, 5])
def test_any_tiff_is_a_picture_or_refused_in_our_words(samples: str, bands: int) -> None:
    image = pyvips.Image.black(20, 20, bands=bands).cast(samples)
    try:
        data = pictures.tiff(image)
    except pyvips.Error:
        pytest.skip("libvips writes no such file")
    for options in ("f:png", "f:png/ph:1", "f:jpeg", "w:5/bl:1/f:webp"):
        found = failure(lambda options=options: transformed(data, options))
        assert found is None or issubclass(found, ImageError)
