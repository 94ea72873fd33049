"""What lies behind transparency."""

from __future__ import annotations

import pytest

from tests import pictures
from tests.unit.engine.making import distance, made, same

MARKED = pictures.marked()
FADED = pictures.with_alpha(MARKED)


def test_alpha_is_kept_where_the_format_holds_it() -> None:
    assert same(made(pictures.png(FADED), "f:png"), FADED)


def test_a_background_flattens_whatever_the_format() -> None:
    assert same(made(pictures.png(FADED), "bg:ff8000/f:png"), FADED.flatten(background=[255, 128, 0]))


def test_without_alpha_in_the_format_white_lies_behind() -> None:
    found = made(pictures.png(FADED), "f:jpeg/q:100")
    assert found.bands == 3
    assert distance(found, FADED.flatten(background=255))[0] < 1.5


def test_an_opaque_picture_ignores_its_background() -> None:
    assert same(made(pictures.png(MARKED), "bg:ff0000/f:png"), MARKED)


@pytest.mark.parametrize(("color", "bands"), [("808080", 1), ("ff0000", 3)])
def test_grey_stays_grey_over_grey_and_becomes_colour_over_colour(color: str, bands: int) -> None:
    image = pictures.with_alpha(pictures.grey(MARKED))
    found = made(pictures.png(image), f"bg:{color}/f:png")
    assert found.bands == bands
    expected = [int(color[at : at + 2], 16) for at in (0, 2, 4)][:bands]
    assert found(0, 20) == expected


@pytest.mark.parametrize(("color", "bands"), [("808080", 1), ("ff0000", 3)])
def test_deep_grey_does_so_with_sixteen_bits(color: str, bands: int) -> None:
    ramp = (pictures.with_alpha(pictures.grey(MARKED)).cast("float") * 257).cast("ushort")
    found = made(pictures.png(ramp.copy(interpretation="grey16")), f"bg:{color}/ph:1/f:png")
    assert (found.bands, found.format) == (bands, "ushort")
    assert found(0, 20) == [int(color[at : at + 2], 16) * 257 for at in (0, 2, 4)][:bands]


def test_sixteen_bits_are_flattened_on_the_colour_times_257() -> None:
    image = pictures.deep(MARKED).bandjoin((FADED[3].cast("float") * 257).cast("ushort")).copy(interpretation="rgb16")
    expected = image.flatten(background=[10 * 257, 20 * 257, 30 * 257])
    assert same(made(pictures.png(image), "bg:10:20:30/ph:1/f:png"), expected)
