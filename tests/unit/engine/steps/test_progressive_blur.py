"""A blur that grows along a ramp."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.engine.steps.progressive_blur import blur_levels
from tests import pictures
from tests.unit.engine.making import array, made, same

NOISE = pictures.noise(60, 120)


def roughness(image) -> np.ndarray:
    """The deviation of each row."""
    return array(image).astype(float).std(axis=(1, 2))


@given(st.floats(0.01, 3000))
def test_the_levels_double_up_to_the_sigma(sigma: float) -> None:
    levels = blur_levels(sigma)
    assert levels[0] == 0
    assert levels[-1] == min(sigma, 1000)
    assert all(high / low == pytest.approx(2) for low, high in pairwise(levels[1:]))
    assert len(levels) <= 12
    assert levels[1] < 2 or len(levels) == 2


def test_it_grows_from_nothing_to_the_sigma() -> None:
    found = made(pictures.png(NOISE), "pbl:8/f:png")
    rough = roughness(found)
    assert rough[0] > 0.95 * roughness(NOISE)[0]
    parts = [rough[at : at + 20].mean() for at in range(0, 120, 20)]
    assert all(first > then for first, then in pairwise(parts))
    assert np.abs(array(found)[-1].astype(int) - array(NOISE.gaussblur(8))[-1]).max() <= 2


@pytest.mark.parametrize(
    ("direction", "clear", "blurred"),
    [
        ("down", np.s_[:20], np.s_[-10:]),
        ("up", np.s_[-20:], np.s_[:10]),
        ("right", np.s_[:, :10], np.s_[:, -5:]),
        ("left", np.s_[:, -10:], np.s_[:, :5]),
        ("270", np.s_[:, :10], np.s_[:, -5:]),
    ],
)
def test_before_the_start_is_the_picture_and_after_the_stop_the_blur(direction: str, clear, blurred) -> None:
    found = array(made(pictures.png(NOISE), f"pbl:6:{direction}:0.4:0.8/f:png"))
    assert np.array_equal(found[clear], array(NOISE)[clear])
    assert np.array_equal(found[blurred], array(NOISE.gaussblur(6))[blurred])


@pytest.mark.parametrize("sigma", [0.3, 1, 4])
def test_a_ramp_that_is_over_at_once_is_a_plain_blur(sigma: float) -> None:
    assert same(made(pictures.png(NOISE), f"pbl:{sigma}:down:0:0/f:png"), NOISE.gaussblur(sigma))


def test_it_is_about_the_blur_of_the_sigma_half_way() -> None:
    found = made(pictures.png(NOISE), "pbl:8:down:0:1/f:png")
    assert roughness(found)[60] == pytest.approx(roughness(NOISE.gaussblur(4))[60], rel=0.05)


@pytest.mark.parametrize(
    "image",
    [
        pictures.grey(NOISE),
        pictures.deep(NOISE),
        pictures.with_alpha(NOISE),
        pictures.deep(pictures.grey(NOISE)),
    ],
    ids=["grey", "16", "alpha", "grey 16"],
)
def test_all_kinds_of_pixels_keep_their_kind(image) -> None:
    found = made(pictures.png(image), "pbl:5/ph:1/f:png")
    assert (found.bands, found.format, found.interpretation) == (image.bands, image.format, image.interpretation)
    assert found.avg() == pytest.approx(image.avg(), rel=0.02)
    assert found.deviate() < image.deviate()


def test_alpha_is_blurred_with_the_colours_so_that_nothing_shines_through() -> None:
    image = pictures.solid(40, 40, (255, 0, 0)).bandjoin(255).draw_rect([0, 255, 0, 0], 0, 0, 20, 40, fill=True)
    found = array(made(pictures.png(image), "pbl:6:down:0:0.5/f:png"))
    assert (found[..., 1][found[..., 3] > 4] <= 3).all()


@pytest.mark.parametrize("options", ["pbl:0", "pbl:0:up"])
def test_no_sigma_changes_nothing(options: str) -> None:
    assert same(made(pictures.png(NOISE), f"{options}/f:png"), NOISE)


def test_sigmas_beyond_what_libvips_takes_are_its_largest() -> None:
    small = pictures.png(pictures.noise(30, 20))
    for options in ("pbl:5000", "bl:5000", "ba:5000:0:0:1:1", "sh:50"):
        assert made(small, f"{options}/f:png").width == 30
