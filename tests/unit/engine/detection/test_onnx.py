"""Networks that the operator names, run by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pyvips
from pydantic import ValidationError

from imgproxy_py.engine.detection import runtime
from imgproxy_py.engine.detection.looking import pixels_of
from imgproxy_py.engine.detection.onnx import NETWORKS, OnnxDetector
from imgproxy_py.engine.detection.opening import open_detection, warnings
from imgproxy_py.engine.detection.settings import DetectionSettings, NetType
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.errors import ImgproxyError
from imgproxy_py.kinds import UnusableSetting
from tests import pictures
from tests.unit.engine.detection.networks import red_and_green

pytestmark = pytest.mark.skipif(not runtime.is_installed(), reason="needs the extra `detection`")

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
CLASSES = {"yolov10": ("red",)}


def detector(folder: Path, kind: NetType = "yolov8", side: int = 160, **given: object) -> OnnxDetector:
    path = folder / f"{kind}.onnx"
    path.write_bytes(red_and_green(kind, side))
    options = {
        "classes": CLASSES.get(kind, ("red", "green")),
        "kind": kind,
        "side": side,
        "confidence": 0.5,
        "overlap": 0.4,
    }
    return OnnxDetector(path, **{**options, **given})  # type: ignore[arg-type]


def scene(width: int, height: int, *blocks: tuple[tuple[int, int, int], int, int, int]) -> pyvips.Image:
    image = pictures.solid(width, height, BLUE)
    for color, left, top, side in blocks:
        image = image.draw_rect(list(color), left, top, side, side, fill=True)
    return image


def found(one: OnnxDetector, image: pyvips.Image) -> list[tuple[str, int, int, int, int]]:
    width, height = image.width, image.height
    return [
        (
            each.class_name,
            round(each.left * width),
            round(each.top * height),
            round(each.width * width),
            round(each.height * height),
        )
        for each in one.detect(pixels_of(image, one.side, Interrupt()))
    ]


@pytest.mark.parametrize("kind", sorted(NETWORKS))
def test_objects_are_found_where_they_are(tmp_path: Path, kind: NetType) -> None:
    image = scene(160, 160, (RED, 96, 32, 32))
    assert found(detector(tmp_path, kind), image) == [("red", 96, 32, 32, 32)]


@pytest.mark.parametrize("kind", sorted(set(NETWORKS) - {"yolov10"}))
def test_classes_are_told_apart(tmp_path: Path, kind: NetType) -> None:
    image = scene(160, 160, (RED, 0, 0, 32), (GREEN, 64, 128, 32))
    assert sorted(found(detector(tmp_path, kind), image)) == [("green", 64, 128, 32, 32), ("red", 0, 0, 32, 32)]


def test_larger_pictures_are_made_smaller_and_boxes_large_again(tmp_path: Path) -> None:
    image = scene(640, 320, (RED, 128, 128, 128))
    assert found(detector(tmp_path), image) == [("red", 128, 128, 128, 128)]


def test_smaller_pictures_are_made_larger(tmp_path: Path) -> None:
    image = scene(40, 20, (RED, 8, 8, 8))
    assert found(detector(tmp_path), image) == [("red", 8, 8, 8, 8)]


def test_the_threshold_of_confidence_counts(tmp_path: Path) -> None:
    image = scene(160, 160, ((150, 0, 0), 32, 32, 32))
    assert found(detector(tmp_path), image) == [("red", 32, 32, 32, 32)]
    assert found(detector(tmp_path, confidence=0.7), image) == []


def test_red_and_blue_may_be_exchanged(tmp_path: Path) -> None:
    image = pictures.solid(160, 160, (0, 0, 0)).draw_rect(list(BLUE), 64, 64, 32, 32, fill=True)
    assert found(detector(tmp_path, swap_colors=True), image) == [("red", 64, 64, 32, 32)]
    assert found(detector(tmp_path), image) == []


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("yolov8", {"classes": ("red",)}),
        ("yolov8", {"classes": ("red", "green", "blue")}),
        ("yolov5", {"kind": "yolov8"}),
        ("yolov8", {"kind": "yolov10"}),
        ("yolov5", {"kind": "yolox"}),
        ("yolov8", {"side": 320}),
    ],
)
def test_a_network_that_does_not_fit_is_refused_at_once(
    tmp_path: Path, kind: NetType, given: dict[str, object]
) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(red_and_green(kind, 160))
    options = {"classes": ("red", "green"), "kind": kind, "side": 160, "confidence": 0.5, "overlap": 0.4}
    with pytest.raises(ImgproxyError):
        OnnxDetector(path, **{**options, **given})  # type: ignore[arg-type]


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"nothing")
    with pytest.raises(ImgproxyError):
        OnnxDetector(path, classes=("red",), kind="yolov8", side=160, confidence=0.5, overlap=0.4)


# --- from settings -------------------------------------------------------------------------------------------------------


def settings(folder: Path, names: str = "red\ngreen=3\n", **given: object) -> DetectionSettings:
    (folder / "net.onnx").write_bytes(red_and_green("yolov8", 160))
    (folder / "net.names").write_text(names)
    options = {
        "object_detection_net": folder / "net.onnx",
        "object_detection_classes": folder / "net.names",
        "object_detection_net_type": "yolov8",
        "object_detection_net_size": 160,
    }
    return DetectionSettings.model_validate({**options, **given})


def test_the_operators_network_is_joined_by_faces(tmp_path: Path) -> None:
    detection = open_detection(settings(tmp_path))
    assert detection.classes == ("red", "green", "face")
    assert detection.weights == {"green": 3.0}


def test_a_network_that_knows_faces_finds_them_alone(tmp_path: Path) -> None:
    assert open_detection(settings(tmp_path, "red\nface\n")).classes == ("red", "face")


def test_faces_can_be_switched_off() -> None:
    assert open_detection(DetectionSettings(face_detection=False)).classes == ()


@pytest.mark.parametrize("names", ["", "\n", "red\nred\n", "red=much\ngreen\n", "red\n"])
def test_a_wrong_file_of_classes_is_refused(tmp_path: Path, names: str) -> None:
    with pytest.raises(UnusableSetting):
        open_detection(settings(tmp_path, names))


@pytest.mark.parametrize("name", ["object_detection_net", "object_detection_classes"])
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValidationError, match="a file"):
        settings(tmp_path, **{name: tmp_path / "missing"})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"object_detection_classes": None}, "IMGPROXY_OBJECT_DETECTION_CLASSES='': expected a text file"),
        ({"names": "red=much\ngreen"}, "IMGPROXY_OBJECT_DETECTION_CLASSES=.* not 'red=much'"),
        ({"names": "red\nred"}, "IMGPROXY_OBJECT_DETECTION_CLASSES=.* no class twice"),
        ({"object_detection_net": Path(__file__)}, "IMGPROXY_OBJECT_DETECTION_NET='.*': .*cannot be loaded: .+"),
        ({"object_detection_net_type": "yolov5"}, "IMGPROXY_OBJECT_DETECTION_NET=.*yolov5 of 2 classes gave an output"),
    ],
)
def test_what_cannot_be_used_is_told_as_a_wrong_setting_in_one_line(
    tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(UnusableSetting, match=said) as caught:
        open_detection(settings(tmp_path, **given))
    assert "\n" not in str(caught.value)


def test_other_thresholds_are_another_identity(tmp_path: Path) -> None:
    identities = {
        open_detection(settings(tmp_path, **given)).identity
        for given in (
            {},
            {"object_detection_confidence_threshold": 0.3},
            {"object_detection_nms_threshold": 0.3},
            {"face_detection_confidence_threshold": 0.7},
            {"names": "red\ngreen\n"},
            {"face_detection": False},
        )
    }
    assert len(identities) == 6


def test_without_the_extra_there_are_no_faces_and_start_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "face_weights", lambda: None)
    assert open_detection(DetectionSettings()).classes == ()
    assert any("detection" in line for line in warnings(DetectionSettings()))
    assert list(warnings(DetectionSettings(face_detection=False))) == []


def test_without_the_extra_a_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "is_installed", lambda: False)
    with pytest.raises(UnusableSetting):
        open_detection(settings(tmp_path))


def test_with_the_extra_start_up_has_nothing_to_say() -> None:
    assert list(warnings(DetectionSettings())) == []
