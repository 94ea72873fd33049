"""Monochrome and duotone, to the exact sample."""

from __future__ import annotations

import numpy as np
import pytest

from tests import pictures
from tests.unit.engine.making import array, made, same

MARKED = pictures.marked(30, 20)
FADED = pictures.with_alpha(MARKED)
DEEP = pictures.deep(MARKED)
LUMA = np.array([0.2126, 0.7152, 0.0722])


def grey_levels() -> bytes:
    """All 256 greys in one row, as colour."""
    ramp = pictures.rgb(pictures.pyvips.Image.identity(bands=3).copy(interpretation="srgb"))
    return pictures.png(ramp)


@pytest.mark.parametrize(
    ("option", "of", "becomes"),
    [
        ("mc:1", (255, 0, 0), (54, 54, 54)),
        ("mc:1:ff8800", (0, 0, 0), (0, 0, 0)),
        ("mc:1:ff8800", (255, 255, 255), (255, 255, 255)),
        ("mc:1:ff8800", (255, 136, 0), (255, 136, 0)),
        ("mc:1:ff8800", (76, 76, 76), (128, 68, 0)),  # half the colour's luma (151.5): half the colour
        ("mc:0.5:ff8800", (76, 76, 76), (102, 72, 38)),
        ("mc:1:000000", (90, 90, 90), (90, 90, 90)),
        ("mc:1:ffffff", (90, 90, 90), (90, 90, 90)),
        ("dt:1", (0, 255, 0), (182, 182, 182)),
        ("dt:1:1a1a60:ffd97a", (0, 0, 0), (26, 26, 96)),
        ("dt:1:1a1a60:ffd97a", (255, 255, 255), (255, 217, 122)),
        ("dt:1:000000:ff0000", (100, 100, 100), (100, 0, 0)),
        ("dt:0.5:000000:ff0000", (100, 100, 100), (100, 50, 50)),
        ("dt:1:ffffff:000000", (40, 40, 40), (215, 215, 215)),
    ],
)
def test_one_colour(option: str, of: tuple[int, ...], becomes: tuple[int, ...]) -> None:
    assert made(pictures.png(pictures.solid(4, 4, of)), f"{option}/f:png")(1, 1) == list(becomes)


@pytest.mark.parametrize("options", ["mc:0:ff0000", "dt:0:ff0000:00ff00"])
@pytest.mark.parametrize("image", [MARKED, FADED, DEEP], ids=["8", "alpha", "16"])
def test_no_intensity_changes_nothing(options: str, image) -> None:
    assert same(made(pictures.png(image), f"{options}/ph:1/f:png"), image)


@pytest.mark.parametrize("color", ["000000", "404040", "b3b3b3", "ffffff"])
def test_a_grey_monochrome_is_the_luma_and_so_is_a_plain_duotone(color: str) -> None:
    luma = np.rint(array(MARKED) @ LUMA)
    for options in (f"mc:1:{color}/f:png", "dt:1/f:png", "sa:0/f:png"):
        found = array(made(pictures.png(MARKED), options))
        assert np.abs(found - luma[..., None]).max() <= 1  # a half may fall to either side


@pytest.mark.parametrize("color", ["ff8800", "0000ff", "102030", "f0fff0"])
def test_monochrome_keeps_the_luma(color: str) -> None:
    found = array(made(grey_levels(), f"mc:1:{color}/f:png"))[0] @ LUMA
    assert np.abs(found - np.arange(256)).max() < 0.51


@pytest.mark.parametrize("options", ["mc:1:ff8800", "mc:0.4:0000ff", "dt:1:102030:f0e0d0", "dt:0.7:000000:0000ff"])
def test_brighter_stays_brighter(options: str) -> None:
    found = array(made(grey_levels(), f"{options}/f:png"))[0].astype(int)
    assert (np.diff(found, axis=0) >= 0).all()


@pytest.mark.parametrize("options", ["mc:1:ff8800", "dt:1:102030:f0e0d0"])
def test_sixteen_bits_are_as_eight_but_finer(options: str) -> None:
    found = array(made(pictures.png(DEEP), f"{options}/ph:1/f:png"))
    coarse = array(made(pictures.png(MARKED), f"{options}/f:png"))
    assert found.dtype == np.uint16
    assert (
        np.abs(found / 257 - coarse).max() < 1.3
    )  # half a level of rounding, and 0.3 levels more to begin with, at a slope up to 2.5
    assert (found % 257).any()


@pytest.mark.parametrize(
    ("options", "bands"),
    [
        ("mc:1", 1),
        ("dt:1", 1),
        ("dt:0.5:202020:d0d0d0", 1),
        ("mc:1:ff8800", 3),
        ("dt:1:000000:ffff00", 3),
    ],
)
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
def test_grey_stays_grey_under_greys_alone(options: str, bands: int, alpha: bool) -> None:
    image = pictures.grey(MARKED)
    found = made(pictures.png(image.addalpha() if alpha else image), f"{options}/f:png")
    assert found.bands == bands + alpha
    colored = array(made(pictures.png(image.colourspace("srgb")), f"{options}/f:png"))
    assert np.array_equal(array(found)[..., :bands], colored[..., :bands])


@pytest.mark.parametrize("options", ["mc:1:ff8800", "dt:0.5:ff0000:00ff00"])
def test_alpha_is_untouched(options: str) -> None:
    assert same(made(pictures.png(FADED), f"{options}/f:png")[3], FADED[3])


def test_a_tint_is_the_colour_of_the_url_in_a_wide_gamut_too() -> None:
    white = pictures.wide_gamut(pictures.solid(8, 8, (255, 255, 255)))
    for options in ("dt:1:000000:ff8800/f:png", "col:1:ff8800/f:png", "gr:1:ff8800:down:0:0/f:png"):
        assert made(pictures.png(white), options)(4, 4) == pytest.approx([255, 136, 0], abs=1)
