"""The decoder does the coarse part of a resize, without a trace in the size."""

from __future__ import annotations

import pytest
import pyvips

from imgproxy_py.recipe.formats import Format
from tests import pictures
from tests.unit.engine.making import distance, made, same, transformed

MARKED = pictures.marked(640, 480)


def test_webp_is_decoded_at_the_very_size() -> None:
    data = pictures.webp(MARKED, Q=90)
    assert same(made(data, "w:100/f:png"), pyvips.Image.webpload_buffer(data, scale=100 / 640))


@pytest.mark.parametrize(("width", "shrink"), [(320, 2), (160, 4), (80, 8)])
def test_a_power_of_two_of_a_jpeg_is_left_to_its_decoder(width: int, shrink: int) -> None:
    data = pictures.jpeg(MARKED)
    assert same(made(data, f"w:{width}/f:png"), pyvips.Image.jpegload_buffer(data, shrink=shrink))


@pytest.mark.parametrize("kind", [Format.JPEG, Format.WEBP], ids=str)
@pytest.mark.parametrize(
    "options", ["w:77", "h:33", "rs:fill:50:90", "c:201:99/w:50", "c:0.3:0.3:soea/w:30", "rot:90/w:61", "rs:force:7:90"]
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_sizes_do_not_depend_on_it(kind: Format, options: str, orientation: int) -> None:
    data = pictures.ENCODERS[kind](pictures.with_orientation(pictures.marked(641, 479), orientation))
    one = transformed(data, f"{options}/f:png")
    other = transformed(data, f"{options}/f:png", disable_shrink_on_load=True)
    assert (one.width, one.height) == (other.width, other.height)


@pytest.mark.parametrize("kind", [Format.JPEG, Format.WEBP], ids=str)
def test_the_picture_hardly_depends_on_it(kind: Format) -> None:
    data = pictures.ENCODERS[kind](MARKED)
    one, other = made(data, "w:60/f:png"), made(data, "w:60/f:png", disable_shrink_on_load=True)
    assert distance(one, other)[0] < 1


def test_a_resize_in_one_direction_only_is_not_for_the_decoder() -> None:
    data = pictures.jpeg(MARKED)
    full = pyvips.Image.jpegload_buffer(data)
    assert same(made(data, "rs:force:80:0/f:png"), full.resize(0.125, vscale=1.0))


def test_an_svg_is_rendered_at_the_very_size() -> None:
    found = made(pictures.svg(), "w:400/f:png")
    assert found(199, 100) == [238, 0, 0, 255]  # a resized edge would be soft
    assert found(200, 100) == [0, 0, 238, 255]


def test_an_svg_is_so_even_when_reduced_decoding_is_off() -> None:
    assert same(made(pictures.svg(), "w:400/f:png"), made(pictures.svg(), "w:400/f:png", disable_shrink_on_load=True))
