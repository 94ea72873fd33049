"""Pages of TIFF and frames of animations, chosen and stacked (dialect §5.5)."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from imgproxy_py.engine.codecs.pixels import stacked
from imgproxy_py.engine.codecs.port import MOST_PAGES, Demand
from imgproxy_py.errors import BrokenImage, SourceTooLarge
from imgproxy_py.recipe.model import Loading
from tests import pictures
from tests.unit.engine.making import failure, made, transformed

COLORS = [(200, 20, 20), (20, 200, 20), (20, 20, 200)]
SIZES = [(60, 40), (40, 30), (20, 10)]


def tiff_of_pages(sizes: list[tuple[int, int]] = SIZES, mode: str = "RGB") -> bytes:
    target = io.BytesIO()
    pages = [Image.new(mode, size, color) for size, color in zip(sizes, COLORS, strict=True)]
    pages[0].save(target, "TIFF", save_all=True, append_images=pages[1:])
    return target.getvalue()


@pytest.mark.parametrize("page", [0, 1, 2])
def test_a_page_of_a_tiff_is_chosen_in_its_own_size(page: int) -> None:
    image = made(tiff_of_pages(), f"pg:{page}/f:png")
    assert (image.width, image.height) == SIZES[page]
    assert image.getpoint(5, 5) == list(COLORS[page])


def test_pages_are_stacked_at_the_left_on_white() -> None:
    image = made(tiff_of_pages(), "pgs:3/f:png")
    assert (image.width, image.height) == (60, 80)
    assert [image.getpoint(5, y) for y in (5, 45, 75)] == [list(color) for color in COLORS]
    assert image.getpoint(50, 75) == [255, 255, 255]


def test_pages_end_where_the_file_does() -> None:
    image = made(tiff_of_pages(), "pg:1/pgs:9/f:png")
    assert (image.width, image.height) == (40, 40)


def test_a_page_that_is_not_there_is_an_error_of_the_image() -> None:
    assert failure(lambda: transformed(tiff_of_pages(), "pg:3")) is BrokenImage


def test_all_pages_count_against_the_limit() -> None:
    data = tiff_of_pages([(1000, 700)] * 3)
    assert failure(lambda: transformed(data, "pgs:1", max_src_resolution=1.0)) is None
    assert failure(lambda: transformed(data, "pgs:3", max_src_resolution=1.0)) is SourceTooLarge


def test_more_pages_than_can_be_stacked_are_refused() -> None:
    wanted = Demand(loading=Loading(page=2, pages=10**9))
    assert wanted.selected(MOST_PAGES + 2) == (2, MOST_PAGES)
    with pytest.raises(SourceTooLarge):
        wanted.selected(MOST_PAGES + 3)


def test_many_pages_are_one_picture() -> None:
    image = stacked([pictures.solid(1 + page % 3, 1, (page, 0, 0)) for page in range(200)])
    assert (image.width, image.height) == (3, 200)
    assert [image.getpoint(0, page)[0] for page in range(200)] == list(range(200))
    assert image.getpoint(2, 0) == [255, 255, 255]


@pytest.mark.parametrize("encode", [pictures.gif, pictures.webp], ids=["gif", "webp"])
@pytest.mark.parametrize("shrunk", [False, True])
def test_frames_are_stacked_for_a_still_result(encode, shrunk: bool) -> None:
    image = made(encode(pictures.animation(4)), f"pg:1/pgs:9/{'w:20/' if shrunk else ''}f:webp/webpo:lossless")
    width, height = (20, 15) if shrunk else (40, 30)
    assert (image.width, image.height) == (width, 3 * height)
    green, blue, yellow = (image.getpoint(5, 5 + number * height) for number in range(3))
    assert green[1] > 150 > green[0]
    assert blue[2] > 150 > blue[1]
    assert yellow[0] > 150 < yellow[1]


@pytest.mark.parametrize("encode", [pictures.gif, pictures.webp], ids=["gif", "webp"])
def test_a_frame_of_an_animation_is_chosen_for_a_still_result(encode) -> None:
    data = encode(pictures.animation(3))
    assert made(data, "pg:1/f:png").getpoint(5, 5)[1] > 150
    assert made(data, "pg:0/f:png").getpoint(5, 5)[0] > 150


def test_what_has_no_pages_gives_its_only_one() -> None:
    image = made(pictures.png(pictures.marked()), "pg:4/pgs:3/f:png")
    assert (image.width, image.height) == (60, 40)
