"""The short way to sRGB gives what libvips gives."""

from __future__ import annotations

import threading
from itertools import product

import numpy as np
import pytest
import pyvips
from PIL import ImageCms

from imgproxy_py.engine import standard_colors
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.lcms import RGB, open_transform
from imgproxy_py.engine.standard_colors import standardised
from imgproxy_py.errors import DeadlineExceeded
from tests import pictures, profiles
from tests.unit.engine.making import array, distance, made, same

P3 = profiles.matrix_profile(profiles.DISPLAY_P3, profiles.srgb_curve)
ADOBE = profiles.matrix_profile(profiles.ADOBE_RGB, profiles.gamma(2.19921875))
WIDE = {
    "p3": P3,
    "libvips p3": pictures.profile_of(pictures.wide_gamut(pictures.marked(8, 8))),
    "adobe": ADOBE,
    "prophoto": profiles.matrix_profile(profiles.PROPHOTO, profiles.gamma(1.8)),
    "rec 2020": profiles.matrix_profile(profiles.REC_2020, profiles.gamma(2.4)),
    "gamma 2.2": profiles.matrix_profile(profiles.SRGB, profiles.gamma(2.2)),
    "coarse": profiles.matrix_profile(profiles.DISPLAY_P3, profiles.srgb_curve, points=64),
}
GREYS = {"1.8": profiles.grey_profile(profiles.gamma(1.8)), "2.2": profiles.grey_profile(profiles.gamma(2.2))}
SAME_AS_SRGB = {
    "little cms": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    "libvips": bytes(pyvips.Operation.call("profile_load", "srgb")),
    "1024 points": profiles.matrix_profile(profiles.SRGB, profiles.srgb_curve),
    "64 points": profiles.matrix_profile(profiles.SRGB, profiles.srgb_curve, points=64),
}


def all_colors() -> pyvips.Image:
    """Every colour in steps of 5."""
    levels = range(0, 256, 5)
    data = bytes(sample for color in product(levels, repeat=3) for sample in color)
    side = len(levels)
    return pyvips.Image.new_from_memory(data, side * side, side, 3, "uchar").copy(interpretation="srgb")


def exact(image: pyvips.Image, *, grey: bool = False) -> pyvips.Image:
    return image.icc_transform("sgrey" if grey else "srgb", embedded=True, pcs="xyz", depth=8)


def shortly(image: pyvips.Image, **options: bool) -> pyvips.Image:
    found = standardised(image, pictures.profile_of(image), Interrupt(), **options)
    assert found is not None
    return found


@pytest.mark.parametrize("name", WIDE)
def test_every_colour_is_what_libvips_makes_of_it(name: str) -> None:
    image = pictures.with_profile(all_colors(), WIDE[name])
    found = shortly(image)
    assert same(found, exact(image))
    assert not same(found, image)


@pytest.mark.parametrize("name", WIDE)
def test_alpha_is_as_it_was(name: str) -> None:
    image = pictures.with_profile(pictures.with_alpha(pictures.marked(60, 40)), WIDE[name])
    found = shortly(image)
    assert same(found, exact(image))
    assert same(found[3], image[3])


@pytest.mark.parametrize("name", GREYS)
@pytest.mark.parametrize("alpha", [False, True], ids=["", "alpha"])
def test_grey_is_what_libvips_makes_of_it(name: str, alpha: bool) -> None:
    ramp = pyvips.Image.identity().copy(interpretation="b-w")
    image = pictures.with_profile(pictures.with_alpha(ramp) if alpha else ramp, GREYS[name])
    found = shortly(image)
    assert same(found, exact(image, grey=True))
    assert not same(found, image)


@pytest.mark.parametrize("name", SAME_AS_SRGB)
def test_srgb_by_another_name_is_left_alone_and_no_colour_is_more_than_a_step_off(name: str) -> None:
    image = pictures.with_profile(all_colors(), SAME_AS_SRGB[name])
    assert shortly(image) is image
    converted = exact(image)
    assert np.abs(array(converted).astype(int) - array(image)).max() <= 1
    mean, most = distance(converted, image)
    assert mean < 0.1
    assert most < 1.1


def test_an_operator_may_have_near_srgb_converted() -> None:
    image = pictures.with_profile(all_colors(), SAME_AS_SRGB["64 points"])
    converted = exact(image)
    assert not same(converted, image)
    assert same(shortly(image, even_near=True), converted)
    data = pictures.png(image)
    assert same(made(data), pictures.without_profile(image))
    assert same(made(data, convert_near_srgb=True), pictures.without_profile(converted))


def test_metadata_stays() -> None:
    image = pictures.with_field(pictures.with_profile(pictures.animation(3), P3), "exif-ifd0-Artist", "somebody")
    found = shortly(image)
    assert same(found, exact(image))
    assert found.get("page-height") == image.get("page-height")
    assert found.get("exif-ifd0-Artist") == "somebody"
    assert found.interpretation == "srgb"


def test_the_original_image_keeps_its_pixels() -> None:
    image = pictures.with_profile(pictures.marked(60, 40), P3).copy_memory()
    before = image.copy_memory().write_to_memory()[:]
    shortly(image).copy_memory()
    assert image.write_to_memory()[:] == before


@pytest.mark.parametrize(
    "image",
    [
        pictures.with_profile(pictures.deep(pictures.marked(8, 8)), P3),
        pictures.with_profile(pictures.marked(8, 8), profiles.with_tag(P3, b"A2B0", b"mft2" + bytes(60))),
        pictures.with_profile(pictures.marked(8, 8), GREYS["2.2"]),
        pictures.with_profile(pictures.grey(pictures.marked(8, 8)), P3),
        pictures.with_profile(pictures.marked(8, 8), bytes(200)),
        pictures.with_profile(pictures.marked(8, 8), P3[:200]),
        pictures.with_profile(pictures.marked(8, 8), P3 + bytes(64 * 1024)),
        pictures.cmyk(pictures.marked(8, 8)),
    ],
    ids=["16 bits", "tables", "a grey profile", "grey in colour", "zeros", "cut", "large", "cmyk"],
)
def test_anything_else_is_left_to_libvips(image: pyvips.Image) -> None:
    assert standardised(image, pictures.profile_of(image), Interrupt()) is None


def test_large_pictures_are_left_to_libvips_unless_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standard_colors, "_LARGEST_PICTURE", 60 * 40 - 1)
    wide = pictures.with_profile(pictures.marked(60, 40), P3)
    near = pictures.with_profile(pictures.marked(60, 40), SAME_AS_SRGB["libvips"])
    assert standardised(wide, P3, Interrupt()) is None
    assert shortly(near) is near


def test_parts_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    image = pictures.with_profile(pictures.noise(61, 43), ADOBE)
    monkeypatch.setattr(standard_colors, "_AT_ONCE", 101)
    assert same(shortly(image), exact(image))


def test_it_ends_when_told_to() -> None:
    interrupt = Interrupt()
    interrupt.stop()
    with pytest.raises(DeadlineExceeded):
        standardised(pictures.with_profile(pictures.marked(8, 8), P3), P3, interrupt)


def test_one_transform_serves_many_threads() -> None:
    image = pictures.with_profile(all_colors(), ADOBE).copy_memory()
    expected, wrong = exact(image), []

    def work() -> None:
        for _ in range(5):
            if not same(shortly(image), expected):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong


def test_without_little_cms_libvips_does_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    image = pictures.with_profile(pictures.marked(60, 40), P3)
    data = pictures.png(image)
    expected = made(data)
    standard_colors._known.cache_clear()
    monkeypatch.setattr(standard_colors, "open_transform", lambda *_: None)
    assert standardised(image, P3, Interrupt()) is None
    assert same(made(data), expected)
    standard_colors._known.cache_clear()


def test_profiles_of_other_colours_have_no_transform() -> None:
    assert open_transform(P3, GREYS["2.2"], RGB) is None
    assert open_transform(b"", P3, RGB) is None
