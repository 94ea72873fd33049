"""Unsharp masking: 3×3, the neighbours' weight over the divider."""

from __future__ import annotations

import numpy as np
import pytest

from tests import pictures
from tests.unit.engine.making import array, made, same

MARKED = pictures.marked(40, 30)
FADED = pictures.with_alpha(MARKED)


def masked(image, weight: float = 1.0, divider: float = 24.0):
    """The mask as one writes it down: with weight 1 and divider 24 libvips' old "mild" sharpening."""
    mask = [[-weight] * 3, [-weight, divider + 8 * weight, -weight], [-weight] * 3]
    kernel = type(image).new_from_array(mask, scale=divider)
    return image.conv(kernel, precision="float").rint().cast(image.format)


@pytest.mark.parametrize(
    ("options", "weight", "divider"),
    [
        ("ush:always", 1, 24),
        ("ush:always:2", 2, 24),
        ("ush:always::8", 1, 8),
        ("ush:always:0.5:30", 0.5, 30),
    ],
)
def test_neighbours_are_subtracted(options: str, weight: float, divider: float) -> None:
    found = array(made(pictures.png(MARKED), f"{options}/f:png")).astype(int)
    assert np.abs(found - array(masked(MARKED, weight, divider))).max() <= 1  # a half may fall to either side


def test_sixteen_bits_and_grey_are_as_they_were() -> None:
    for image in (pictures.deep(MARKED), pictures.grey(MARKED), pictures.deep(pictures.grey(MARKED))):
        found = made(pictures.png(image), "ush:always/ph:1/f:png")
        assert (found.bands, found.format, found.interpretation) == (image.bands, image.format, image.interpretation)
        assert np.abs(array(found).astype(int) - array(masked(image))).max() <= 1


def test_more_weight_and_less_divider_sharpen_more() -> None:
    def contrast(options: str) -> float:
        return float(made(pictures.png(MARKED), f"{options}/f:png").deviate())

    plain = contrast("ush:none")
    assert plain < contrast("ush:always") < contrast("ush:always:2") < contrast("ush:always:2:12")


def test_even_pictures_stay() -> None:
    image = pictures.solid(20, 20)
    assert same(made(pictures.png(image), "ush:always:5:5/f:png"), image)


def test_alpha_is_untouched_and_an_even_alpha_has_no_say() -> None:
    assert same(made(pictures.png(FADED), "ush:always:3/f:png")[3], FADED[3])
    half = MARKED.bandjoin(128)
    found = array(made(pictures.png(half), "ush:always/f:png"))[..., :3].astype(float)
    share = 128 / 255
    expected = array(MARKED) + share * (array(masked(MARKED)).astype(float) - array(MARKED))
    inner = (array(masked(MARKED)) > 0) & (array(masked(MARKED)) < 255)
    assert np.abs(found - expected)[inner].max() <= 1


def test_what_cannot_be_seen_is_no_neighbour() -> None:
    image = pictures.solid(20, 20, (100, 150, 200)).bandjoin(255).draw_rect([0, 0, 0, 0], 10, 0, 10, 20, fill=True)
    assert same(made(pictures.png(image), "ush:always:5/f:png"), image)


@pytest.mark.parametrize(
    ("options", "sharpens"),
    [
        ("ush:auto/w:20", True),
        ("ush:auto/w:20/ra:linear", True),
        ("ush:auto/w:80/el:1", False),
        ("ush:auto", False),
        ("ush:auto/w:20/sh:1", False),
        ("ush:none/w:20", False),
        ("w:20", False),
        ("ush:always/sh:1", True),
        ("ush:auto/rs:force:20:60:1", True),
    ],
)
@pytest.mark.parametrize("encode", [pictures.png, pictures.jpeg], ids=["png", "jpeg"])
def test_when_it_is_done(options: str, sharpens: bool, encode) -> None:
    plain = "/".join(part for part in options.split("/") if not part.startswith("ush")) or "cb:1"
    found, expected = made(encode(MARKED), f"{options}/f:png"), made(encode(MARKED), f"{plain}/f:png")
    assert same(found, expected) is not sharpens


def test_what_a_decoder_made_smaller_is_sharpened() -> None:
    data = pictures.jpeg(pictures.marked(160, 120))
    assert not same(made(data, "ush:auto/w:20/f:png"), made(data, "w:20/f:png"))


def test_a_drawing_is_made_at_its_size_and_needs_none() -> None:
    assert same(made(pictures.svg(), "ush:auto/w:30/f:png"), made(pictures.svg(), "w:30/f:png"))


def test_the_setting_is_what_a_url_leaves_out() -> None:
    from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
    from imgproxy_py.recipe.model import UnsharpMode

    dialect = ImgproxyDialect(ImgproxyConfig(unsharp_mode=UnsharpMode.AUTO, unsharp_divider=8.0))
    masking = dialect.parse("/unsafe/ush::2/plain/local:///a", now=0).recipe.stages[0].effects.unsharp
    assert (masking.mode, masking.weight, masking.divider) == (UnsharpMode.AUTO, 2.0, 8.0)
