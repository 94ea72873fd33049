"""Brightness, contrast and saturation, to the exact sample (rounded, halves to even)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.engine.steps.adjust import saturation_matrix
from tests import pictures
from tests.unit.engine.making import array, distance, made, same

MARKED = pictures.marked(30, 20)
FADED = pictures.with_alpha(MARKED)
DEEP = pictures.deep(MARKED)
DEEP_FADED = DEEP.bandjoin((FADED[3].cast("float") * 257).cast("ushort")).copy(interpretation="rgb16")


def adjusted(samples: np.ndarray, brightness: float, contrast: float, saturation: float, white: int) -> np.ndarray:
    """The formula of docs/effects.md, in doubles."""
    values = samples.astype(float)
    luma = values @ [0.2126, 0.7152, 0.0722]
    values = luma[..., None] + (values - luma[..., None]) * saturation
    values = (values + brightness * white / 255 - white / 2) * contrast + white / 2
    return np.clip(np.rint(values), 0, white)


@pytest.mark.parametrize(
    ("option", "of", "becomes"),
    [
        ("br:40", (10, 100, 250), (50, 140, 255)),
        ("br:-40", (10, 100, 250), (0, 60, 210)),
        ("br:255", (0, 1, 100), (255, 255, 255)),
        ("br:-255", (255, 254, 100), (0, 0, 0)),
        ("contrast:2", (127, 128, 200), (126, 128, 255)),  # 126.5 and 128.5: halves to even
        ("contrast:0.5", (0, 128, 255), (64, 128, 191)),
        ("contrast:0", (0, 77, 255), (128, 128, 128)),
        ("sa:0", (255, 0, 0), (54, 54, 54)),
        ("sa:0", (0, 255, 0), (182, 182, 182)),
        ("sa:0", (0, 0, 255), (18, 18, 18)),
        ("sa:2", (100, 120, 140), (83, 123, 163)),
        ("a:10:2:1", (100, 120, 140), (92, 132, 172)),
        ("a:200:0.5", (255, 0, 100), (255, 164, 214)),  # what brightness takes over white, contrast brings back
    ],
)
def test_one_colour(option: str, of: tuple[int, ...], becomes: tuple[int, ...]) -> None:
    assert made(pictures.png(pictures.solid(4, 4, of)), f"{option}/f:png")(1, 1) == list(becomes)


@pytest.mark.parametrize("options", ["br:0", "contrast:1", "sa:1", "a:0:1:1"])
@pytest.mark.parametrize("image", [MARKED, FADED, DEEP], ids=["8", "alpha", "16"])
def test_neutral_values_change_nothing(options: str, image) -> None:
    assert same(made(pictures.png(image), f"{options}/ph:1/f:png"), image)


@pytest.mark.parametrize("image", [MARKED, FADED, DEEP, DEEP_FADED], ids=["8", "8 alpha", "16", "16 alpha"])
@pytest.mark.parametrize("values", [(30, 1.0, 1.0), (0, 1.7, 1.0), (0, 1.0, 2.5), (-25, 0.6, 0.3)], ids=str)
def test_every_depth_follows_the_formula(image, values: tuple[int, float, float]) -> None:
    found = array(made(pictures.png(image), "a:{}:{}:{}/ph:1/f:png".format(*values)))
    white = 65535 if image.format == "ushort" else 255
    expected = adjusted(array(image)[..., :3], *values, white)
    assert np.abs(found[..., :3] - expected).max() <= (0 if white == 255 else 1)  # libvips computes in single precision


@pytest.mark.parametrize("image", [FADED, DEEP_FADED], ids=["8", "16"])
def test_alpha_is_untouched(image) -> None:
    assert same(made(pictures.png(image), "a:60:1.5:0.2/ph:1/f:png")[3], image[3])


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
def test_grey_stays_grey_and_has_no_saturation(depth: int, alpha: bool) -> None:
    image = pictures.grey(MARKED) if depth == 8 else pictures.deep(pictures.grey(MARKED))
    if alpha:
        image = image.addalpha()
    found = made(pictures.png(image), "a:20:1.5:7/ph:1/f:png")
    assert (found.bands, found.interpretation) == (image.bands, image.interpretation)
    assert same(found, made(pictures.png(image), "a:20:1.5/ph:1/f:png"))


@pytest.mark.parametrize("saturation", [0, 0.5, 3])
def test_greys_of_a_coloured_picture_stay(saturation: float) -> None:
    image = pictures.solid(8, 8, (93, 93, 93))
    assert same(made(pictures.png(image), f"sa:{saturation}/f:png"), image)


@given(st.floats(0, 10), st.tuples(*[st.floats(0, 255)] * 3))
def test_saturation_keeps_the_luma(share: float, color: tuple[float, float, float]) -> None:
    weights = np.array([0.2126, 0.7152, 0.0722])
    changed = np.array(saturation_matrix(share)) @ color
    assert weights @ changed == pytest.approx(weights @ np.array(color), abs=1e-9)


@pytest.mark.parametrize("option", ["br:{}", "contrast:{}"])
def test_brighter_is_brighter(option: str) -> None:
    image = pictures.png(pictures.solid(4, 4, (150, 160, 170)))
    values = [made(image, f"{option.format(step)}/f:png")(1, 1) for step in (0, 1, 2, 5, 30)]
    assert all(low <= high for one, other in pairwise(values) for low, high in zip(one, other, strict=True))


def test_cmyk_is_adjusted_as_the_colours_it_stands_for() -> None:
    found = made(pictures.jpeg(pictures.cmyk(MARKED), Q=100), "br:30/f:png")
    expected = adjusted(array(made(pictures.jpeg(pictures.cmyk(MARKED), Q=100), "f:png")), 30, 1, 1, 255)
    assert np.array_equal(array(found), expected)


@pytest.mark.parametrize("options", ["sa:0/f:png", "sa:0/scp:0/f:png", "sa:0/scp:0/f:jpeg/q:100"])
def test_a_wide_gamut_is_adjusted_as_the_colours_it_stands_for(options: str) -> None:
    found = made(pictures.png(pictures.wide_gamut(MARKED)), options)
    seen = found.icc_transform("srgb", embedded=True) if "scp" in options else found
    assert ("scp" in options) == bool(found.get_typeof("icc-profile-data"))
    assert distance(seen, made(pictures.png(MARKED), "sa:0/f:png"))[0] < 1


def test_padding_is_not_adjusted() -> None:
    found = array(made(pictures.png(MARKED), "br:-255/pd:5/bg:00ff00/f:png"))
    assert (found[:5] == [0, 255, 0]).all()
    assert (found[5:-5, 5:-5] == 0).all()
