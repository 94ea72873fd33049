"""What colours a picture has, and the hashes of how it looks."""

from __future__ import annotations

import hashlib

import pytest
import pyvips

from imgproxy_py.engine.info.colors import average, dominant_colors, has_transparency, palette, seen
from imgproxy_py.engine.info.hashes import hashsums, perceptual_hash
from tests import pictures

RED, BLUE = (255, 0, 0), (0, 0, 255)


def halves(left: tuple[int, int, int], right: tuple[int, int, int]) -> pyvips.Image:
    """Two colours, in a size that is seen as it is."""
    return pictures.solid(100, 100, left).insert(pictures.solid(50, 100, right), 50, 0)


def see_through(image: pyvips.Image, columns: int) -> pyvips.Image:
    """The image, its first columns wholly transparent."""
    alpha = pyvips.Image.black(image.width, image.height).cast("uchar") + 255
    clear = pyvips.Image.black(columns, image.height).cast("uchar")
    return image.bandjoin(alpha.cast("uchar").insert(clear, 0, 0)).copy(interpretation="srgb")


def told(red: int, green: int, blue: int, alpha: int = 255) -> dict[str, int]:
    return {"R": red, "G": green, "B": blue, "A": alpha}


def test_the_average_is_the_mean() -> None:
    assert average(seen(halves(RED, BLUE)), ignoring_transparent=True) == told(128, 0, 128)


def test_transparent_pixels_count_only_if_they_are_to() -> None:
    image = see_through(halves(RED, BLUE), 50)
    assert average(seen(image), ignoring_transparent=True) == told(0, 0, 255)
    assert average(seen(image), ignoring_transparent=False) == told(128, 0, 128, 128)
    nothing = see_through(halves(RED, BLUE), 100)
    assert average(seen(nothing), ignoring_transparent=True) == told(0, 0, 0, 0)


def test_grey_pictures_have_colours_too() -> None:
    grey = pictures.grey(pictures.solid(20, 20, (90, 90, 90)))
    assert average(seen(grey), ignoring_transparent=True) == told(90, 90, 90)


def test_a_palette_begins_with_what_covers_most() -> None:
    image = pictures.solid(100, 100, RED).insert(pictures.solid(30, 100, BLUE), 0, 0)
    image = image.insert(pictures.solid(10, 100, (0, 255, 0)), 90, 0)
    assert palette(seen(image), 16) == [told(*RED), told(*BLUE), told(0, 255, 0)]


@pytest.mark.parametrize("most", [2, 3, 7, 100, 256])
def test_a_palette_has_no_more_than_was_asked(most: int) -> None:
    assert 2 <= len(palette(seen(pictures.marked(300, 200)), most)) <= most


def test_what_stands_out_is_told_by_class() -> None:
    image = halves((230, 30, 30), (70, 10, 10))
    for top, color in ((0, (250, 180, 180)), (75, (130, 100, 100))):
        image = image.insert(pictures.solid(25, 25, color), 0, top)
    found = dominant_colors(seen(image), complete=False)
    assert found.keys() == {"vibrant", "dark_vibrant", "light_vibrant", "muted"}
    assert list(found["vibrant"].values()) == pytest.approx([230, 30, 30, 255], abs=2)
    assert list(found["dark_vibrant"].values()) == pytest.approx([70, 10, 10, 255], abs=2)
    assert list(found["muted"].values()) == pytest.approx([130, 100, 100, 255], abs=2)


@pytest.mark.parametrize("color", [RED, (128, 128, 128), (0, 0, 0), (255, 255, 255)])
def test_what_is_missing_is_made_if_wanted(color: tuple[int, int, int]) -> None:
    found = dominant_colors(seen(pictures.solid(50, 50, color)), complete=True)
    assert list(found) == ["vibrant", "light_vibrant", "dark_vibrant", "muted", "light_muted", "dark_muted"]
    grey = len(set(color)) == 1
    assert all((one["R"] == one["G"] == one["B"]) == grey for one in found.values())


def test_a_picture_of_nothing_has_no_dominant_colour() -> None:
    nothing = seen(see_through(halves(RED, BLUE), 100))
    assert dominant_colors(nothing, complete=False) == {}
    assert len(dominant_colors(nothing, complete=True)) == 6


def test_transparency_is_looked_for_in_pixels() -> None:
    opaque = pictures.with_alpha(pictures.solid(10, 10, RED))
    assert not has_transparency(pictures.solid(10, 10, RED))
    assert has_transparency(see_through(pictures.solid(10, 10, RED), 1))
    assert has_transparency(opaque) == bool(opaque[3].min() < 255)
    assert not has_transparency(pictures.solid(10, 10, RED).bandjoin(255).copy(interpretation="srgb"))


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_pictures_that_look_alike_have_near_hashes() -> None:
    picture = pictures.marked(600, 400)
    own = perceptual_hash(picture)
    assert len(own) == 16
    softer = pyvips.Image.new_from_buffer(pictures.jpeg(picture.resize(0.4)), "")
    assert distance(own, perceptual_hash(softer)) <= 6
    assert distance(own, perceptual_hash(picture * 0.8)) <= 6
    assert distance(own, perceptual_hash(picture.rot("d90"))) >= 16
    assert distance(own, perceptual_hash(halves(RED, BLUE))) >= 16


def test_digests_are_those_of_the_bytes() -> None:
    data = b"picture"
    assert hashsums(data, ("md5", "sha256")) == {
        "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
