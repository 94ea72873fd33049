"""Colours and gradients over the picture, to the exact sample."""

from __future__ import annotations

import numpy as np
import pytest

from tests import pictures
from tests.unit.engine.making import array, made, same

MARKED = pictures.marked(30, 20)
FADED = pictures.with_alpha(MARKED)
BLACK = pictures.solid(40, 20, (0, 0, 0))


def over(samples: np.ndarray, color: list[int], share: np.ndarray | float, white: int = 255) -> np.ndarray:
    """Source-over in doubles; `share` is the opacity of the colour, a number or one for each pixel."""
    share = np.broadcast_to(share, samples.shape[:2])[..., None]
    values = samples.astype(float)
    if values.shape[2] == 3:
        return np.rint(values * (1 - share) + np.array(color) * white / 255 * share)
    alpha = values[..., 3:] / white
    total = share + alpha * (1 - share)
    mixed = (np.array(color) * white / 255 * share + values[..., :3] * alpha * (1 - share)) / np.where(total, total, 1)
    return np.rint(np.concatenate([mixed, total * white], axis=2))


# Colorize


@pytest.mark.parametrize(
    ("option", "becomes"),
    [
        ("col:0.5:ff0000", (178, 50, 25)),
        ("col:1:123456", (18, 52, 86)),
        ("col:0.25", (75, 75, 38)),
    ],
)
def test_one_colour(option: str, becomes: tuple[int, ...]) -> None:
    assert made(pictures.png(pictures.solid(4, 4, (100, 100, 50))), f"{option}/f:png")(1, 1) == list(becomes)


@pytest.mark.parametrize("options", ["col:0:ff0000", "gr:0:ff0000"])
@pytest.mark.parametrize("image", [MARKED, FADED], ids=["opaque", "alpha"])
def test_no_opacity_changes_nothing(options: str, image) -> None:
    assert same(made(pictures.png(image), f"{options}/f:png"), image)


def test_transparent_places_are_covered_too() -> None:
    found = array(made(pictures.png(FADED), "col:0.5:ff8000/f:png"))
    assert np.abs(found - over(array(FADED), [255, 128, 0], 0.5)).max() <= 1
    assert found[0, 0, 3] == 128


def test_with_keep_alpha_only_the_picture_is_covered() -> None:
    found = made(pictures.png(FADED), "col:0.5:ff8000:1/f:png")
    assert same(found[3], FADED[3])
    assert np.array_equal(array(found)[..., :3], over(array(MARKED), [255, 128, 0], 0.5))


def test_sixteen_bits_are_covered_as_eight() -> None:
    found = array(made(pictures.png(pictures.deep(MARKED)), "col:0.3:ff8000/ph:1/f:png"))
    assert np.abs(found - over(array(pictures.deep(MARKED)), [255, 128, 0], 0.3, 65535)).max() <= 1


@pytest.mark.parametrize(("options", "bands"), [("col:0.5:808080", 1), ("gr:1:000", 1), ("col:0.5:ff0000", 3)])
def test_grey_stays_grey_under_grey(options: str, bands: int) -> None:
    found = made(pictures.png(pictures.grey(MARKED)), f"{options}/f:png")
    assert found.bands == bands


def test_padding_and_extension_are_not_covered() -> None:
    found = array(made(pictures.png(MARKED), "col:1:ff0000/gr:1:ff0000/pd:5/f:png"))
    assert (found[:5] == 0).all()
    assert (found[5:-5, 5:-5] == [255, 0, 0, 255]).all()


def test_the_gradient_lies_over_the_colour() -> None:
    found = made(pictures.png(BLACK), "col:1:ff0000/gr:1:0000ff:down:0:0/f:png")
    assert found(20, 10) == [0, 0, 255]


# Gradients


def ramp(degrees: float, start: float, stop: float, wide: int, high: int) -> np.ndarray:
    across, down = -np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    x, y = np.meshgrid(np.arange(wide) + 0.5 - wide / 2, np.arange(high) + 0.5 - high / 2)
    way = (x * across + y * down) / (abs(wide * across) + abs(high * down)) + 0.5
    return np.clip((way - start) / (stop - start), 0, 1)


@pytest.mark.parametrize(
    ("direction", "degrees"),
    [
        ("down", 0),
        ("left", 90),
        ("up", 180),
        ("right", 270),
        ("0", 0),
        ("90", 90),
        ("45", 45),
        ("200.5", 200.5),
        ("-30", 330),
    ],
)
@pytest.mark.parametrize(("start", "stop"), [(0, 1), (0.25, 0.75), (0.8, 0.2)])
def test_a_gradient_goes_its_way(direction: str, degrees: float, start: float, stop: float) -> None:
    found = array(made(pictures.png(BLACK), f"gr:1:ffffff:{direction}:{start}:{stop}/f:png"))
    expected = ramp(degrees, start, stop, 40, 20) * 255
    assert np.abs(found[..., 0] - expected).max() < 0.6  # half a level, and single precision


@pytest.mark.parametrize(
    ("direction", "clear", "covered"),
    [
        ("down", (20, 0), (20, 19)),
        ("up", (20, 19), (20, 0)),
        ("right", (0, 10), (39, 10)),
        ("left", (39, 10), (0, 10)),
        ("45", (39, 0), (0, 19)),
    ],
)
def test_it_begins_clear_and_ends_covered(direction: str, clear: tuple[int, int], covered: tuple[int, int]) -> None:
    found = made(pictures.png(BLACK), f"gr:0.5:ffffff:{direction}/f:png")
    assert found(*clear)[0] < 8
    assert found(*covered)[0] > 119


def test_a_ramp_without_length_is_an_edge() -> None:
    found = array(made(pictures.png(BLACK), "gr:1:ffffff:right:0.25:0.25/f:png"))
    assert (found[:, :10] == 0).all()
    assert (found[:, 10:] == 255).all()


@pytest.mark.parametrize("opacity", [0.3, 1])
def test_a_gradient_over_alpha_covers_what_is_transparent(opacity: float) -> None:
    found = array(made(pictures.png(FADED), f"gr:{opacity}:ff8000:right/f:png"))
    expected = over(array(FADED), [255, 128, 0], ramp(270, 0, 1, 30, 20) * opacity)
    assert np.abs(found.astype(int) - expected)[found[..., 3] > 8].max() <= 1


def test_sixteen_bits_have_a_finer_gradient() -> None:
    found = array(made(pictures.png(pictures.deep(BLACK)), "gr:1:ffffff:right/ph:1/f:png"))
    expected = 77 + (65535 - 77) * ramp(270, 0, 1, 40, 20)
    assert np.abs(found[..., 0] - expected).max() <= 2


def test_a_gradient_is_not_reduced_to_the_palette_of_the_original() -> None:
    found = array(made(pictures.palette_png(1), "gr:1:ff0000:down/f:png"))
    assert len(np.unique(found.reshape(-1, 3), axis=0)) > 40
