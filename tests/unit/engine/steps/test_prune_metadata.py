"""What the result will not carry goes before the work; test_metadata.py says what that is."""

from __future__ import annotations

import pytest

from imgproxy_py.recipe.formats import Format
from tests import pictures
from tests.unit.engine.making import opened, transformed


@pytest.mark.parametrize("options", ["f:webp", "f:webp/sm:0", "f:gif", "f:gif/sm:0"])
@pytest.mark.parametrize("source", [Format.GIF, Format.WEBP], ids=str)
def test_one_frame_of_an_animation_is_no_animation(source: Format, options: str) -> None:
    image = opened(transformed(pictures.ENCODERS[source](pictures.animation(3, 40, 30)), options).data)
    assert (image.width, image.height) == (40, 30)
    assert not image.get_typeof("n-pages") or image.get("n-pages") == 1


@pytest.mark.parametrize("options", ["f:png", "w:20/f:png", "t:5/f:png"])
def test_palette_and_profile_outlive_it(options: str) -> None:
    assert opened(transformed(pictures.palette_png(2), options).data).get("palette")
    kept = opened(transformed(pictures.png(pictures.wide_gamut(pictures.marked())), f"scp:0/{options}").data)
    assert kept.get_typeof("icc-profile-data")
