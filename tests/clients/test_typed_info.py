"""Every question about an original that the JavaScript client's types allow is answered with what it asks for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.clients import asking, javascript
from tests.clients.asking import Question, Questions, Server, plain
from tests.clients.examples import GOOD, Examples, Said, no

JSON = "application/json"
FORBIDDEN: Said = (403, "Invalid URL")
PERMITTED = ("bypass_cache", "max_src_file_size", "max_src_resolution")
WILD = [
    [["cs", 1], ["b", 1], ["sf", True]],
    [["a", 1, 1], ["op", "prop"]],
    no([["w", 60]]),
    no([["-"]]),
]

USUAL = {"size", "format", "mime_type", "width", "height", "orientation", "exif", "iptc", "photoshop", "xmp"}


@dataclass(frozen=True)
class Place:
    """The fields that an option brings or takes away, and the original that it is asked about."""

    fields: tuple[str, ...] = ()
    source: str = "crowd.jpg"


OUTSIDE = Place()
PLACES: dict[str, Place] = {
    "average": Place(("average",)),
    "blurhash": Place(("blurhash",)),
    "bypass_cache": OUTSIDE,
    "cache_tags": OUTSIDE,
    "cachebuster": OUTSIDE,
    "calcHashsums": Place(("hashsums",)),
    "classify": Place(("classification",)),
    "crop": Place(("crop",)),
    "detect_objects": Place(("objects",)),
    "dimensions": Place(("width", "height", "orientation")),
    "dominant_colors": Place(("dominant_colors",)),
    "exif": Place(("exif",)),
    "expires": OUTSIDE,
    "format": Place(("format", "mime_type")),
    "iptc": Place(("iptc", "photoshop")),
    "max_src_file_size": OUTSIDE,
    "max_src_resolution": OUTSIDE,
    "page": Place(source="pages.pdf"),
    "pages_number": Place(("pages_number",), "animation.gif"),
    "palette": Place(("palette",)),
    "perceptual_hash": Place(("perceptual_hash",)),
    "preset": Place(("palette", "dominant_colors")),
    "size": Place(("size",)),
    "thumb_hash": Place(("thumb_hash",)),
    "video_meta": Place(("video_meta", "video_streams"), "film.mp4"),
    "video_thumbnail_keyframes": Place(source="film.mp4"),
    "video_thumbnail_second": Place(source="film.mp4"),
    "wild_options": Place(("colorspace", "bands", "sample_format", "alpha")),
    "xmp": Place(("xmp",)),
}


@pytest.fixture(scope="module")
def questions() -> Questions:
    """All that the client asks with each option."""
    examples = Examples(javascript.declarations(), WILD).options("OptionsImageInfo")
    return asking.questions(
        [
            (name, one, {"url": plain(PLACES[name].source), "options": {name: one.value}, "info": True}, JSON)
            for name, several in examples.items()
            for one in several
        ]
    )


def test_every_option_of_the_client_has_its_place() -> None:
    assert set(PLACES) == set(javascript.declarations().spellings("OptionsImageInfo"))


@pytest.mark.parametrize("option", PLACES)
def test_every_question_is_answered_as_the_dialect_says(option: str, questions: Questions, lenient: Server) -> None:
    assert questions[option]
    assert lenient.misses(questions[option]) == []


@pytest.mark.parametrize("option", [name for name, place in PLACES.items() if place.fields])
def test_the_fields_are_those_asked_for(option: str, questions: Questions, lenient: Server) -> None:
    good = [one for one in questions[option] if one.said == GOOD]
    told = [set(json.loads(answer.body)) for answer in lenient.answers([one.path for one in good])]
    usual = USUAL | ({"video_meta", "video_streams"} if PLACES[option].source == "film.mp4" else set())
    for question, fields in zip(good, told, strict=True):
        assert fields == _due(question, usual, set(PLACES[option].fields)), question.path
    assert any(fields != usual for fields in told)


def _due(question: Question, usual: set[str], fields: set[str]) -> set[str]:
    """The fields that a question asks for, by what its path says."""
    name, *arguments = question.path.split("/")[3].split(":")
    match name:
        case "pr":
            asked = {{"card": "palette", "dark": "dominant_colors"}[preset] for preset in arguments}
            return usual | asked
        case "cs":
            return usual | {"colorspace", "bands", "sample_format"}
        case "a":
            return usual | {"alpha"}
        case "c":
            return usual | fields
        case "bh":
            on = "0" not in arguments
        case _:
            on = arguments[0] not in ("f", "0", "")
    return usual | fields if on else usual - fields


def test_every_spelling_is_the_same_url() -> None:
    declared = javascript.declarations()
    examples = Examples(declared, WILD).options("OptionsImageInfo")
    asked = [
        [{"url": plain("photo.jpg"), "options": {spelled: examples[name][0].value}, "info": True} for spelled in names]
        for name, names in declared.spellings("OptionsImageInfo").items()
    ]
    written = iter(javascript.written([one for several in asked for one in several]))
    for several in asked:
        assert len({next(written)["url"] for _ in several}) == 1


def test_without_permission_limits_and_caches_are_out_of_reach(questions: Questions, strict: Server) -> None:
    asked = [replace(one, said=FORBIDDEN) for name in PERMITTED for one in questions[name]]
    assert strict.misses(asked) == []


# What some of it says

Check = Callable[[dict[str, Any]], bool]

CANONICAL = {"exif": {"enabled": 1, "canonical_names": "t"}}
COMPLETED = {"dc": {"dominant_colors": 1, "build_missed": 1}}
QUARTER = {"crop": {"width": 0.5, "height": 0.5, "gravity": {"type": "nowe"}}}
TOP_LEFT = {"left": 0, "top": 0, "width": 0.5, "height": 0.5}
DIGITS = {"md5": 32, "sha1": 40}


def _digits(told: dict[str, Any]) -> bool:
    return {name: len(digest) for name, digest in told["hashsums"].items()} == DIGITS


TOLD: list[tuple[str, str, dict[str, Any], Check]] = [
    ("dimensions as seen", "turned.jpg", {"d": 1}, lambda told: (told["width"], told["height"]) == (64, 96)),
    ("orientation", "turned.jpg", {}, lambda told: told["orientation"] == 6),
    ("classes", "mark.png", {"cl": {"top_k": 1}}, lambda told: told["classification"][0]["name"] == "red"),
    ("size", "small.png", {"exif": 0}, lambda told: told["size"] > 100 and "exif" not in told),
    ("format", "film.mp4", {}, lambda told: (told["format"], told["mime_type"]) == ("mp4", "video/mp4")),
    ("streams", "film.mp4", {}, lambda told: told["video_streams"][0]["codec"] == "mpeg4"),
    ("titles of EXIF", "tagged.jpg", {"exif": 1}, lambda told: "Pixel X Dimension" in told["exif"]),
    ("names of EXIF", "tagged.jpg", CANONICAL, lambda told: "PixelXDimension" in told["exif"]),
    ("average", "mark.png", {"average": {"average": 1}}, lambda told: list(told["average"].values()) == [255, 0, 255, 255]),
    ("palette", "drawing.svg", {"palette": 2}, lambda told: len(told["palette"]) == 2),
    ("pages", "animation.gif", {"pn": 1}, lambda told: told["pages_number"] == 3),
    ("pages of a document", "pages.pdf", {"pn": 1}, lambda told: told["pages_number"] == 3),
    ("faces", "crowd.jpg", {"do": 1}, lambda told: [one["class_name"] for one in told["objects"]] == ["face"]),
    ("digests", "small.png", {"chs": ["md5", "sha1"]}, _digits),
    ("crop", "photo.jpg", QUARTER, lambda told: told["crop"] == TOP_LEFT),
    ("a page's average", "pages.pdf", {"page": 1, "avg": {"average": 1}}, lambda told: told["average"]["G"] == 255),
    ("missing colours", "mark.png", COMPLETED, lambda told: len(told["dominant_colors"]) == 6),
    ("perceptual hash", "photo.jpg", {"phash": 1}, lambda told: len(told["perceptual_hash"]) == 16),
]  # fmt: skip


@pytest.fixture(scope="module")
def told(lenient: Server) -> dict[str, Any]:
    written = javascript.written(
        [{"url": plain(source), "options": options, "info": True} for _, source, options, _ in TOLD]
    )
    answers = lenient.answers([one["url"] for one in written])
    return {name: json.loads(answer.body) for (name, *_), answer in zip(TOLD, answers, strict=True)}


@pytest.mark.parametrize(("name", "check"), [(name, check) for name, _, _, check in TOLD], ids=[one[0] for one in TOLD])
def test_what_is_told_is_so(name: str, check: Check, told: dict[str, Any]) -> None:
    assert check(told[name]), told[name]
