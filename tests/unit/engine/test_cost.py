"""What a picture is expected to cost: more where there is more to do, by about as much as is measured."""

from __future__ import annotations

import time

import pytest
import pyvips

from imgproxy_py.engine.cost import LEAST
from imgproxy_py.engine.interrupt import Interrupt
from tests import pictures
from tests.unit.engine.making import recipe_of, transformer


def cost(data: bytes, options: str, **settings: object) -> float:
    return transformer(**settings).begin(data, recipe_of(options), Interrupt()).cost


def photo(width: int, height: int) -> pyvips.Image:
    """Something that compresses as photographs do: noise of several sizes."""
    coarse = pyvips.Image.gaussnoise(width // 8, height // 8, sigma=40, mean=128, seed=1).resize(8)
    fine = pyvips.Image.gaussnoise(coarse.width, coarse.height, sigma=6, mean=0, seed=2)
    one = (coarse + fine).cast("uchar")
    return one.bandjoin([one.rot180(), one.fliphor()]).copy(interpretation="srgb").copy_memory()


PHOTO = photo(1600, 1200)
JPEG, PROGRESSIVE, PNG = pictures.jpeg(PHOTO), pictures.jpeg(PHOTO, interlace=True), pictures.png(PHOTO)
ANIMATION = pictures.gif(pictures.animation(6, 200, 150))


@pytest.mark.parametrize(
    ("cheap", "dear"),
    [
        ("w:400/f:jpg", "w:800/f:jpg"),
        ("w:400/f:jpg", "w:400/f:webp"),
        ("w:400/f:webp", "w:400/f:avif"),
        ("w:400/f:jpg", "w:400/f:png"),
        ("w:400/f:png", "w:400/f:png/pngo:0:1"),
        ("w:400/f:avif", "w:400/f:best"),
        ("w:400/f:webp", "w:400/f:webp/aq:dssim"),
        ("w:400/f:jpg", "w:400/f:jpg/mb:5000"),
        ("w:400/f:jpg", "w:400/bl:5/f:jpg"),
        ("w:400/f:jpg", "t:10/w:400/f:jpg"),
        ("w:400/f:jpg", "w:400/ex:1/h:900/f:jpg"),
        ("rs:fill:400:400/f:jpg", "rs:fill:400:400/g:sm/f:jpg"),
        ("w:400/f:jpg", "w:800/f:jpg|w:400/f:jpg"),
        ("w:200/f:jpg", "w:200/f:jpg/jpgo:1:0:1"),
    ],
)
def test_more_work_costs_more(cheap: str, dear: str) -> None:
    assert LEAST < cost(JPEG, cheap) < cost(JPEG, dear)


@pytest.mark.parametrize(
    ("cheap", "dear"),
    [
        ({"webp_effort": 2}, {"webp_effort": 4}),
        ({"webp_effort": 4}, {"webp_effort": 6}),
        ({"webp_effort": 4}, {"webp_compression": "lossless"}),
        ({}, {"use_linear_colorspace": True}),
        ({}, {"disable_shrink_on_load": True}),
        ({}, {"autoquality_method": "dssim"}),
    ],
)
def test_settings_have_their_price(cheap: dict[str, object], dear: dict[str, object]) -> None:
    assert cost(JPEG, "w:300/f:webp", **cheap) < cost(JPEG, "w:300/f:webp", **dear)


@pytest.mark.parametrize("speeds", [(9, 8), (8, 6), (6, 4)])
def test_a_slower_avif_costs_more(speeds: tuple[int, int]) -> None:
    fast, slow = (cost(JPEG, "w:300/f:avif", avif_speed=speed) for speed in speeds)
    assert fast < slow


def test_a_progressive_jpeg_costs_all_its_pixels_unless_an_eighth_is_enough() -> None:
    assert cost(PROGRESSIVE, "w:250/f:jpg") > 1.2 * cost(JPEG, "w:250/f:jpg")
    assert cost(PROGRESSIVE, "w:100/f:jpg") < 0.7 * cost(PROGRESSIVE, "w:250/f:jpg")


def test_the_decoders_own_scaling_is_known() -> None:
    assert cost(JPEG, "w:100/f:jpg") < 0.8 * cost(JPEG, "w:100/f:jpg", disable_shrink_on_load=True)
    assert cost(PNG, "w:100/f:png") == cost(PNG, "w:100/f:png", disable_shrink_on_load=True)


def test_each_frame_counts() -> None:
    still, moving = (cost(ANIMATION, "w:100/f:webp", max_animation_frames=frames) for frames in (1, 6))
    assert moving > 4 * still


def test_an_original_that_is_handed_back_costs_the_least() -> None:
    assert cost(JPEG, "w:100/skp:jpg") == LEAST


def test_a_drawing_costs_what_is_drawn_of_it() -> None:
    drawing = pictures.svg("1000", "1000")
    assert LEAST < cost(drawing, "w:50/f:png") < cost(drawing, "w:500/f:png") < cost(drawing, "w:3000/el:1/f:png")


def test_estimates_are_near_what_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """In their ratios, which hold whatever the machine is and whatever else it does."""
    cases = [(JPEG, "w:200/f:jpg"), (JPEG, "w:800/f:webp"), (PROGRESSIVE, "w:200/f:jpg"), (PNG, "w:800/f:png")]
    cases += [(JPEG, "w:1200/f:webp"), (JPEG, "w:160/f:gif")]
    factors = []
    for data, options in cases:
        expected, measured = cost(data, options), min(_cpu(data, options) for _ in range(3))
        factors.append(expected / measured)
        with capsys.disabled():
            print(f"\n  {options:14} expected {expected:7.1f} ms, measured {measured:7.1f} ms", end="")
    assert max(factors) / min(factors) < 10


def _cpu(data: bytes, options: str) -> float:
    one, recipe = transformer(isolation_milliseconds=0), recipe_of(options)
    before = time.process_time()
    one.transform(data, recipe, Interrupt())
    return (time.process_time() - before) * 1000


@pytest.mark.parametrize("dear", [{"png_filter": "all"}, {"png_compression": 6}, {"png_quantize": True}])
def test_png_that_is_tried_hard_costs_more(dear: dict[str, object]) -> None:
    assert cost(JPEG, "w:300/f:png") < cost(JPEG, "w:300/f:png", **dear)
