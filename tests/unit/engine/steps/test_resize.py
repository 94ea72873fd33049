"""Resizing is bit-identical to the calls that the dialect names."""

from __future__ import annotations

import pytest
import pyvips

from tests import pictures
from tests.unit.engine.making import array, made, opened, same

MARKED = pictures.marked(300, 200)


@pytest.mark.parametrize("output", ["png", "tiff"])
def test_an_opaque_picture_is_resized_with_lanczos3(output: str) -> None:
    expected = MARKED.resize(0.25, kernel="lanczos3", vscale=0.25)
    assert same(made(pictures.png(MARKED), f"w:75/f:{output}"), expected)


def test_both_sides_may_have_their_own_scale() -> None:
    assert same(made(pictures.png(MARKED), "rs:force:100:20/f:png"), MARKED.resize(1 / 3, vscale=0.1))


def test_enlarging_uses_the_same_kernel() -> None:
    assert same(made(pictures.png(MARKED), "w:450/el:1/f:png"), MARKED.resize(1.5, vscale=1.5))


@pytest.mark.parametrize("output", ["png", "tiff"])
def test_with_alpha_the_resize_is_premultiplied_and_cast_between(output: str) -> None:
    image = pictures.with_alpha(MARKED)
    plain = image.premultiply().cast("uchar").resize(0.25, vscale=0.25)
    assert same(made(pictures.png(image), f"w:75/f:{output}"), plain.unpremultiply().cast("uchar"))


def test_grey_with_alpha_is_premultiplied_too() -> None:
    image = pictures.with_alpha(pictures.grey(MARKED))
    plain = image.premultiply().cast("uchar").resize(0.5, vscale=0.5)
    found = made(pictures.png(image), "w:150/f:png")
    assert found.bands == 2
    assert same(found, plain.unpremultiply().cast("uchar"))


def test_sixteen_bits_are_resized_as_sixteen_bits() -> None:
    image = pictures.deep(MARKED)
    assert same(made(pictures.png(image), "w:75/ph:1/f:png"), image.resize(0.25, vscale=0.25))


def test_nothing_to_do_leaves_every_pixel() -> None:
    assert same(made(pictures.png(MARKED), "w:300/f:png"), MARKED)


def test_a_reduced_jpeg_is_resized_by_what_is_left_to_do() -> None:
    data = pictures.jpeg(pictures.marked(801, 599))
    decoded = pyvips.Image.jpegload_buffer(data, shrink=4)
    assert (decoded.width, decoded.height) == (200, 149)  # floors, so the rest is not exactly a half
    expected = decoded.resize(100 / 200, vscale=100 / 801 * (599 / 149))
    assert same(made(data, "w:100/f:png"), expected)


# Linear light


def test_linear_light_changes_pixels_but_not_sizes() -> None:
    data = pictures.png(pictures.noise(300, 200))
    plain, linear = made(data, "w:50/f:png"), made(data, "w:50/f:png", use_linear_colorspace=True)
    assert (plain.width, plain.height, plain.bands) == (linear.width, linear.height, linear.bands)
    assert not same(plain, linear)
    assert linear.avg() > plain.avg()  # light adds up brighter than gamma-encoded numbers do


def test_linear_light_resizes_in_scrgb() -> None:
    expected = MARKED.colourspace("scrgb").resize(0.25, vscale=0.25).colourspace("srgb")
    assert same(made(pictures.png(MARKED), "w:75/f:png", use_linear_colorspace=True), expected)


@pytest.mark.parametrize("bands", ["grey", "grey-alpha", "alpha", "deep", "deep-grey", "deep-alpha", "cmyk", "p3"])
def test_linear_light_keeps_the_kind_of_every_picture(bands: str) -> None:
    sources = {
        "grey": pictures.grey(MARKED),
        "grey-alpha": pictures.with_alpha(pictures.grey(MARKED)),
        "alpha": pictures.with_alpha(MARKED),
        "deep": pictures.deep(MARKED),
        "deep-grey": pictures.deep(pictures.grey(MARKED)),
        "deep-alpha": pictures.deep(pictures.with_alpha(MARKED)),
        "cmyk": pictures.cmyk(MARKED),
        "p3": pictures.wide_gamut(MARKED),
    }
    data = pictures.tiff(sources[bands])
    plain, linear = made(data, "w:50/ph:1/f:png"), made(data, "w:50/ph:1/f:png", use_linear_colorspace=True)
    assert (plain.bands, plain.format, plain.interpretation) == (linear.bands, linear.format, linear.interpretation)
    scale = 257 if plain.format == "ushort" else 1
    assert (plain.cast("float") - linear.cast("float")).abs().avg() < 6 * scale


def test_an_opaque_picture_under_linear_light_stays_opaque() -> None:
    image = MARKED.addalpha()
    assert opened(pictures.png(image)).bands == 4
    assert made(pictures.png(image), "w:50/f:png", use_linear_colorspace=True)[3].min() == 255


# Kernels


@pytest.mark.parametrize("kernel", ["nearest", "linear", "cubic", "lanczos2", "lanczos3"])
@pytest.mark.parametrize(("options", "scale"), [("w:75", 0.25), ("w:450/el:1", 1.5)])
def test_the_kernel_is_the_one_asked_for(kernel: str, options: str, scale: float) -> None:
    for image in (MARKED, pictures.deep(MARKED), pictures.grey(MARKED)):
        found = made(pictures.png(image), f"ra:{kernel}/{options}/ph:1/f:png")
        assert same(found, image.resize(scale, vscale=scale, kernel=kernel))


def test_kernels_differ() -> None:
    data = pictures.png(pictures.noise(300, 200))
    found = {kernel: made(data, f"ra:{kernel}/w:70/f:png") for kernel in ("nearest", "linear", "cubic", "lanczos2")}
    assert len({image.avg() for image in found.values()}) == 4


@pytest.mark.parametrize("encode", [pictures.png, pictures.jpeg, pictures.webp], ids=["png", "jpeg", "webp"])
def test_nearest_picks_pixels_of_the_original(encode) -> None:
    data = encode(pictures.noise(160, 160))
    original = {tuple(color) for row in array(opened(data)) for color in row}
    found = array(made(data, "ra:nearest/w:20/f:png"))
    assert {tuple(color) for row in found for color in row} <= original


def test_nearest_picks_them_with_their_alpha() -> None:
    image = pictures.with_alpha(MARKED)
    assert same(made(pictures.png(image), "ra:nearest/w:75/f:png"), image.resize(0.25, vscale=0.25, kernel="nearest"))
