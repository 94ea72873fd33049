"""A huge SVG is rendered at what an original may have, and sizes are computed from that."""

from __future__ import annotations

import pytest

from imgproxy_py.errors import SourceTooLarge
from tests import pictures
from tests.unit.engine.making import failure, made, same, transformed


def test_an_svg_over_the_limit_is_rendered_smaller() -> None:
    picture = transformed(pictures.svg("2000", "1000"), "f:png", max_src_resolution=0.5)
    assert (picture.width, picture.height) == (1000, 500)
    assert (picture.origin_width, picture.origin_height) == (2000, 1000)


def test_one_at_the_limit_is_not() -> None:
    assert transformed(pictures.svg("1000", "500"), "f:png", max_src_resolution=0.5).width == 1000


@pytest.mark.parametrize("width", [100, 333, 1500])
def test_a_requested_size_is_met_all_the_same(width: int) -> None:
    data = pictures.svg("2000", "1000")
    guarded = made(data, f"w:{width}/f:png", max_src_resolution=0.5)
    assert (guarded.width, guarded.height) == (width, (width + 1) // 2)
    assert same(guarded, made(data, f"w:{width}/f:png"))


def test_an_svg_over_every_canvas_is_still_served() -> None:
    picture = transformed(pictures.svg("100000", "50000"), "f:png", max_src_resolution=0.02)
    assert (picture.width, picture.height) == (200, 100)


def test_a_crop_counts_in_the_reduced_picture() -> None:
    picture = transformed(pictures.svg("2000", "1000"), "c:100:100/f:png", max_src_resolution=0.5)
    assert (picture.width, picture.height) == (100, 100)


def test_trimming_works_on_the_reduced_picture() -> None:
    body = '<rect x="200" y="200" width="400" height="200" fill="#e00"/>'
    picture = transformed(pictures.svg("2000", "1000", body), "t:10/f:png", max_src_resolution=0.5)
    assert (picture.width, picture.height) == (200, 100)


def test_without_a_limit_nothing_is_reduced() -> None:
    assert transformed(pictures.svg("2000", "1000"), "f:png", max_src_resolution=0).width == 2000


def test_sides_beyond_all_numbers_are_refused() -> None:
    assert failure(lambda: transformed(pictures.svg("9" * 400, "9" * 400), "w:10/f:png")) is SourceTooLarge
