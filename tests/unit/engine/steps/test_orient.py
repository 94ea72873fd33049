"""Orientation, rotation and flips against plain array arithmetic, to the pixel."""

from __future__ import annotations

import numpy as np
import pytest

from imgproxy_py.recipe.formats import Format
from tests import pictures
from tests.unit.engine.making import array, made, opened, transformed

MARKED = pictures.marked(12, 8)

# What undoes each EXIF orientation (TIFF 6, tag 274): rows × columns as they are meant to be seen.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("flip", ["0:0", "1:0", "0:1", "1:1"])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_then_rotation_then_flip(orientation: int, rotate: int, flip: str) -> None:
    expected = np.rot90(UPRIGHT[orientation](array(MARKED)), -rotate // 90)
    if flip[0] == "1":
        expected = expected[:, ::-1]
    if flip[2] == "1":
        expected = expected[::-1]
    data = pictures.png(pictures.with_orientation(MARKED, orientation))
    assert np.array_equal(array(made(data, f"rot:{rotate}/fl:{flip}/f:png")), expected)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_is_left_alone_when_asked(orientation: int) -> None:
    data = pictures.png(pictures.with_orientation(MARKED, orientation))
    assert np.array_equal(array(made(data, "ar:0/f:png")), array(MARKED))


@pytest.mark.parametrize("options", ["", "ar:0", "sm:0", "sm:0/ar:0", "rot:90", "rot:90/sm:0"])
@pytest.mark.parametrize("output", [Format.JPEG, Format.PNG, Format.WEBP, Format.TIFF, Format.AVIF], ids=str)
def test_no_result_carries_an_orientation_that_viewers_would_apply_again(output: Format, options: str) -> None:
    data = pictures.jpeg(pictures.with_orientation(pictures.marked(60, 40), 6))
    image = opened(transformed(data, f"{options}/f:{output}".lstrip("/")).data)
    assert not image.get_typeof("orientation") or image.get("orientation") == 1


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_resize_is_the_same_before_and_after_turning(orientation: int) -> None:
    image = pictures.marked(120, 80)
    data = pictures.png(pictures.with_orientation(image, orientation))
    expected = UPRIGHT[orientation](array(image.resize(0.5, vscale=0.5)))
    wanted = "w:60" if orientation < 5 else "w:40"
    assert np.array_equal(array(made(data, f"{wanted}/f:png")), expected)


def test_nonsense_in_the_tag_is_ignored() -> None:
    data = pictures.jpeg(pictures.with_orientation(MARKED, 6), Q=100)
    for value in (0, 9, 255):
        at = data.index(b"\x01\x12\x00\x03") if b"\x01\x12\x00\x03" in data else data.index(b"\x12\x01\x03\x00")
        damaged = bytearray(data)
        little = data[at] == 0x12
        damaged[at + 8 : at + 10] = value.to_bytes(2, "little" if little else "big")
        image = made(bytes(damaged), "f:png")
        assert (image.width, image.height) == (12, 8)
