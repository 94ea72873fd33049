"""Every URL that the JavaScript client's types allow gets the answer that the dialect gives, and every option shows.

The options and their values come from the client's declarations, so one that a new version brings is missed here until
it has its place.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests import originals as files
from tests.acceptance.service import Answer
from tests.clients import asking, javascript
from tests.clients.asking import Questions, Server, plain
from tests.clients.examples import INVALID, LEAVES, LITERALS, MORE, Example, Examples, Said, base64, no

JPEG, PNG, WEBP, AVIF, GIF, SVG = (f"image/{kind}" for kind in ("jpeg", "png", "webp", "avif", "gif", "svg+xml"))
PERMITTED = ("max_src_resolution", "max_src_file_size", "max_animation_frames", "max_animation_frame_resolution")
PERMITTED = (*PERMITTED, "max_result_dimension", "bypass_cache")
"""The options that need permission."""
NEVER_WRITTEN = {"watermark_rotate"}
"""Options that the client types and leaves out of every URL."""
FORBIDDEN: Said = (403, "Invalid URL")

WILD = [
    [["w", 60], ["q", 50]],
    [["w", 60], ["-"], ["h", 20]],
    [["-"]],
    [["kpr", True], ["rs", "fill", 30, 30]],
    no([["watermelon", 1]]),
    no([["w", "wide"]]),
]


@dataclass(frozen=True)
class Place:
    """Where an option shows: on which original, beside which other options, and as what it comes back."""

    source: str = "photo.jpg"
    options: dict[str, Any] = field(default_factory=dict)
    type: str | Callable[[Any], str] = JPEG

    def type_of(self, value: Any) -> str:
        return self.type if isinstance(self.type, str) else self.type(value)


def _type_of_format(value: str) -> str:
    return {"jpg": JPEG, "ico": "image/x-icon", "best": JPEG}.get(value, f"image/{value}")


def _type_of_animation(value: dict[str, Any]) -> str:
    return GIF if value["step"] and value["frames"] > 1 else JPEG


PLAIN, SMALL = Place(), Place(options={"width": 30})
FILLED = {"resizing_type": "fill", "width": 40, "height": 40}
LARGE = {"width": 120, "height": 120}
FACES = Place("crowd.jpg")
FACED = FILLED | {"gravity": {"type": "obj", "class_names": ["face"]}}
MARKED = Place(options={"watermark": {"opacity": 1}})
FILM = Place("film.mp4")

PLACES: dict[str, Place] = {
    "adjust": PLAIN,
    "auto_rotate": Place("turned.jpg"),
    "autoquality": PLAIN,
    "avif_options": Place(options={"format": "avif"}, type=AVIF),
    "background": Place("soft.png", {"format": "jpg"}),
    "background_alpha": Place("soft.png", {"background": "f00"}, PNG),
    "blur": PLAIN,
    "blur_areas": PLAIN,
    "blur_detections": FACES,
    "brightness": PLAIN,
    "bypass_cache": PLAIN,
    "cache_tags": PLAIN,
    "cachebuster": PLAIN,
    "color_profile": PLAIN,
    "colorize": PLAIN,
    "contrast": PLAIN,
    "crop": FACES,
    "crop_aspect_ratio": PLAIN,
    "crop_objects": FACES,
    "disable_animation": Place("animation.gif", type=GIF),
    "dpi": PLAIN,
    "dpr": Place(options={"width": 40}),
    "draw_detections": FACES,
    "duotone": PLAIN,
    "enforce_thumbnail": Place("phone.heic"),
    "enlarge": Place(options=LARGE),
    "expires": PLAIN,
    "extend": Place(options=LARGE),
    "extend_aspect_ratio": Place(options=LARGE),
    "fallback_image_url": Place("none.jpg", type=PNG),
    "filename": PLAIN,
    "flip": PLAIN,
    "format": Place(type=_type_of_format),
    "format_quality": Place(options={"format": "webp"}, type=WEBP),
    "gradient": PLAIN,
    "gravity": Place("crowd.jpg", FILLED),
    "height": PLAIN,
    "jpeg_options": PLAIN,
    "keep_copyright": Place("tagged.jpg"),
    "max_animation_frame_resolution": Place("animation.gif", type=GIF),
    "max_animation_frames": Place("animation.gif", type=GIF),
    "max_bytes": PLAIN,
    "max_result_dimension": PLAIN,
    "max_src_file_size": PLAIN,
    "max_src_resolution": PLAIN,
    "min_height": SMALL,
    "min_width": Place(options={"height": 30}),
    "monochrome": PLAIN,
    "objects_position": Place("crowd.jpg", FACED),
    "padding": PLAIN,
    "page": Place("pages.pdf"),
    "pages": Place("pages.pdf"),
    "pixelate": PLAIN,
    "png_options": Place("small.png", type=PNG),
    "preserve_hdr": Place("deep.png", type=PNG),
    "preset": Place(type=lambda names: WEBP if "card" in names else JPEG),
    "progressive_blur": PLAIN,
    "quality": PLAIN,
    "raw": SMALL,
    "resize": Place("crowd.jpg"),
    "resizing_algorithm": SMALL,
    "resizing_type": Place(options={"width": 30, "height": 40}),
    "return_attachment": PLAIN,
    "rotate": PLAIN,
    "saturation": PLAIN,
    "sharpen": PLAIN,
    "size": PLAIN,
    "skip_processing": Place("small.png", {"width": 30}, PNG),
    "strip_color_profile": Place("wide.jpg"),
    "strip_metadata": Place("tagged.jpg"),
    "style": Place("drawing.svg", {"format": "png"}, PNG),
    "trim": Place("framed.png", type=PNG),
    "unsharp_masking": SMALL,
    "video_thumbnail_animation": Place("film.mp4", type=_type_of_animation),
    "video_thumbnail_keyframes": FILM,
    "video_thumbnail_second": FILM,
    "video_thumbnail_tile": FILM,
    "watermark": PLAIN,
    "watermark_rotate": MARKED,
    "watermark_shadow": MARKED,
    "watermark_size": MARKED,
    "watermark_text": MARKED,
    "watermark_url": MARKED,
    "webp_options": Place(options={"format": "webp"}, type=WEBP),
    "width": PLAIN,
    "wild_options": PLAIN,
    "zoom": Place(options={"enlarge": True}),
}


@pytest.fixture(scope="module")
def examples() -> dict[str, list[Example]]:
    return Examples(javascript.declarations(), WILD).options("Options")


@pytest.fixture(scope="module")
def questions(examples: dict[str, list[Example]]) -> Questions:
    """All that the client asks with each option."""
    return asking.questions(
        [
            (name, one, _asked(PLACES[name], {name: one.value}), PLACES[name].type_of(one.value))
            for name, several in examples.items()
            for one in several
        ]
    )


@pytest.fixture(scope="module")
def untouched() -> dict[str, str]:
    """The paths of the options' places without the options."""
    written = javascript.written([_asked(place, {}) for place in PLACES.values()])
    return {name: answer["url"] for name, answer in zip(PLACES, written, strict=True)}


def _asked(place: Place, options: dict[str, Any]) -> dict[str, Any]:
    return {"url": plain(place.source), "options": place.options | options}


# The whole of it


def test_every_option_of_the_client_has_its_place() -> None:
    assert set(PLACES) == set(javascript.declarations().spellings("Options"))


def test_what_examples_are_given_for_is_all_declared() -> None:
    declared = javascript.declarations()
    made = [Examples(declared, WILD), Examples(declared, WILD)]
    for each, options in zip(made, ("Options", "OptionsImageInfo"), strict=True):
        each.options(options)
    assert set(LEAVES) == made[0].used | made[1].used
    assert {name for name, _ in LITERALS} | set(MORE) <= set(declared.types) | {"FormatQualityType.format"}


@pytest.mark.parametrize("option", PLACES)
def test_every_url_is_answered_as_the_dialect_says(option: str, questions: Questions, lenient: Server) -> None:
    assert questions[option]
    assert lenient.misses(questions[option]) == []


@pytest.mark.parametrize("option", [name for name in PLACES if name not in NEVER_WRITTEN])
def test_an_option_shows(option: str, questions: Questions, untouched: dict[str, str], lenient: Server) -> None:
    taken = [one.path for one in questions[option] if one.said != INVALID]
    without, *answers = map(_seen, lenient.answers([untouched[option], *taken]))
    assert any(answer != without for answer in answers)


def _seen(answer: Answer) -> tuple[object, ...]:
    """What a client sees of an answer."""
    names = ("Content-Type", "Content-Disposition", "Cache-Control", "Cache-Tag")
    past_caches = "bypass" in answer.cache
    return answer.status, answer.body, past_caches, *(answer.headers[name] for name in names)


def test_what_the_client_types_and_never_writes(questions: Questions, untouched: dict[str, str]) -> None:
    silent = {name for name, several in questions.items() if {one.path for one in several} == {untouched[name]}}
    assert silent == NEVER_WRITTEN


def test_every_spelling_is_the_same_url(examples: dict[str, list[Example]]) -> None:
    spellings = javascript.declarations().spellings("Options")
    asked = [
        [_asked(PLACES[name], {spelled: one.value}) for spelled in names]
        for name, names in spellings.items()
        for one in examples[name]
    ]
    written = iter(javascript.written([one for several in asked for one in several]))
    for several in asked:
        first, *others = (next(written) for _ in several)
        assert all(other == first for other in others)


def test_what_the_client_refuses_by_itself(examples: dict[str, list[Example]]) -> None:
    flat = [(name, one.value) for name, several in examples.items() for one in several]
    written = javascript.written([_asked(PLACES[name], {name: value}) for name, value in flat])
    refused = {name for (name, _), answer in zip(flat, written, strict=True) if "error" in answer}
    assert refused == {"autoquality"}  # an error allowed where no method takes it


def test_without_permission_limits_and_caches_are_out_of_reach(questions: Questions, strict: Server) -> None:
    asked = [replace(one, said=FORBIDDEN) for name in PERMITTED for one in questions[name]]
    assert strict.misses(asked) == []


def test_all_else_needs_no_permission(questions: Questions, strict: Server) -> None:
    asked = [one for name, several in questions.items() if name not in PERMITTED for one in several[:2]]
    assert strict.misses(asked) == []


# What some of it looks like

Look = Callable[[Answer], bool]


def at(x: int, y: int, *color: int) -> Look:
    """That color at a place, or nearly so."""
    return lambda answer: all(
        abs(found - wanted) <= 12 for found, wanted in zip(answer.image(x, y), color, strict=True)
    )


def sized(width: int, height: int) -> Look:
    return lambda answer: answer.size == (width, height)


def frames(count: int, width: int, height: int) -> Look:
    return lambda answer: (answer.image.get("n-pages"), *answer.size) == (count, width, height)


def grey(answer: Answer) -> bool:
    red, green, blue = answer.image(90, 4)
    return abs(red - green) <= 3 and abs(green - blue) <= 3


def _is_cut(answer: Answer) -> bool:
    return 40 < answer.image.width < 90


def header(name: str, part: str) -> Look:
    return lambda answer: part in (answer.headers[name] or "")


def field_of(name: str, value: Any) -> Look:
    return lambda answer: bool(answer.image.get_typeof(name)) and answer.image.get(name) == value


PNGS = {"format": "png"}
RED, GREEN, MAGENTA = (220, 10, 10), (10, 200, 10), (255, 0, 255)
ONE_TILE = {"step": 0.5, "columns": 2, "rows": 2, "tile_width": 40, "tile_height": 24}
AIMED = {"aq": {"method": "size", "target": 1500, "min_quality": 5}}
BLUE_MARK = {"wm": {"opacity": 1}, "wmu": base64("local:///blue.png")}
THREE_FRAMES = {"step": 0.5, "delay": 100, "frames": 3, "frame_width": 40, "frame_height": 24}

SHOWN: list[tuple[str, Place, Look]] = [
    ("nothing", Place(options=PNGS), at(4, 4, *RED)),
    ("adjust", Place(options=PNGS | {"a": {"saturation": 0}}), grey),
    ("brightness", Place(options=PNGS | {"brightness": 255}), at(4, 4, 255, 255, 255)),
    ("saturation", Place(options=PNGS | {"saturation": 0.01}), grey),
    ("monochrome", Place(options=PNGS | {"monochrome": {"intensity": 1, "color": "ffffff"}}), grey),
    ("duotone", Place(options=PNGS | {"duotone": {"intensity": 1, "color1": "0f0", "color2": "0f0"}}), at(9, 9, 0, 255, 0)),
    ("colorize", Place(options=PNGS | {"colorize": {"opacity": 1, "color": "FF8800"}}), at(50, 9, 255, 136, 0)),
    ("gradient", Place(options=PNGS | {"gradient": {"opacity": 1, "color": "0f0"}}), at(50, 63, 0, 255, 0)),
    ("gradient up", Place(options=PNGS | {"gr": {"opacity": 1, "direction": "up"}}), at(50, 0, 0, 0, 0)),
    ("gradient by degrees", Place(options=PNGS | {"gr": {"opacity": 1, "direction": 270}}), at(95, 30, 0, 0, 0)),
    ("background", Place("soft.png", {"format": "jpg", "background": "00f"}), at(0, 60, 0, 0, 255)),
    ("background alpha", Place("soft.png", {"background": "00f", "bga": 0.5}), at(0, 40, 0, 0, 255, 128)),
    ("crop aspect ratio", Place(options={"crop_ar": {"aspect_ratio": 1}}), sized(64, 64)),
    ("crop objects", Place("crowd.jpg", {"c_obj": {"scale_factor": 1, "class_names": ["face"]}}), _is_cut),
    ("padding", Place(options={"padding": {"top": 5, "right": 0, "bottom": 3, "left": 1}}), sized(97, 72)),
    ("dpi", Place(options={"dpi": 254}), lambda answer: round(answer.image.xres) == 10),
    ("page", Place("pages.pdf", PNGS | {"page": 1}), at(5, 5, 0, 255, 0)),
    ("pages", Place("pages.pdf", {"width": 48, "pages": 3}), sized(48, 96)),
    ("style", Place("drawing.svg", PNGS | {"style": base64("rect { fill: #0c0 }")}), at(5, 5, 0, 204, 0, 255)),
    ("video second", Place("film.mp4", PNGS | {"vts": 3}), at(120, 80, files.red_at(3), 0, 0)),
    ("video tile", Place("film.mp4", {"video_thumbnail_tile": ONE_TILE}), sized(80, 48)),
    ("video animation", Place("film.mp4", {"video_thumbnail_animation": THREE_FRAMES}), frames(3, 40, 24)),
    ("frames", Place("animation.gif", {"max_animation_frames": 2}), frames(2, 40, 30)),
    ("no animation", Place("animation.gif", {"disable_animation": 1}), sized(40, 30)),
    ("result dimension", Place(options={"max_result_dimension": 30}), sized(30, 20)),
    ("thumbnail", Place("phone.heic", {"enforce_thumbnail": "t"}), lambda answer: answer.size[0] == 64),
    ("watermark", Place(options=PNGS | {"watermark": {"opacity": 1}}), at(48, 32, *MAGENTA)),
    ("watermark's place", Place(options=PNGS | {"wm": {"opacity": 1, "position": "no", "x_offset": -20}}), at(28, 5, *MAGENTA)),
    ("watermark's scale", Place(options=PNGS | {"wm": {"opacity": 1, "scale": 1}}), at(5, 32, *MAGENTA)),
    ("watermark repeated", Place(options=PNGS | {"wm": {"opacity": 1, "position": "re"}}), at(94, 2, *MAGENTA)),
    ("watermark's size", Place(options=PNGS | {"wm": {"opacity": 1}, "wms": {"width": 80}}), at(12, 32, *MAGENTA)),
    ("watermark's url", Place(options=PNGS | BLUE_MARK), at(48, 32, 0, 0, 255)),
    ("profile", Place(options={"icc": "cmyk"}), lambda answer: answer.image.bands == 4),
    ("progressive", Place(options={"jpgo": {"progressive": True}}), field_of("interlaced", 1)),
    ("palette", Place(options=PNGS | {"pngo": {"quantize": True, "quantization_colors": 4}}), field_of("palette-bit-depth", 2)),
    ("hdr", Place("deep.png", {"preserve_hdr": True}), lambda answer: answer.image.format == "ushort"),
    ("metadata", Place("tagged.jpg", {"strip_metadata": False}), lambda one: "Camera" in one.image.get("exif-ifd0-Make")),
    ("no copyright", Place("tagged.jpg", {"keep_copyright": "f"}), lambda one: not one.image.get_typeof("exif-ifd0-Copyright")),
    ("fallback", Place("none.jpg", {"fiu": base64("local:///small.png")}), sized(60, 40)),
    ("tags", Place(options={"cache_tags": ["a", "b"]}), header("Cache-Tag", "a,b")),
    ("cachebuster", Place(options={"cachebuster": "v2"}), header("Cache-Control", "immutable")),
    ("past the caches", Place(options={"bypass_cache": 1}), header("Cache-Status", "bypass")),
    ("bytes aimed at", Place("crowd.jpg", AIMED), lambda one: len(one.body) < 1800),
    ("pipelines", Place(options={"wild_options": [["w", 60], ["-"], ["h", 20]]}), sized(30, 20)),
]  # fmt: skip


@pytest.fixture(scope="module")
def shown(lenient: Server) -> dict[str, Answer]:
    written = javascript.written([_asked(place, {}) for _, place, _ in SHOWN])
    answers = lenient.answers([one["url"] for one in written])
    return {name: answer for (name, *_), answer in zip(SHOWN, answers, strict=True)}


@pytest.mark.parametrize(("name", "look"), [(name, look) for name, _, look in SHOWN], ids=[one[0] for one in SHOWN])
def test_a_picture_looks_as_it_was_asked_for(name: str, look: Look, shown: dict[str, Answer]) -> None:
    assert look(shown[name])


# Sources, and presets alone


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("plain", "photo.jpg"),  # the client escapes nothing in plain sources
        ("base64", "photo.jpg"),
        ("base64", "a b@ü%23.jpg"),
        ("encrypted", "photo.jpg"),
        ("encrypted", "a b@%23.jpg"),  # nor does it encrypt letters beyond ASCII as they are
    ],
)
def test_every_kind_of_source_is_read(kind: str, source: str, lenient: Server) -> None:
    url = {"value": f"local:///{source}", "displayAs": kind}
    (written,) = javascript.written([{"url": url, "options": {"width": 48, "format": "png"}}])
    (answer,) = lenient.answers([written["url"]])
    assert (answer.size, answer.headers["Content-Type"]) == ((48, 32), PNG)


@pytest.mark.parametrize("info", [False, True])
def test_a_file_name_after_the_source_is_for_people(info: bool, lenient: Server) -> None:
    core = {"url": {"value": base64("local:///small.png"), "type": "base64", "filename": "holiday.jpg"}}
    (written,) = javascript.written([{"core": core, "info": info}])
    assert written["url"].endswith("/holiday.jpg")
    (answer,) = lenient.answers([written["url"]])
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json" if info else PNG)


def test_where_presets_alone_are_allowed_they_are_written_bare(presets_only: Server) -> None:
    core = {"url": {"value": base64("local:///photo.jpg"), "type": "base64"}, "settings": {"onlyPresets": True}}
    options = {"preset": ["card", "dark"], "width": 5}
    picture, question, other = javascript.written(
        [
            {"core": core, "options": options},
            {"core": core, "options": options, "info": True},
            {"url": plain("photo.jpg"), "options": {"width": 5}},
        ]
    )
    assert "/card:dark/" in picture["url"]
    answers = presets_only.answers([picture["url"], question["url"], other["url"]])
    assert (answers[0].size, answers[0].headers["Content-Type"]) == ((50, 40), WEBP)
    assert {"palette", "dominant_colors"} <= json.loads(answers[1].body).keys()
    assert answers[2].said == INVALID
