"""What `/info` tells of originals: every field, on pictures of which it is known."""

from __future__ import annotations

import json
from typing import Any

import pytest
import pyvips

from imgproxy_py.dialects.imgproxy import ImgproxyConfig
from imgproxy_py.dialects.imgproxy.info import InfoDialect
from imgproxy_py.engine.detection import runtime
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import BadRequest, BrokenImage, DeadlineExceeded, SourceTooLarge, UnknownImage
from imgproxy_py.recipe.formats import Format
from tests import faces, pictures
from tests.unit.engine.detection.networks import mean_colors

NOTHING = "s:0/f:0/d:0/exif:0/iptc:0/xmp:0/vm:0"
made = Transformer(EngineSettings(workers=1))


def told(data: bytes, options: str, usual: bool = False, by: Transformer = made) -> dict[str, Any]:
    dialect = InfoDialect(ImgproxyConfig(allow_security_options=True))
    target = f"/info/_/{options if usual else f'{NOTHING}/{options}'}/plain/http://h/a"
    picture = by.transform(data, dialect.parse(target, now=0).recipe, Interrupt())
    assert picture.info
    assert picture.media_type == "application/json"
    answer: dict[str, Any] = json.loads(picture.data)
    return answer


TURNED = pictures.jpeg(pictures.with_orientation(pictures.marked(60, 40), 6))
CLEAR = pictures.png(pictures.with_alpha(pictures.marked(60, 40)))


def test_the_usual_is_told_without_being_asked() -> None:
    answer = told(TURNED, "s:1", usual=True)
    assert list(answer) == [
        "size", "format", "mime_type", "width", "height", "orientation", "exif", "iptc", "photoshop", "xmp",
    ]  # fmt: skip
    assert (answer["size"], answer["format"], answer["mime_type"]) == (len(TURNED), "jpeg", "image/jpeg")
    assert (answer["width"], answer["height"], answer["orientation"]) == (40, 60, 6)
    assert answer["exif"]["Orientation"] == "Right-top"


def test_what_is_switched_off_is_not_told() -> None:
    assert told(TURNED, "b:0") == {}


@pytest.mark.parametrize(
    ("data", "options", "answer"),
    [
        (TURNED, "cs:1", {"colorspace": "srgb"}),
        (pictures.jpeg(pictures.cmyk(pictures.marked())), "cs:1/b:1", {"colorspace": "cmyk", "bands": 4}),
        (pictures.png(pictures.grey(pictures.marked())), "cs:1/b:1", {"colorspace": "b-w", "bands": 1}),
        (pictures.png(pictures.deep(pictures.marked())), "sf:1", {"sample_format": "ushort"}),
        (CLEAR, "a:1", {"alpha": {"has_alpha": True}}),
        (CLEAR, "a:1:1", {"alpha": {"has_alpha": True, "has_transparency": True}}),
        (TURNED, "a:1:1", {"alpha": {"has_alpha": False, "has_transparency": False}}),
        (pictures.png(pictures.solid(9, 9, (1, 2, 3)).bandjoin(255)), "a:1:1",
         {"alpha": {"has_alpha": True, "has_transparency": False}}),
        (TURNED, "pn:1", {"pages_number": 1}),
        (pictures.png(pictures.solid(9, 9, (1, 2, 3))), "avg:1", {"average": {"R": 1, "G": 2, "B": 3, "A": 255}}),
        (pictures.png(pictures.solid(9, 9, (0, 0, 255))), "p:2", {"palette": [{"R": 0, "G": 0, "B": 255, "A": 255}]}),
    ],
)  # fmt: skip
def test_facts(data: bytes, options: str, answer: dict[str, Any]) -> None:
    assert told(data, options) == answer


@pytest.mark.parametrize(
    ("options", "box"),
    [
        ("c:0.5:0.5:nowe", (0, 0, 0.5, 0.5)),
        ("c:0.5:0.5:soea", (0.5, 0.5, 0.5, 0.5)),
        ("c:20:30:nowe", (0, 0, 0.5, 0.5)),
        ("c:0:0.25:so", (0, 0.75, 1, 0.25)),
    ],
)
def test_a_crop_is_told_in_shares_of_the_picture_as_it_is_seen(options: str, box: tuple[float, ...]) -> None:
    crop = told(TURNED, options)["crop"]
    assert (crop["left"], crop["top"], crop["width"], crop["height"]) == pytest.approx(box, abs=0.02)


def test_hashes_are_those_of_the_picture_as_it_is_seen() -> None:
    upright = pyvips.Image.new_from_buffer(TURNED, "").autorot()
    stored = told(pictures.png(upright), "ph:1/th:1/bh:4:3")
    turned = told(TURNED, "ph:1/th:1/bh:4:3")
    assert len(turned["thumb_hash"]) % 2 == 0
    assert len(turned["blurhash"]) == 4 + 2 * 4 * 3
    assert (int(stored["perceptual_hash"], 16) ^ int(turned["perceptual_hash"], 16)).bit_count() <= 2
    assert stored["blurhash"][:2] == turned["blurhash"][:2]


def test_digests_are_of_the_bytes() -> None:
    assert told(TURNED, "chs:md5:sha512")["hashsums"].keys() == {"md5", "sha512"}


def test_faces_are_told_where_they_are() -> None:
    found = told(pictures.jpeg(faces.crowd(400, 300, (100, 50, 200))), "do:1")["objects"]
    assert [one["class_name"] for one in found] == ["face"]
    assert found[0].keys() == {"class_id", "class_name", "confidence", "left", "top", "width", "height"}
    across, down = faces.middle(100, 50, 200)
    assert found[0]["left"] < across / 400 < found[0]["left"] + found[0]["width"]
    assert found[0]["top"] < down / 300 < found[0]["top"] + found[0]["height"]
    assert told(TURNED, "do:1") == {"objects": []}


@pytest.fixture(scope="module")
def classifying(tmp_path_factory: pytest.TempPathFactory) -> Transformer:
    """One that knows three colours, by the share that each has of the whole picture."""
    if not runtime.is_installed():
        pytest.skip("needs the extra `detection`")
    folder = tmp_path_factory.mktemp("network")
    (folder / "net.onnx").write_bytes(mean_colors((1, 16, 16, 3)))
    (folder / "net.names").write_text("red\ngreen\nblue\n")
    given = {"net": folder / "net.onnx", "classes": folder / "net.names", "net_size": 16, "normalization": "half"}
    settings = {f"classification_{name}": value for name, value in given.items()}
    return Transformer(EngineSettings.model_validate({"workers": 1, "classification_threshold": 0.3, **settings}))


MOSTLY_GREEN = pictures.solid(80, 20, (0, 255, 0)).draw_rect([255, 0, 0], 0, 0, 30, 20, fill=True)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("cl:3", ["green", "red"]),
        ("cl:1", ["green"]),
        ("cl:3:blue:red", ["red"]),
        ("cl:3:blue", []),
        ("cl:3:all", ["green", "red"]),
    ],
)
def test_the_classes_of_a_picture_are_told(classifying: Transformer, options: str, names: list[str]) -> None:
    found = told(pictures.png(MOSTLY_GREEN), options, by=classifying)["classification"]
    assert [one["name"] for one in found] == names
    shares = {"red": (0, 3 / 8), "green": (1, 5 / 8)}
    for one in found:
        assert list(one) == ["class_id", "name", "confidence"]
        assert (one["class_id"], one["confidence"]) == pytest.approx(shares[one["name"]], abs=0.02)


def test_classes_that_nothing_here_knows_are_refused(classifying: Transformer) -> None:
    with pytest.raises(BadRequest, match="'cat', expected the name of a class"):
        told(pictures.png(MOSTLY_GREEN), "cl:3:cat", by=classifying)
    with pytest.raises(BadRequest, match="IMGPROXY_CLASSIFICATION_NET"):
        told(pictures.png(MOSTLY_GREEN), "cl:3")
    assert told(pictures.png(MOSTLY_GREEN), "cl:0") == {}


def test_an_svg_has_the_size_that_it_says() -> None:
    answer = told(pictures.svg("20", "10", '<rect width="20" height="10" fill="#f00"/>'), "f:1/d:1/avg:1")
    assert (answer["format"], answer["width"], answer["height"]) == ("svg", 20, 10)
    assert answer["average"] == {"R": 255, "G": 0, "B": 0, "A": 255}


def test_originals_that_are_none_are_refused_as_ever() -> None:
    with pytest.raises(UnknownImage):
        told(b"nothing", "p:2")
    with pytest.raises(BrokenImage):
        told(TURNED[:-60], "p:2")
    with pytest.raises(SourceTooLarge):
        told(TURNED, "d:1/msr:0.001")


def test_a_stopped_question_ends() -> None:
    recipe = InfoDialect(ImgproxyConfig()).parse("/info/_/p:5/plain/http://h/a", now=0).recipe
    interrupt = Interrupt()
    interrupt.stop()
    with pytest.raises(DeadlineExceeded):
        made.transform(TURNED, recipe, interrupt)


def test_the_answer_names_the_originals_format() -> None:
    recipe = InfoDialect(ImgproxyConfig()).parse("/info/_/plain/http://h/a", now=0).recipe
    picture = made.transform(CLEAR, recipe, Interrupt())
    assert (picture.format, picture.origin_format, picture.kind, picture.extension) == (
        Format.PNG,
        Format.PNG,
        "info",
        ".json",
    )
