"""Networks that classify, run by onnxruntime: what they are shown, and what is made of what they give."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from imgproxy_py.engine.classification.onnx import NORMALIZATIONS, OnnxClassifier
from imgproxy_py.engine.classification.opening import open_classification
from imgproxy_py.engine.classification.settings import ClassificationSettings
from imgproxy_py.engine.detection import runtime
from imgproxy_py.engine.detection.looking import square_of_file
from imgproxy_py.engine.detection.port import Pixels
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.loading import ImageFile
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import ImgproxyError
from imgproxy_py.kinds import UnusableSetting
from imgproxy_py.recipe.formats import Format
from tests import faces, pictures
from tests.unit.engine.detection.networks import UINT8, mean_colors

pytestmark = pytest.mark.skipif(not runtime.is_installed(), reason="needs the extra `detection`")

SIDE = 16
PLANES, PIXELS = (1, 3, SIDE, SIDE), (1, SIDE, SIDE, 3)
COLOR = (200, 100, 50)
NAMES = ("red", "green", "blue")


def settings(
    folder: Path, model: bytes = b"", names: str = "red\ngreen\nblue\n", **given: Any
) -> ClassificationSettings:
    (folder / "net.onnx").write_bytes(model or mean_colors(PLANES))
    (folder / "net.names").write_text(names)
    options = {
        "classification_net": folder / "net.onnx",
        "classification_classes": folder / "net.names",
        "classification_net_size": SIDE,
    }
    return ClassificationSettings.model_validate({**options, **given})


def classifier(folder: Path, model: bytes, classes: tuple[str, ...] = NAMES, **given: Any) -> OnnxClassifier:
    return OnnxClassifier(folder / "net.onnx", settings(folder, model, **given), classes=classes)


def solid(*color: int) -> Pixels:
    return Pixels(data=bytes(color) * SIDE * SIDE, width=SIDE, height=SIDE)


# --- what it is shown ----------------------------------------------------------------------------------------------------

SHOWN = {
    "none": COLOR,
    "half": (200 / 255, 100 / 255, 50 / 255),
    "full": (200 / 127.5 - 1, 100 / 127.5 - 1, 50 / 127.5 - 1),
    "imagenet": ((200 / 255 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, (50 / 255 - 0.406) / 0.225),
}


@pytest.mark.parametrize("shape", [PLANES, PIXELS])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_samples_are_normalised_as_set(tmp_path: Path, normalization: str, shape: tuple[int, ...]) -> None:
    gain = 0.01 if normalization == "none" else 4.0  # so that the network gives logits
    one = classifier(tmp_path, mean_colors(shape, gain=gain), classification_normalization=normalization)
    red, green, blue = one.classify(solid(*COLOR))
    assert red + green + blue == pytest.approx(1)
    expected = SHOWN[normalization]
    assert log(red / green) == pytest.approx(gain * (expected[0] - expected[1]), abs=1e-4)
    assert log(red / blue) == pytest.approx(gain * (expected[0] - expected[2]), abs=1e-4)


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        (PLANES, None),
        (PIXELS, None),
        (PLANES, "nchw"),
        (PIXELS, "nhwc"),
        (("n", "c", "h", "w"), None),
        ((1, 3, "h", "w"), None),
        (("n", "h", "w", 3), "nhwc"),
    ],
)
def test_the_layout_is_the_declared_one_or_the_one_that_is_set(
    tmp_path: Path, shape: tuple[int | str, ...], layout: str | None
) -> None:
    one = classifier(tmp_path, mean_colors(shape, gain=0.01), classification_layout=layout)
    confidences = one.classify(solid(*COLOR))
    assert sorted(confidences, reverse=True) == list(confidences)


def test_a_network_without_a_word_on_its_layout_takes_what_is_set(tmp_path: Path) -> None:
    model = mean_colors(("n", "c", "h", "w"), planes=True)
    one = classifier(tmp_path, model, classification_layout="nchw", classification_normalization="half")
    assert one.classify(solid(255, 0, 0)) == pytest.approx((1, 0, 0))


def test_whole_numbers_are_taken_too(tmp_path: Path) -> None:
    one = classifier(tmp_path, mean_colors(PIXELS, gain=0.01, samples=UINT8))
    red, green, _ = one.classify(solid(*COLOR))
    assert log(red / green) == pytest.approx(1.0, abs=1e-4)


def test_the_whole_picture_is_shown_however_long_it_is() -> None:
    image = pictures.solid(400, 50, (0, 255, 0)).draw_rect([255, 0, 0], 0, 0, 100, 50, fill=True)
    pixels = square_of_file(ImageFile(data=pictures.png(image), format=Format.PNG), SIDE, Interrupt())
    assert (pixels.width, pixels.height, len(pixels.data)) == (SIDE, SIDE, 3 * SIDE * SIDE)
    assert sum(pixels.data[0::3]) / SIDE**2 == pytest.approx(255 / 4, abs=8)
    assert sum(pixels.data[1::3]) / SIDE**2 == pytest.approx(255 * 3 / 4, abs=8)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_it_is_shown_the_right_way_up(orientation: int) -> None:
    image = pictures.marked(64, 48)
    upright = square_of_file(ImageFile(data=pictures.png(image), format=Format.PNG), 32, Interrupt())
    stored = pictures.png(faces.stored_for(image, orientation))
    turned = square_of_file(ImageFile(data=stored, format=Format.PNG), 32, Interrupt())
    assert sum(abs(a - b) for a, b in zip(upright.data, turned.data, strict=True)) / len(upright.data) < 3


# --- what it gives -------------------------------------------------------------------------------------------------------


def test_a_softmax_of_its_own_is_not_done_again(tmp_path: Path) -> None:
    weights = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    logits = classifier(tmp_path, mean_colors(PLANES, gain=0.01, weights=weights)).classify(solid(*COLOR))
    model = mean_colors(PLANES, gain=0.01, weights=weights, activation="Softmax")
    assert classifier(tmp_path, model).classify(solid(*COLOR)) == pytest.approx(logits, abs=1e-5)


def test_classes_that_do_not_exclude_each_other_keep_their_confidences(tmp_path: Path) -> None:
    model = mean_colors(PLANES, gain=0.04, activation="Sigmoid")
    red, green, blue = classifier(tmp_path, model).classify(solid(255, 255, 0))
    assert (red, green) == pytest.approx((1, 1), abs=1e-3)
    assert blue == pytest.approx(0.5)


def test_a_single_class_has_its_logit_made_a_confidence(tmp_path: Path) -> None:
    model = mean_colors(PLANES, gain=0.04, weights=((1, -1, 0),))
    one = classifier(tmp_path, model, ("red",))
    assert one.classify(solid(50, 50, 0)) == pytest.approx((0.5,))
    assert one.classify(solid(255, 0, 0))[0] > 0.99
    assert one.classify(solid(0, 255, 0))[0] < 0.01


def test_numbers_that_are_none_fail_and_are_not_told(tmp_path: Path) -> None:
    with pytest.raises(ImgproxyError):
        classifier(tmp_path, mean_colors(PLANES, activation="Log"))


# --- from settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "names", "given", "said"),
    [
        (b"no network", "red\n", {}, r"IMGPROXY_CLASSIFICATION_NET='.*net.onnx': expected a network that can be used"),
        (mean_colors((1, 3 * SIDE * SIDE)), "red\n", {}, "IMGPROXY_CLASSIFICATION_NET="),
        (b"", "red\n", {}, "IMGPROXY_CLASSIFICATION_CLASSES=.* a file of 3 classes, as the network has, not 1"),
        (b"", "\n", {}, "IMGPROXY_CLASSIFICATION_CLASSES=.* a text file"),
        (b"", "", {"classification_classes": None}, "IMGPROXY_CLASSIFICATION_CLASSES='': expected a text file"),
        (b"", "", {"classification_net_size": 32}, "IMGPROXY_CLASSIFICATION_CLASSES"),
        (b"", "r\ng\nb", {"classification_net_size": 32}, "IMGPROXY_CLASSIFICATION_NET_SIZE='32': expected 16 × 16"),
        (b"", "r\ng\nb", {"classification_layout": "nhwc"}, "IMGPROXY_CLASSIFICATION_LAYOUT='nhwc': expected nchw"),
        (mean_colors(PIXELS, samples=UINT8), "r\ng\nb", {"classification_normalization": "half"},
         "IMGPROXY_CLASSIFICATION_NORMALIZATION='half': expected none"),
        (mean_colors(PLANES, samples=9), "r\ng\nb", {}, r"IMGPROXY_CLASSIFICATION_NET=.*tensor\(bool\)"),
        (mean_colors((2, 3, SIDE, SIDE)), "r\ng\nb", {}, "IMGPROXY_CLASSIFICATION_NET=.*the network failed"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_as_a_wrong_setting_in_one_line(
    tmp_path: Path, model: bytes, names: str, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(UnusableSetting, match=said) as caught:
        open_classification(settings(tmp_path, model, names, **given))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["classification_net", "classification_classes"])
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValidationError, match="a file"):
        settings(tmp_path, **{name: tmp_path / "missing"})


def test_without_the_extra_a_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "is_installed", lambda: False)
    with pytest.raises(UnusableSetting, match=r"IMGPROXY_CLASSIFICATION_NET=.*imgproxy_py\[detection\]"):
        open_classification(settings(tmp_path))


def test_the_network_its_classes_and_its_settings_have_a_say_in_the_epoch_and_their_place_has_none(
    tmp_path: Path,
) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()

    def epoch(folder: Path, model: bytes = b"", names: str = "r\ng\nb", **given: Any) -> str:
        chosen = settings(folder, model, names, **given).model_dump(exclude_unset=True)
        return Transformer(EngineSettings.model_validate({"workers": 1, "face_detection": False, **chosen})).epoch

    first = epoch(folders[0])
    assert epoch(folders[1]) == first
    others = {
        Transformer(EngineSettings(workers=1, face_detection=False)).epoch,
        epoch(folders[0], mean_colors(PLANES, gain=2)),
        epoch(folders[0], names="r\nb\ng"),
        epoch(folders[0], classification_threshold=0.1),
        epoch(folders[0], classification_normalization="half"),
    }
    assert len(others - {first}) == 5
