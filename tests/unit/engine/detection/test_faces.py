"""Faces, found by the real network. The face is drawn, so that tests need no photograph; docs/detection.md has the others."""

from __future__ import annotations

import pytest
import pyvips

from imgproxy_py.engine.detection.faces import FaceDetector
from imgproxy_py.engine.detection.looking import pixels_of, pixels_of_file, upright
from imgproxy_py.engine.detection.port import Detection, Pixels
from imgproxy_py.engine.detection.runtime import face_weights
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.loading import ImageFile
from imgproxy_py.errors import DeadlineExceeded
from imgproxy_py.recipe.formats import sniff
from tests import faces, pictures

PATH = face_weights()
pytestmark = pytest.mark.skipif(PATH is None, reason="needs the extra `detection`")


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    assert PATH is not None
    return FaceDetector(PATH, confidence=0.6)


def pixels(image: pyvips.Image) -> Pixels:
    return pixels_of(image, 640, Interrupt())


def middle(one: Detection, width: int, height: int) -> tuple[float, float]:
    return (one.left + one.width / 2) * width, (one.top + one.height / 2) * height


@pytest.mark.parametrize(
    ("width", "height", "place"),
    [
        (800, 600, (150, 60, 240)),
        (600, 800, (300, 500, 120)),
        (1600, 900, (1200, 40, 150)),
        (200, 150, (60, 20, 80)),
        (640, 640, (20, 40, 560)),
        (3000, 700, (2500, 200, 300)),
    ],
)
def test_a_face_is_found_where_it_is(
    detector: FaceDetector, width: int, height: int, place: tuple[int, int, int]
) -> None:
    (one,) = detector.detect(pixels(faces.crowd(width, height, place)))
    x, y = middle(one, width, height)
    expected = faces.middle(*place)
    assert x == pytest.approx(expected[0], abs=place[2] * 0.06)
    assert y == pytest.approx(expected[1], abs=place[2] * 0.10)
    assert one.width * width == pytest.approx(place[2] * 0.52, rel=0.15)
    assert (one.class_id, one.class_name) == (0, "face")
    assert 0.6 <= one.confidence <= 1


def test_several_faces_of_different_sizes_are_found(detector: FaceDetector) -> None:
    places = [(50, 60, 240), (400, 100, 120), (560, 300, 200), (300, 420, 60)]
    found = detector.detect(pixels(faces.crowd(800, 600, *places)))
    assert len(found) == 4
    assert [one.confidence for one in found] == sorted((one.confidence for one in found), reverse=True)


def test_a_face_that_fills_the_picture_is_found(detector: FaceDetector) -> None:
    image = faces.crowd(400, 480, (0, 0, 480)).crop(70, 70, 260, 350)
    assert len(detector.detect(pixels(image))) == 1


@pytest.mark.parametrize(
    "image",
    [pictures.marked(600, 400), pictures.noise(500, 400), pictures.solid(300, 300), faces.crowd(640, 480)],
    ids=["marked", "noise", "solid", "ground"],
)
def test_without_a_face_nothing_is_found(detector: FaceDetector, image: pyvips.Image) -> None:
    assert detector.detect(pixels(image)) == ()


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (2, 3)])
def test_the_smallest_pictures_can_be_looked_at(detector: FaceDetector, size: tuple[int, int]) -> None:
    assert detector.detect(pixels(pictures.solid(*size))) == ()


# --- how originals are looked at -----------------------------------------------------------------------------------------


def looked_at(data: bytes, side: int = 640) -> Pixels:
    kind = sniff(data)
    assert kind is not None
    return pixels_of_file(ImageFile(data=data, format=kind), side, Interrupt())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_original_is_looked_at_the_right_way_up(detector: FaceDetector, orientation: int) -> None:
    place = (100, 40, 200)
    seen = faces.crowd(600, 400, place)
    data = pictures.jpeg(faces.stored_for(seen, orientation))
    assert len(detector.detect(looked_at(data))) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_is_upright_is_found_again_in_the_stored_picture(orientation: int) -> None:
    seen = pictures.solid(80, 40, (0, 0, 0)).draw_rect([255, 255, 255], 8, 4, 8, 4, fill=True)
    stored = faces.stored_for(seen, orientation)
    box = upright(orientation).cut(8 / 80, 4 / 40, 8 / 80, 4 / 40).box
    left, top = round(box.left * stored.width), round(box.top * stored.height)
    width, height = round(box.width * stored.width), round(box.height * stored.height)
    assert stored.crop(left, top, width, height).avg() == 255
    assert stored.avg() == pytest.approx(255 * 32 / 3200)


@pytest.mark.parametrize(
    "data",
    [
        pictures.png(pictures.with_alpha(pictures.marked(900, 300))),
        pictures.png(pictures.grey(pictures.marked(900, 300))),
        pictures.png(pictures.deep(pictures.marked(900, 300))),
        pictures.jpeg(pictures.marked(3000, 1000)),
        pictures.webp(pictures.marked(900, 300)),
    ],
    ids=["alpha", "grey", "16 bits", "large", "webp"],
)
def test_any_picture_gets_its_size_and_is_rgb(data: bytes) -> None:
    found = looked_at(data, 320)
    assert (found.width, found.height) == (320, 107)
    assert len(found.data) == 320 * 107 * 3


def test_a_small_original_becomes_large() -> None:
    found = looked_at(pictures.png(pictures.marked(60, 40)))
    assert (found.width, found.height) == (640, 427)


def test_looking_stops_when_told_to() -> None:
    interrupt = Interrupt()
    interrupt.stop()
    with pytest.raises(DeadlineExceeded):
        pixels_of(pictures.marked(60, 40), 640, interrupt)
