"""Cuts that follow objects (dialect §5.1)."""

from __future__ import annotations

import pytest
import pyvips

from imgproxy_py.engine.detection.objects import ObjectDetection
from imgproxy_py.engine.detection.port import Detection
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from tests import faces, pictures
from tests.faces import FakeDetector, found
from tests.unit.engine.making import made, opened, recipe_of, same

BLOCK = (230, 20, 20)
GROUND = (20, 40, 230)


def scene(width: int, height: int, left: int, top: int, side: int = 40) -> pyvips.Image:
    """A red block on blue."""
    return pictures.solid(width, height, GROUND).draw_rect(list(BLOCK), left, top, side, side, fill=True).copy_memory()


def at(width: int, height: int, left: int, top: int, side: int = 40, name: str = "face") -> Detection:
    """The detection of that block."""
    return found(left / width, top / height, side / width, side / height, name)


def cut(data: bytes, options: str, *detections: Detection, **settings: object) -> pyvips.Image:
    """The picture that is made when these are detected, whatever is seen."""
    transformer = Transformer(EngineSettings(workers=1, face_detection=False, **settings))  # type: ignore[arg-type]
    detector = FakeDetector(*detections, classes=("face", "cat", "dog"))
    transformer.detection = ObjectDetection([detector], max_bytes=1 << 20)
    return opened(transformer.transform(data, recipe_of(f"{options}/f:png"), Interrupt()).data)


def block(image: pyvips.Image) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is red."""
    red = (image[0] > 128) & (image[2] < 128)
    left, top, width, height = red.ifthenelse(255, 0).find_trim(threshold=128, background=[0])
    return left, top, width, height


# --- gravity:obj ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option", ["rs:fill:100:100/g:obj:face", "rs:fill:100:100/g:obj", "rs:fill:100:100/g:objw:face:2"]
)
@pytest.mark.parametrize("left", [5, 120, 250])
def test_the_second_cut_shows_the_object(option: str, left: int) -> None:
    image = cut(pictures.png(scene(300, 100, left, 30)), option, at(300, 100, left, 30))
    assert (image.width, image.height) == (100, 100)
    assert block(image)[2:] == (40, 40)
    expected = min(max(0, left + 20 - 50), 200)
    assert block(image)[0] == left - expected


def test_the_first_cut_shows_the_object() -> None:
    image = cut(pictures.png(scene(300, 200, 200, 60)), "c:100:100:obj:face", at(300, 200, 200, 60))
    assert block(image) == (30, 30, 40, 40)


def test_the_general_gravity_counts_for_the_first_cut() -> None:
    image = cut(pictures.png(scene(300, 200, 200, 60)), "c:100:100/g:obj", at(300, 200, 200, 60))
    assert block(image) == (30, 30, 40, 40)


def test_both_cuts_follow_the_object() -> None:
    image = cut(pictures.png(scene(400, 400, 300, 60)), "c:200:200/rs:fill:50:100/g:obj", at(400, 400, 300, 60))
    left, top, width, height = block(image)
    assert (image.width, image.height) == (50, 100)
    assert abs(left + width / 2 - 25) <= 1
    assert abs(top + height / 2 - 40) <= 1  # the first cut could not go higher


def test_only_the_named_classes_count() -> None:
    both = [at(300, 100, 10, 30, name="cat"), at(300, 100, 230, 30, name="dog")]
    data = pictures.png(scene(300, 100, 10, 30))
    assert block(cut(data, "rs:fill:100:100/g:obj:cat", *both))[0] == 10
    assert block(cut(data, "rs:fill:100:100/g:obj:dog", *both))[2] == 0


def test_weights_choose_among_objects() -> None:
    both = [at(300, 100, 10, 30, name="cat"), at(300, 100, 230, 30, name="dog")]
    data = pictures.png(scene(300, 100, 10, 30))
    assert block(cut(data, "rs:fill:100:100/g:objw:cat:2:dog:1", *both))[2] == 40
    assert block(cut(data, "rs:fill:100:100/g:objw:cat:1:dog:2", *both))[2] == 0
    assert block(cut(data, "rs:fill:100:100/g:objw:all:1:cat:2", *both))[2] == 40
    assert block(cut(data, "rs:fill:100:100/g:objw:all:3:cat:2", *both))[2] == 0


def test_confidence_chooses_among_equals() -> None:
    sure, unsure = (
        found(230 / 300, 0.3, 40 / 300, 0.4, confidence=0.9),
        found(10 / 300, 0.3, 40 / 300, 0.4, confidence=0.6),
    )
    data = pictures.png(scene(300, 100, 230, 30))
    assert block(cut(data, "rs:fill:100:100/g:obj", unsure, sure))[2] == 40


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("ce", (30, 30)),
        ("nowe", (0, 0)),
        ("soea", (60, 60)),
        ("we:10", (10, 30)),
        ("fp:0.2:0.8", (0, 60)),
        ("prop", (47, 20)),
    ],
)
def test_the_place_of_the_object_can_be_chosen(place: str, expected: tuple[int, int]) -> None:
    image = cut(pictures.png(scene(300, 200, 180, 60)), f"c:100:100:obj/op:{place}", at(300, 200, 180, 60))
    assert block(image)[:2] == expected


def test_offsets_of_the_place_count_in_device_pixels() -> None:
    image = cut(pictures.png(scene(300, 200, 60, 60)), "rs:fill:50:50/dpr:2/g:obj/op:nowe:10", at(300, 200, 60, 60))
    assert block(image)[0] == 20


def test_the_mean_of_all_objects_can_be_wanted() -> None:
    both = [at(400, 100, 0, 30), at(400, 100, 300, 30)]
    image = cut(
        pictures.png(scene(400, 100, 150, 30)),
        "rs:fill:100:100/g:obj",
        *both,
        object_detection_gravity_mode="avg_center",
    )
    assert block(image)[0] == 30


@pytest.mark.parametrize("orientation", range(1, 9))
def test_objects_are_found_again_whatever_the_orientation(orientation: int) -> None:
    seen = scene(300, 200, 200, 20)
    data = pictures.png(faces.stored_for(seen, orientation))
    image = cut(data, "c:100:100:obj", at(300, 200, 200, 20))
    assert block(image) == (30, 20, 40, 40)


TURNS = ["rot:90", "rot:180", "rot:270", "fl:1", "fl:0:1", "rot:90/fl:1", "rot:270/fl:1:1"]


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("option", ["c:100:100:obj", "crop_objects:2"])
def test_the_first_cut_follows_rotation_and_flips(option: str, turn: str, orientation: int) -> None:
    data = pictures.png(faces.stored_for(scene(400, 400, 240, 100), orientation))
    left, top, width, height = block(cut(data, f"{option}/{turn}", at(400, 400, 240, 100)))
    assert width == height == 40
    middle = 40 if "objects" in option else 50
    assert abs(left + 20 - middle) <= 1
    assert abs(top + 20 - middle) <= 1


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
@pytest.mark.parametrize("turn", TURNS)
def test_the_second_cut_follows_rotation_and_flips(turn: str, orientation: int) -> None:
    data = pictures.png(faces.stored_for(scene(600, 400, 320, 40), orientation))
    image = cut(data, f"rs:fill:100:100/g:obj/{turn}", at(600, 400, 320, 40))
    left, top, _, _ = block(image)
    along = top if "90" in turn or "270" in turn else left
    assert abs(along + 5 - 50) <= 1


def test_auto_rotate_switched_off_finds_the_object_too() -> None:
    data = pictures.png(faces.stored_for(scene(300, 200, 200, 20), 6))
    image = cut(data, "c:100:100:obj/ar:0", at(300, 200, 200, 20))
    assert block(image)[2:] == (40, 40)


def test_cuts_follow_a_trimmed_border() -> None:
    inner = scene(300, 200, 200, 60)
    bordered = inner.embed(50, 30, 400, 300, background=[255, 255, 255])
    image = cut(pictures.png(bordered), "t:10:ffffff/c:100:100:obj", at(400, 300, 250, 90))
    assert block(image) == (30, 30, 40, 40)


def test_later_stages_know_the_objects_of_the_original() -> None:
    image = cut(pictures.png(scene(400, 400, 300, 300)), "w:200/pd:20|c:60:60:obj", at(400, 400, 300, 300))
    assert block(image) == (20, 20, 20, 20)


def test_scale_on_load_moves_nothing() -> None:
    data = pictures.jpeg(scene(1600, 800, 1200, 200, 160), Q=95)
    image = cut(data, "c:400:400:obj/w:50", at(1600, 800, 1200, 200, 160))
    left, top, width, height = block(image)
    assert abs(left + width / 2 - 25) <= 1
    assert abs(top + height / 2 - 25) <= 1


# --- without objects -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["rs:fill:40:40/g:{}", "c:40:40:{}"])
def test_without_objects_the_cut_is_a_smart_one(option: str) -> None:
    data = pictures.png(scene(200, 100, 20, 50, 20))
    assert same(cut(data, option.format("obj:face")), made(data, option.format("sm") + "/f:png"))


def test_without_objects_the_cut_may_be_in_the_middle() -> None:
    data = pictures.png(scene(200, 100, 20, 50, 20))
    settings = {"object_detection_fallback_to_smart_crop": False}
    assert same(cut(data, "rs:fill:40:40/g:obj:face", **settings), made(data, "rs:fill:40:40/f:png"))


def test_an_installation_that_finds_nothing_falls_back_too() -> None:
    data = pictures.png(scene(200, 100, 20, 50, 20))
    image = made(data, "rs:fill:40:40/g:obj:face/f:png", face_detection=False)
    assert same(image, made(data, "rs:fill:40:40/g:sm/f:png"))


def test_where_nothing_is_cut_nothing_is_looked_for() -> None:
    transformer = Transformer(EngineSettings(workers=1, face_detection=False))
    detector = FakeDetector()
    transformer.detection = ObjectDetection([detector])
    data = pictures.png(scene(200, 100, 20, 50, 20))
    transformer.transform(data, recipe_of("rs:fit:100:100/g:obj:face"), Interrupt())
    transformer.transform(data, recipe_of("rs:fill:100:50/g:obj:face"), Interrupt())
    assert detector.looked_at == []


def test_ten_sizes_of_one_original_look_once() -> None:
    transformer = Transformer(EngineSettings(workers=1, face_detection=False))
    detector = FakeDetector(at(200, 100, 20, 50, 20))
    transformer.detection = ObjectDetection([detector], max_bytes=1 << 20)
    data = pictures.png(scene(200, 100, 20, 50, 20))
    for side in range(10, 110, 10):
        transformer.transform(data, recipe_of(f"rs:fill:{side}:{side}/g:obj"), Interrupt())
    assert len(detector.looked_at) == 1


# --- crop_objects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "size", "expected"),
    [
        ("crop_objects:1", (40, 40), (0, 0, 40, 40)),
        ("crop_objects:2", (80, 80), (20, 20, 40, 40)),
        ("co:2:face", (80, 80), (20, 20, 40, 40)),
        ("co:1.5:face:cat", (60, 60), (10, 10, 40, 40)),
        ("crop_objects:2/c:10:10", (80, 80), (20, 20, 40, 40)),
        ("crop_objects:2/op:no", (80, 80), (20, 0, 40, 40)),
        ("crop_objects:2/w:40", (40, 40), (10, 10, 20, 20)),
        ("crop_objects:1/rs:fill:80:40", (80, 40), (20, 0, 40, 40)),
        ("crop_objects:1/rs:fit:20:20", (20, 20), (0, 0, 20, 20)),
        ("crop_objects:2/car:2", (80, 40), (20, 0, 40, 40)),
        ("crop_objects:100", (300, 200), (200, 60, 40, 40)),
        ("crop_objects:2:dog", (300, 200), (200, 60, 40, 40)),
    ],
)
def test_the_picture_is_cut_to_the_objects(
    option: str, size: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    image = cut(pictures.png(scene(300, 200, 200, 60)), option, at(300, 200, 200, 60))
    assert (image.width, image.height) == size
    assert block(image) == expected


def test_without_objects_the_crop_option_counts() -> None:
    image = cut(pictures.png(scene(300, 200, 200, 60)), "crop_objects:2/c:100:50")
    assert (image.width, image.height) == (100, 50)


# --- the real thing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [40, 500, 900])
def test_a_face_is_cut_out(left: int) -> None:
    data = pictures.jpeg(faces.crowd(1200, 400, (left, 80, 240)))
    image = made(data, "rs:fill:300:300/g:obj:face/f:png")
    whole = made(data, "rs:fit:0:300/f:png")
    middle = min(max(150, (left + 100) * 0.75), 750)
    expected = whole.crop(round(middle) - 150, 0, 300, 300)
    assert (image - expected).abs().avg() < 12  # a few pixels beside it at most
