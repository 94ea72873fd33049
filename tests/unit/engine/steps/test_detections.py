"""Blurring what was detected, and drawing where (dialect §5.2)."""

from __future__ import annotations

import numpy as np
import pytest
import pyvips

from imgproxy_py.engine.detection.looking import pixels_of
from imgproxy_py.engine.detection.objects import ObjectDetection
from imgproxy_py.engine.detection.port import Detection
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.steps.detections import COLORS
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import BadRequest
from tests import faces, pictures
from tests.faces import FakeDetector, found
from tests.unit.engine.making import array, made, opened, recipe_of, same

CLASSES = ("face", "cat", "<dog> & co")


def transformer(*detections: Detection, classes: tuple[str, ...] = CLASSES, **settings: object) -> Transformer:
    one = Transformer(EngineSettings(workers=1, face_detection=False, **settings))  # type: ignore[arg-type]
    detectors = [FakeDetector(*detections, classes=classes)] if classes else []
    one.detection = ObjectDetection(detectors, max_bytes=1 << 20)
    return one


def picture(image: pyvips.Image, options: str, *detections: Detection) -> pyvips.Image:
    recipe = recipe_of(f"{options}/f:png")
    return opened(transformer(*detections).transform(pictures.png(image), recipe, Interrupt()).data)


def changed(one: pyvips.Image, other: pyvips.Image) -> tuple[int, int, int, int]:
    """Left, top, width and height of where two pictures differ."""
    differs = (np.abs(array(one).astype(int) - array(other).astype(int)).max(axis=2)) > 0
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    return int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


FACE = found(0.25, 0.5, 0.25, 0.25)
CAT = found(0.75, 0.0, 0.25, 0.25, "cat", 0.5, 1)


# --- blur_detections -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("bd:5:face", (50, 50, 50, 25)),
        ("blur_detections:5:cat", (150, 0, 50, 25)),
        ("bd:5", (50, 0, 150, 75)),
        ("bd:5:all", (50, 0, 150, 75)),
        ("bd:5:face/fl:1", (100, 50, 50, 25)),
        ("bd:5:face/rot:90", (25, 50, 25, 50)),
        ("bd:5:face/c:100:50:nowe:25:25", (25, 25, 50, 25)),
        ("bd:5:face/pd:10", (60, 60, 50, 25)),
    ],
)
def test_what_is_detected_is_blurred_and_nothing_else(options: str, expected: tuple[int, int, int, int]) -> None:
    image = pictures.noise(200, 100)
    blurred = picture(image, options, FACE, CAT)
    plain = picture(image, "/".join(one for one in options.split("/") if not one.startswith(("bd", "blur"))) or "q:80")
    assert changed(blurred, plain) == expected


def test_blurring_takes_the_detail_away() -> None:
    image = pictures.noise(200, 100)
    left, top, width, height = 50, 50, 50, 25
    before, after = (one.crop(left, top, width, height).deviate() for one in (image, picture(image, "bd:5", FACE)))
    assert after < before / 4


def test_objects_that_are_cut_away_change_nothing() -> None:
    image = pictures.noise(200, 100)
    options = "c:20:20:nowe"
    assert same(picture(image, f"{options}/bd:5", FACE, CAT), picture(image, options))


def test_without_objects_and_without_sigma_nothing_changes() -> None:
    image = pictures.noise(200, 100)
    assert same(picture(image, "bd:5"), image)
    assert same(picture(image, "bd:0", FACE), image)


@pytest.mark.parametrize("options", ["bd:5:dog", "bd:5:face:dog", "dd:1:dog"])
def test_a_class_that_nobody_finds_is_refused(options: str) -> None:
    with pytest.raises(BadRequest) as refused:
        picture(pictures.noise(200, 100), options, FACE)
    assert refused.value.wrong[0].value == "dog"


@pytest.mark.parametrize("options", ["bd:5", "bd:5:all", "bd:5:face", "dd:1"])
def test_an_installation_that_finds_nothing_refuses(options: str) -> None:
    with pytest.raises(BadRequest):
        transformer(classes=()).transform(pictures.png(pictures.noise(60, 40)), recipe_of(options), Interrupt())


def test_each_frame_of_an_animation_is_looked_at() -> None:
    one = transformer(FACE, max_animation_frames=10)
    data = pictures.gif(pictures.animation(3, 40, 40))
    one.transform(data, recipe_of("bd:3/f:gif"), Interrupt())
    detector = one.detection.detectors[0]
    assert isinstance(detector, FakeDetector)
    assert len(detector.looked_at) == 3


# --- draw_detections -----------------------------------------------------------------------------------------------------


def test_a_frame_is_drawn_around_each_object() -> None:
    image = pictures.solid(400, 400, (200, 200, 200))
    drawn = picture(image, "dd:1", found(0.25, 0.5, 0.5, 0.25))
    for point in ((100, 250), (299, 250), (200, 299), (200, 200)):
        assert drawn(*point) == list(COLORS[0])
    for point in ((200, 250), (97, 250), (305, 250), (200, 305)):
        assert drawn(*point) == [200, 200, 200]


def test_each_class_has_its_color() -> None:
    drawn = picture(pictures.solid(400, 400, (200, 200, 200)), "dd:1", FACE, CAT)
    assert drawn(150, 299) == list(COLORS[0])
    assert drawn(350, 99) == list(COLORS[1])


def test_class_and_confidence_stand_above_the_frame() -> None:
    image = pictures.solid(400, 400, (200, 200, 200))
    one, other = (picture(image, "dd:1", found(0.25, 0.5, 0.5, 0.25, "face", value)) for value in (0.91, 0.55))
    left, top, width, height = changed(one, image)
    assert (left, width) == (100, 200)
    assert 170 <= top <= 190  # the text is above the frame, which begins at 200
    assert top + height == 300
    assert changed(one, other)[1] >= top  # another number is written
    assert one.crop(100, top, 40, 200 - top).max() == 255  # in white


def test_texts_are_no_markup() -> None:
    image = pictures.solid(400, 400, (200, 200, 200))
    drawn = picture(image, "dd:1", found(0.25, 0.5, 0.5, 0.25, "<dog> & co", 0.9, 2))
    assert changed(drawn, image)[2] >= 200


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0.9, 0.95, 0.1, 0.05), (0, 0.98, 0.01, 0.02), (0.999, 0, 0.001, 1)])
@pytest.mark.parametrize("size", [(400, 300), (20, 12), (1, 1), (3, 200)])
def test_frames_and_texts_at_the_edge_stay_in_the_picture(
    box: tuple[float, float, float, float], size: tuple[int, int]
) -> None:
    drawn = picture(pictures.solid(*size), "dd:1", found(*box))
    assert (drawn.width, drawn.height) == size


@pytest.mark.parametrize(
    "image",
    [
        pictures.grey(pictures.marked(120, 80)),
        pictures.with_alpha(pictures.marked(120, 80)),
        pictures.deep(pictures.marked(120, 80)),
    ],
    ids=["grey", "alpha", "16 bits"],
)
@pytest.mark.parametrize("more", ["", "/ph:1"])
def test_any_kind_of_picture_can_be_drawn_on(image: pyvips.Image, more: str) -> None:
    drawn = picture(image, f"dd:1{more}", found(0.1, 0.3, 0.5, 0.5))
    scale = 257 if drawn.format == "ushort" else 1
    assert drawn.hasalpha() == image.hasalpha()
    assert drawn(12, 40)[:3] == [band * scale for band in COLORS[0]]


def test_frames_are_not_blurred_and_padding_moves_them() -> None:
    image = pictures.solid(400, 400, (200, 200, 200))
    drawn = picture(image, "dd:1/bl:5/pd:10", found(0.25, 0.5, 0.5, 0.25))
    assert drawn(110, 260)[:3] == list(COLORS[0])


def test_off_draws_nothing() -> None:
    image = pictures.solid(40, 40)
    assert same(picture(image, "dd:0", FACE), image)


# --- the real thing ------------------------------------------------------------------------------------------------------


def test_a_face_is_no_longer_found_once_it_is_blurred() -> None:
    place = (300, 100, 240)
    data = pictures.png(faces.crowd(800, 500, place))
    blurred, plain = made(data, "bd:20:face/f:png"), made(data)
    x, y = (round(one) for one in faces.middle(*place))
    left, top, width, height = changed(blurred, plain)
    assert left < x < left + width
    assert top < y < top + height
    assert width * height < 0.1 * 800 * 500
    detection = Transformer(EngineSettings(workers=1)).detection
    assert len(detection.search((), lambda side: pixels_of(plain, side, Interrupt()))) == 1
    assert detection.search((), lambda side: pixels_of(blurred, side, Interrupt())) == ()
