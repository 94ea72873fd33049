"""What lies behind transparency."""

from __future__ import annotations

import pytest

from tests import pictures
from tests.unit.engine.making import distance, made, same, transformed

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


# A background that is itself transparent


@pytest.mark.parametrize(
    ("alpha", "becomes"), [(0, [0, 255, 0, 128]), (255, [200, 100, 0, 255]), (128, [134, 151, 0, 192])]
)
def test_a_transparent_background_keeps_alpha(alpha: int, becomes: list[int]) -> None:
    image = pictures.solid(4, 4, (200, 100, 0)).bandjoin(alpha)
    found = made(pictures.png(image), "bg:00ff00/bga:0.5/f:png")
    assert found(1, 1) == pytest.approx(becomes, abs=1)


@pytest.mark.parametrize("depth", [8, 16])
def test_it_shines_through_padding(depth: int) -> None:
    image = MARKED if depth == 8 else pictures.deep(MARKED)
    found = made(pictures.png(image), "pd:4/bg:ff0000/bga:0.4/ph:1/f:png")
    assert found(1, 1) == [255 * (257 if depth == 16 else 1), 0, 0, round(0.4 * (65535 if depth == 16 else 255))]
    assert same(found.crop(4, 4, 60, 40).extract_band(0, n=3), image)


def test_it_makes_an_alpha_format_of_what_has_alpha() -> None:
    assert transformed(pictures.webp(FADED), "bg:ff0000/bga:0.4").format == "png"
    assert transformed(pictures.webp(FADED), "bg:ff0000").format == "jpeg"


def test_without_alpha_in_the_format_it_lies_on_white() -> None:
    image = pictures.solid(16, 16, (0, 0, 0)).bandjoin(0)
    found = made(pictures.png(image), "bg:ff0000/bga:0.5/f:jpeg/q:100")
    assert found(8, 8) == pytest.approx([255, 127, 127], abs=2)


@pytest.mark.parametrize("alpha", ["0", "0.0"])
def test_one_that_cannot_be_seen_is_none(alpha: str) -> None:
    assert distance(made(pictures.png(FADED), f"bg:ff0000/bga:{alpha}/f:png"), FADED)[1] < 1


def test_grey_over_a_transparent_grey_stays_grey() -> None:
    image = pictures.with_alpha(pictures.grey(MARKED))
    assert made(pictures.png(image), "bg:808080/bga:0.5/f:png").bands == 2
    assert made(pictures.png(image), "bg:ff0000/bga:0.5/f:png").bands == 4
