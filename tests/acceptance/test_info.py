"""What an original is, told by the running service: cached, signed and refused as pictures are (dialect §5.7)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imgproxy_py.dialects.signing import KeyPair, Signer
from tests import originals, pictures
from tests.acceptance.origin import Origin, Page
from tests.acceptance.service import IN_MEMORY, MADE, Answer, Service, serving

INVALID = (404, "Invalid URL")
PHOTO = pictures.jpeg(pictures.with_orientation(pictures.marked(120, 80), 6))
USUAL = ["size", "format", "mime_type", "width", "height", "orientation", "exif", "iptc", "photoshop", "xmp"]
QUIET = "exif:0/iptc:0/xmp:0"
KEY, SALT = "736563726574", "68656C6C6F"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("shop")
    (directory / "a.jpg").write_bytes(PHOTO)
    (directory / "film.mp4").write_bytes(originals.video())
    (directory / "letter.txt").write_bytes(b"no picture at all")
    (directory / "cut.jpg").write_bytes(pictures.truncated(pictures.jpeg(pictures.noise(200, 150)), 0.3))
    return directory


@pytest.fixture(scope="module")
def plain(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with nothing switched on."""
    with serving(
        tmp_path_factory.mktemp("plain"),
        local_filesystem_root=str(shop),
        allow_loopback_source_addresses="true",
        presets="card=rs:fill:50:40",
        info_presets="colors=p:4/avg:1,default=b:1",
    ) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with keys, a prefix, negotiation, and lists of what may be asked."""
    with serving(
        tmp_path_factory.mktemp("guarded"),
        local_filesystem_root=str(shop),
        key=KEY,
        salt=SALT,
        path_prefix="/img",
        auto_webp="true",
        allowed_info_options="size,s,preset,pr",
        info_presets="colors=p:4",
        allow_origin="https://shop.example",
        enable_debug_headers="true",
    ) as running:
        yield running


def told(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.said
    found: dict[str, Any] = json.loads(answer.body)
    return found


def signed(rest: str) -> str:
    signer = Signer((KeyPair(bytes.fromhex(KEY), bytes.fromhex(SALT)),), 32)
    return f"/img/info/{signer.sign(rest)}{rest}"


# What is answered


def test_an_answer_is_json_of_what_is_usually_asked(plain: Service) -> None:
    answer = plain.get("/info/unsafe/b:0/plain/local:///a.jpg")
    found = told(answer)
    assert list(found) == USUAL
    assert (found["size"], found["format"], found["mime_type"]) == (len(PHOTO), "jpeg", "image/jpeg")
    assert (found["width"], found["height"], found["orientation"]) == (80, 120, 6)
    headers = answer.headers
    assert (headers["Content-Type"], headers["Content-Length"]) == ("application/json", str(len(answer.body)))
    assert headers["Cache-Control"] == "max-age=31536000, public"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "imgproxy"


def test_a_video_tells_its_streams(plain: Service) -> None:
    found = told(plain.get(f"/info/unsafe/{QUIET}/plain/local:///film.mp4"))
    assert (found["format"], found["width"], found["height"]) == ("mp4", 160, 96)
    assert found["video_streams"][0]["codec"] == "mpeg4"


def test_every_kind_of_source_is_asked_about(plain: Service, origin: Origin) -> None:
    url = origin.put("/b.jpg", PHOTO)
    assert told(plain.get(f"/info/unsafe/{QUIET}/plain/{url}"))["size"] == len(PHOTO)
    assert told(plain.get(f"/info/unsafe/{QUIET}/bG9jYWw6Ly8v/YS5qcGc"))["size"] == len(PHOTO)


# Caches and conditions


def test_an_answer_is_made_once(plain: Service) -> None:
    target = "/info/unsafe/th:1/plain/local:///a.jpg"
    first, second = plain.get(target), plain.get(target)
    assert (first.cache, second.cache) == (MADE, IN_MEMORY)
    assert (first.body, first.headers["ETag"]) == (second.body, second.headers["ETag"])
    assert (
        plain.get("/info/unsafe/cb:v2/th:t/plain/local:///a.jpg").cache == IN_MEMORY
    )  # the same question, spelled anew


def test_a_question_and_a_picture_of_the_same_path_are_two_things(plain: Service) -> None:
    rest = "unsafe/cb:two/plain/local:///a.jpg"
    picture, question = plain.get(f"/{rest}"), plain.get(f"/info/{rest}")
    assert picture.size == (80, 120)
    assert list(told(question))[:2] == ["size", "format"]
    assert picture.headers["ETag"] != question.headers["ETag"]


def test_who_has_the_answer_gets_304(plain: Service) -> None:
    target = f"/info/unsafe/{QUIET}/cs:1/plain/local:///a.jpg"
    answer = plain.get(target)
    assert (answer.status, answer.headers["ETag"][0]) == (200, '"')
    known = plain.get(target, If_None_Match=answer.headers["ETag"])
    assert (known.status, known.body, known.headers["ETag"]) == (304, b"", answer.headers["ETag"])
    assert plain.get(target, If_Modified_Since=answer.headers["Last-Modified"]).status == 304
    assert plain.get(target, If_None_Match='"other"').status == 200


def test_another_question_has_another_tag(plain: Service) -> None:
    tags = {plain.get(f"/info/unsafe/{one}/plain/local:///a.jpg").headers["ETag"] for one in ("p:2", "p:3", "bh:3:3")}
    assert len(tags) == 3


def test_head_tells_what_get_would_without_its_body(plain: Service) -> None:
    target = "/info/unsafe/ph:1/plain/local:///a.jpg"
    head, get = plain.get(target, method="HEAD"), plain.get(target)
    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control", "Last-Modified"):
        assert head.headers[name] == get.headers[name]
    assert plain.get("/info/unsafe/watermelon:1/plain/local:///a.jpg", method="HEAD").status == 404


def test_the_clients_formats_make_no_difference(guarded: Service) -> None:
    target = signed("/s:1/plain/local:///a.jpg")
    answers = [guarded.get(target, Accept=accept) for accept in ("*/*", "image/webp")]
    assert answers[0].body == answers[1].body
    assert answers[1].cache == IN_MEMORY
    assert answers[0].headers["Vary"] is None


def test_lifetimes_end_when_the_url_expires(plain: Service) -> None:
    soon = int(time.time()) + 100
    said = plain.get(f"/info/unsafe/exp:{soon}/plain/local:///a.jpg").headers["Cache-Control"]
    assert 90 <= int(said.removeprefix("max-age=").partition(",")[0]) <= 100


# What is refused


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("watermelon:1/plain/local:///a.jpg", INVALID),
        ("w:10/plain/local:///a.jpg", INVALID),
        ("p:1/plain/local:///a.jpg", INVALID),
        ("-/plain/local:///a.jpg", INVALID),
        ("plain/local:///a.jpg@png", INVALID),
        ("pr:card/plain/local:///a.jpg", INVALID),
        ("exp:1000/plain/local:///a.jpg", INVALID),
        ("cl:1/plain/local:///a.jpg", INVALID),
        ("msr:1/plain/local:///a.jpg", (403, "Invalid URL")),
        ("bc:1/plain/local:///a.jpg", (403, "Invalid URL")),
        ("plain/local:///none.jpg", (404, "Source is unreachable")),
        ("plain/ftp://host/a.jpg", (404, "Source is unreachable")),
        ("plain/local:///letter.txt", (422, "Invalid source image")),
        ("avg:1/plain/local:///cut.jpg", (422, "Broken or unsupported image")),
        (f"hs:md5:{'0' * 32}/plain/local:///a.jpg", (422, "Invalid source image")),
    ],
)
def test_errors_are_told_as_those_of_pictures(rest: str, said: tuple[int, str], plain: Service) -> None:
    answer = plain.get(f"/info/unsafe/{rest}")
    assert answer.said == said
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["ETag"] is None


@pytest.mark.parametrize("target", ["/info", "/info/", "/info/unsafe", "/info/unsafe/"])
def test_what_lacks_a_part_is_no_question(target: str, plain: Service) -> None:
    assert plain.get(target).said == INVALID


def test_who_forgot_the_signature_is_told_so(plain: Service) -> None:
    status, text = plain.get("/info/s:1/plain/local:///a.jpg").said
    assert status == 403
    assert text.startswith("The signature appears to be a processing option.")


def test_the_status_of_the_originals_server_is_passed_on(plain: Service, origin: Origin) -> None:
    gone = origin.put("/gone.jpg", Page(status="410 Gone"))
    assert plain.get(f"/info/unsafe/plain/{gone}").said == (410, "Source is unreachable")


# Signatures, prefix, and what may be asked


def test_the_signature_is_over_what_follows_it(guarded: Service) -> None:
    target = signed("/s:1/plain/local:///a.jpg")
    assert told(guarded.get(target))["size"] == len(PHOTO)
    assert guarded.get(target.replace("/s:1/", "/s:0/")).said == (403, "Forbidden")
    assert guarded.get("/img/info/unsafe/s:1/plain/local:///a.jpg").said == (403, "Forbidden")


def test_questions_are_under_the_prefix_alone(guarded: Service) -> None:
    target = signed("/s:1/plain/local:///a.jpg")
    assert guarded.get(target).status == 200
    assert guarded.get(target.removeprefix("/img")).status == 404


def test_only_what_is_listed_may_be_asked_and_presets_may_more(guarded: Service) -> None:
    assert guarded.get(signed("/size:1/plain/local:///a.jpg")).status == 200
    assert guarded.get(signed("/p:4/plain/local:///a.jpg")).said == INVALID
    assert len(told(guarded.get(signed("/pr:colors/plain/local:///a.jpg")))["palette"]) == 4


def test_pages_elsewhere_may_read_it(guarded: Service) -> None:
    headers = guarded.get(signed("/s:1/plain/local:///a.jpg")).headers
    assert headers["Access-Control-Allow-Origin"] == "https://shop.example"


def test_presets_are_those_of_questions(plain: Service) -> None:
    found = told(plain.get(f"/info/unsafe/{QUIET}/pr:colors/plain/local:///a.jpg"))
    assert (found["bands"], len(found["palette"])) == (3, 4)
    assert set(found["average"]) == set("RGBA")


def test_questions_alone_may_be_bound_to_presets(shop: Path, tmp_path: Path) -> None:
    settings = {"local_filesystem_root": str(shop), "info_presets": "colors=p:4", "info_only_presets": "true"}
    with serving(tmp_path, **settings) as service:
        assert "palette" in told(service.get("/info/unsafe/colors/plain/local:///a.jpg"))
        assert service.get("/info/unsafe/p:4/plain/local:///a.jpg").said == INVALID
        assert service.get("/unsafe/w:10/plain/local:///a.jpg").size == (10, 15)
