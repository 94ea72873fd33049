"""Published clients of imgproxy write and sign URLs; the running server answers with the pictures they meant.

The server has two pairs of keys: JavaScript's client signs with the first, Python's with the second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pyimgproxy import ImgProxy
from pyimgproxy.image import Image

from tests import pictures
from tests.acceptance.service import Answer, ask, serving
from tests.clients import javascript

KEYS = (javascript.KEY, "6b65792d6f662d707974686f6e")
SALTS = (javascript.SALT, "73616c742d6f662d707974686f6e")
PRESETS = "card=rs:fill:120:90/f:webp,dark=bg:222/pd:5"
IN_AN_HOUR = int(time.time()) + 3600

JPEG, PNG, WEBP, AVIF = "image/jpeg", "image/png", "image/webp", "image/avif"
PHOTO, SMALL, FRAMED, TURNED, SOFT, ODD = (
    "photo.jpg",
    "small.png",
    "framed.png",
    "turned.jpg",
    "soft.png",
    "a b@ü%23.jpg",
)


def fetched(url: str) -> Answer:
    """What a client gets that asks for a URL it was given; nothing of it is spelled anew."""
    address, slash, target = url.removeprefix("http://").partition("/")
    return ask(int(address.rpartition(":")[2]), slash + target)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with keys and a folder of pictures."""
    folder = tmp_path_factory.mktemp("originals")
    (folder / PHOTO).write_bytes(pictures.jpeg(pictures.marked(600, 400)))
    (folder / SMALL).write_bytes(pictures.png(pictures.marked(300, 200)))
    (folder / FRAMED).write_bytes(pictures.png(pictures.bordered(320, 220, (12, 20, 18, 10))))
    (folder / TURNED).write_bytes(pictures.jpeg(pictures.with_orientation(pictures.marked(400, 300), 6)))
    (folder / SOFT).write_bytes(pictures.png(pictures.with_alpha(pictures.marked(300, 200))))
    (folder / ODD).write_bytes(pictures.jpeg(pictures.marked(200, 100)))
    variables = {
        "key": ",".join(KEYS),
        "salt": ",".join(SALTS),
        "source_url_encryption_key": javascript.ENCRYPTION_KEY,
        "presets": PRESETS,
        "local_filesystem_root": str(folder),
    }
    with serving(tmp_path_factory.mktemp("service"), **variables) as served:
        yield f"http://127.0.0.1:{served.port}"


# --- JavaScript: @imgproxy/imgproxy-js-core with @imgproxy/imgproxy-node -----------------------------------------------


@dataclass(frozen=True)
class Case:
    """Options as the JavaScript client takes them, and the picture they mean."""

    name: str
    options: dict[str, Any]
    size: tuple[int, int]
    type: str = JPEG
    source: str = PHOTO
    display_as: str = "base64"
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def asked(self) -> dict[str, Any]:
        url = {"value": f"local:///{self.source}", "displayAs": self.display_as}
        return {"url": url, "options": self.options}


CASES = [
    Case("nothing", {}, (600, 400)),
    Case("plain source", {"width": 300}, (300, 200), display_as="plain"),
    Case("encrypted source", {"width": 300}, (300, 200), display_as="encrypted"),
    Case("a name that needs escapes", {"w": 100}, (100, 50), source=ODD),
    Case("resize", {"resize": {"resizing_type": "fill", "width": 200, "height": 200}}, (200, 200)),
    Case(
        "resize with extend and its gravity",
        {
            "resize": {
                "width": 600,
                "height": 600,
                "enlarge": 0,
                "extend": {"extend": True, "gravity": {"type": "so", "y_offset": 10}},
            }
        },
        (600, 600),
        PNG,
        SMALL,
    ),
    Case("size and enlarge", {"size": {"width": 600, "height": 600, "enlarge": "t"}}, (600, 400), PNG, SMALL),
    Case("resizing type", {"resizing_type": "force", "width": 100, "height": 100}, (100, 100)),
    Case("resizing type auto", {"rt": "auto", "w": 150, "h": 50}, (150, 50), PNG, SMALL),
    Case("fill-down", {"rt": "fill-down", "w": 600, "h": 300}, (300, 150), PNG, SMALL),
    Case("min width", {"width": 100, "min_height": 200}, (100, 200)),
    Case("zoom", {"zoom": {"zoom_x": 0.5, "zoom_y": 0.25}}, (300, 100)),
    Case("dpr", {"width": 100, "dpr": 2}, (200, 133)),
    Case(
        "gravity smart", {"resize": {"resizing_type": "fill", "width": 90, "height": 90}, "g": {"type": "sm"}}, (90, 90)
    ),
    Case(
        "gravity focus point",
        {"rt": "fill", "w": 200, "h": 50, "gravity": {"type": "fp", "x": 0.2, "y": 0.9}},
        (200, 50),
    ),
    Case(
        "crop with gravity",
        {"crop": {"width": 300, "height": 300, "gravity": {"type": "nowe", "x_offset": 10, "y_offset": 20}}, "w": 100},
        (100, 100),
    ),
    Case("crop by shares", {"crop": {"width": 0.5, "height": 0.25}}, (300, 100)),
    Case(
        "trim",
        {"trim": {"threshold": 10, "color": "f0f0eb", "equal_hor": True, "equal_ver": True}},
        (330, 220 + 6),  # margins of 10 and 12 … 18 left and right, above and below: cut by the smaller
        PNG,
        FRAMED,
    ),
    Case("padding and background", {"w": 60, "padding": {"top": 10, "left": 5}, "background": "ff8800"}, (75, 60)),
    Case("padding all around", {"w": 60, "pd": 7, "bg": {"r": 1, "g": 2, "b": 3}}, (74, 54)),
    Case("extend aspect ratio", {"w": 300, "h": 300, "exar": {"extend": 1}, "f": "png"}, (300, 300), PNG),
    Case("rotate and flip", {"rotate": 90, "flip": {"horizontal": True}}, (400, 600)),
    Case("auto rotate by default", {}, (300, 400), source=TURNED),
    Case("auto rotate off", {"auto_rotate": False}, (400, 300), source=TURNED),
    Case("filters", {"w": 90, "blur": 1.5, "sharpen": 0.7, "pixelate": 6}, (90, 60)),
    Case("watermark that is not configured", {"w": 90, "watermark": {"opacity": 0.5, "position": "soea"}}, (90, 60)),
    Case("format webp", {"w": 60, "format": "webp"}, (60, 40), WEBP),
    Case("format avif", {"w": 60, "f": "avif"}, (60, 40), AVIF),
    Case("format jpg from alpha", {"ext": "jpg"}, (300, 200), JPEG, SOFT),
    Case("alpha stays", {"w": 150}, (150, 100), PNG, SOFT),
    Case("quality", {"w": 60, "quality": 30}, (60, 40)),
    Case(
        "format quality",
        {"w": 60, "fq": [{"format": "jpeg", "quality": 20}, {"format": "webp", "quality": 30}]},
        (60, 40),
    ),
    Case("max bytes", {"w": 300, "max_bytes": 4000}, (300, 200)),
    Case("metadata and profile kept", {"w": 60, "sm": False, "kcr": 0, "scp": "f"}, (60, 40)),
    Case("preserve HDR, enforce thumbnail", {"w": 60, "ph": True, "eth": True}, (60, 40)),
    Case("skip processing", {"skip_processing": ["png"], "w": 60}, (300, 200), PNG, SMALL),
    Case("raw", {"raw": True, "w": 60}, (600, 400)),
    Case("preset", {"preset": ["card"]}, (120, 90), WEBP),
    Case("several presets", {"pr": ["card", "dark"]}, (130, 100), WEBP),
    Case("cachebuster", {"w": 60, "cachebuster": "v2"}, (60, 40)),
    Case(
        "file name and attachment",
        {"w": 60, "f": "png", "filename": {"name": "holiday"}, "return_attachment": True},
        (60, 40),
        PNG,
        headers={"Content-Disposition": 'attachment; filename="holiday.png"'},
    ),
    Case(
        "file name in base64",
        {"w": 60, "fn": {"name": "aG9saWRheQ", "encoded": True}},
        (60, 40),
        headers={"Content-Disposition": 'inline; filename="holiday.jpg"'},
    ),
    Case("expires", {"w": 60, "expires": IN_AN_HOUR}, (60, 40)),
    Case("any option", {"wild_options": [["w", 60], ["g", "no", 0, 5]]}, (60, 40)),
]

REFUSED = [
    ("a security option", {"options": {"max_src_resolution": 100}}, 403, "Invalid URL"),
    ("an expired link", {"options": {"expires": 1}}, 404, "Invalid URL"),
    ("a preset that is not there", {"options": {"preset": ["poster"]}}, 404, "Invalid URL"),
    ("a question with another key", {"info": True, "options": {"dimensions": True}, "key": "00"}, 403, "Forbidden"),
    ("another key", {"options": {"width": 60}, "key": "00"}, 403, "Forbidden"),
    ("another salt", {"options": {"width": 60}, "salt": "00"}, 403, "Forbidden"),
]


@pytest.fixture(scope="module")
def written(site: str) -> dict[str, str]:
    """The URLs that the JavaScript client writes, by the names of their cases."""
    names = [*(case.name for case in CASES), *(name for name, *_ in REFUSED)]
    asked = [*(case.asked() for case in CASES), *({"url": f"local:///{PHOTO}"} | one for _, one, *_ in REFUSED)]
    answers = javascript.written(asked, endpoint=site)
    return {name: one["url"] for name, one in zip(names, answers, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_javascript_client_gets_its_picture(written: dict[str, str], case: Case) -> None:
    answer = fetched(written[case.name])
    assert (answer.status, answer.headers["Content-Type"], answer.size) == (200, case.type, case.size), written[
        case.name
    ]
    assert {name: answer.headers[name] for name in case.headers} == case.headers


@pytest.mark.parametrize(("name", "status", "text"), [(name, status, text) for name, _, status, text in REFUSED])
def test_the_javascript_client_is_refused(written: dict[str, str], name: str, status: int, text: str) -> None:
    answer = fetched(written[name])
    assert answer.said == (status, text), written[name]


def test_a_url_of_the_javascript_client_cannot_be_changed(site: str, written: dict[str, str]) -> None:
    url = written["plain source"]
    assert "/w:300/" in url
    assert fetched(url.replace("/w:300/", "/w:301/")).status == 403
    signature = url.removeprefix(f"{site}/").partition("/")[0]
    assert fetched(url.replace(signature, signature[::-1])).status == 403
    assert fetched(url.replace(signature, "unsafe")).status == 403


def test_expiry_bounds_the_lifetime(written: dict[str, str]) -> None:
    header = fetched(written["expires"]).headers["Cache-Control"]
    age = int(header.removeprefix("max-age=").partition(",")[0])
    assert 0 < age <= 3600


def test_a_limit_of_bytes_is_kept(written: dict[str, str]) -> None:
    assert len(fetched(written["max bytes"]).body) <= 4000


# --- Python: pyimgproxy ------------------------------------------------------------------------------------------------

DRAWN: list[tuple[str, str, Callable[[Image], Image], tuple[int, int], str]] = [
    ("nothing", PHOTO, lambda image: image, (600, 400), JPEG),
    ("a name that needs base64", ODD, lambda image: image.width(100), (100, 50), JPEG),
    ("resize", PHOTO, lambda image: image.resize("fill", 200, 200, gravity_type="so"), (200, 200), JPEG),
    (
        "resize with flags",
        SMALL,
        lambda image: image.resize("fit", 600, 600, enlarge=True, extend=True),
        (600, 600),
        PNG,
    ),
    ("size", PHOTO, lambda image: image.size(300), (300, 200), JPEG),
    ("type, width, height", PHOTO, lambda image: image.resizing_type("force").width(90).height(90), (90, 90), JPEG),
    ("min height", PHOTO, lambda image: image.width(100).min_height(200), (100, 200), JPEG),
    ("zoom", PHOTO, lambda image: image.zoom(0.5, 0.25), (300, 100), JPEG),
    ("dpr", PHOTO, lambda image: image.width(100).dpr(2), (200, 133), JPEG),
    ("enlarge", SMALL, lambda image: image.width(600).enlarge(True), (600, 400), PNG),
    ("extend", SMALL, lambda image: image.size(600, 600).extend(True, "no"), (600, 600), PNG),
    ("extend aspect ratio", SMALL, lambda image: image.size(90, 90).extend_aspect_ratio(True), (90, 90), PNG),
    ("gravity", PHOTO, lambda image: image.resize("fill", 50, 50).gravity("noea", 5, 0.1), (50, 50), JPEG),
    ("crop", PHOTO, lambda image: image.crop(300, 0.5, "nowe", 10, 10), (300, 200), JPEG),
    ("trim", FRAMED, lambda image: image.trim(10), (320, 220), PNG),
    ("trim evenly", FRAMED, lambda image: image.trim(10, None, True, True), (330, 226), PNG),
    ("padding", PHOTO, lambda image: image.width(60).padding(10, 5).background(hex_color="abc"), (70, 60), JPEG),
    ("background", SOFT, lambda image: image.background(red=1, green=2, blue=3).format("jpg"), (300, 200), JPEG),
    ("auto rotate off", TURNED, lambda image: image.auto_rotate(False), (400, 300), JPEG),
    ("rotate", PHOTO, lambda image: image.rotate(270), (400, 600), JPEG),
    ("metadata", PHOTO, lambda image: image.strip_metadata(True).keep_copyright(False), (600, 400), JPEG),
    ("profile", PHOTO, lambda image: image.strip_color_profile(False).enforce_thumbnail(False), (600, 400), JPEG),
    ("quality and format", PHOTO, lambda image: image.width(60).quality(40).format("webp"), (60, 40), WEBP),
    ("raw", PHOTO, lambda image: image.raw(True), (600, 400), JPEG),
    ("cachebuster", PHOTO, lambda image: image.width(60).cachebuster("v2").return_attachment(True), (60, 40), JPEG),
    ("any option", PHOTO, lambda image: image.add_option("preset", "card"), (120, 90), WEBP),
]


@pytest.mark.parametrize(("source", "draw", "size", "kind"), [one[1:] for one in DRAWN], ids=[one[0] for one in DRAWN])
def test_the_python_client_gets_its_picture(
    site: str, source: str, draw: Callable[[Image], Image], size: tuple[int, int], kind: str
) -> None:
    client = ImgProxy(site, key=KEYS[1], salt=SALTS[1])
    url = draw(client.image(f"local:///{source}")).url
    answer = fetched(url)
    assert (answer.status, answer.headers["Content-Type"], answer.size) == (200, kind, size), url


@pytest.mark.parametrize(("key", "salt"), [(KEYS[0], SALTS[1]), (KEYS[1], SALTS[0]), ("00", SALTS[1]), ("", "")])
def test_the_python_client_is_refused_without_the_right_pair(site: str, key: str, salt: str) -> None:
    answer = fetched(ImgProxy(site, key=key, salt=salt).image(f"local:///{PHOTO}").width(60).url)
    assert answer.said == (403, "Forbidden")
