from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from imgproxy_py.delivery import question as module
from imgproxy_py.delivery.question import Reader
from imgproxy_py.dialects.imgproxy import ImgproxyDialect
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.port import Dialect
from imgproxy_py.dialects.query import QueryDialect
from imgproxy_py.dialects.query.config import QueryConfig
from imgproxy_py.dialects.signing import KeyPair
from imgproxy_py.errors import BadRequest, OutputUnsupported, SignatureMismatch
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.identity import cache_key
from imgproxy_py.recipe.negotiation import Negotiation
from imgproxy_py.recipe.request import ClientHints, ImageRequest

NOW = 1_800_000_000.0
PAIR = KeyPair(b"key", b"salt")
BROWSER = "image/avif,image/webp,*/*"
AUTO = Negotiation(automatic=(Format.AVIF, Format.WEBP))
ENFORCED = Negotiation(automatic=(Format.WEBP,), enforced=(Format.WEBP,))


class Counted:
    """A dialect that counts how often it does what."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.read_count = 0
        self.verified = 0

    def split(self, target: str) -> Any:
        return self._dialect.split(target)

    def verify(self, path: Any) -> None:
        self.verified += 1
        self._dialect.verify(path)

    def read(self, path: Any, **given: Any) -> ImageRequest:
        self.read_count += 1
        return self._dialect.read(path, **given)


def imgproxy(*, signed: bool = False, presets: tuple[str, ...] = (), limits: bool = False) -> ImgproxyDialect:
    config = ImgproxyConfig(pairs=(PAIR,) if signed else (), presets=presets, allow_security_options=limits)
    return ImgproxyDialect(config)


def query(*, signed: bool = False) -> QueryDialect:
    shared = ImgproxyConfig(pairs=(PAIR,) if signed else ())
    return QueryDialect(QueryConfig(images_source="s3://bucket", shared=shared))


def make_reader(dialect: Any = None, **given: Any) -> Reader:
    defaults: dict[str, Any] = {
        "negotiation": AUTO,
        "check": lambda request: None,
        "key": lambda request: cache_key(request.source, request.recipe, "1"),
        "frames": 1,
        "hints": False,
    }
    return Reader(dialect=dialect or imgproxy(), **(defaults | given))


# --- what answers vary by --------------------------------------------------------------------------------------------

HINTS = "Sec-CH-DPR, DPR, Sec-CH-Width, Width"
PLAIN = "plain/s3://bucket/cat.jpg"


@pytest.mark.parametrize(
    ("given", "target", "vary"),
    [
        # Accept, where it is able to change the format of this URL
        ({"negotiation": Negotiation()}, f"/_/{PLAIN}", ""),
        ({}, f"/_/{PLAIN}", "Accept"),
        ({}, f"/_/f:png/{PLAIN}", ""),
        ({}, f"/_/{PLAIN}@png", ""),
        ({"negotiation": ENFORCED}, f"/_/{PLAIN}@png", "Accept"),
        # hints, where they are able to change what this URL means
        ({"hints": True}, f"/_/{PLAIN}", f"Accept, {HINTS}"),
        ({"hints": True}, f"/_/{PLAIN}@png", HINTS),
        ({"hints": True}, f"/_/w:100/{PLAIN}@png", HINTS),
        ({"hints": True}, f"/_/dpr:2/{PLAIN}@png", HINTS),
        ({"hints": True}, f"/_/w:100/dpr:2/{PLAIN}@png", ""),
        ({"hints": True}, f"/_/rs:fit:100:50/dpr:1/{PLAIN}@png", ""),
        ({"hints": True}, f"/_/pr:fixed/{PLAIN}@png", ""),
        ({"hints": True}, f"/_/pr:fixed/{PLAIN}", "Accept"),
        ({"hints": False}, f"/_/w:100/{PLAIN}@png", ""),
        # an original that is relayed is what it is, in an encoding that its server chooses
        ({"hints": True, "negotiation": ENFORCED}, f"/_/raw:1/{PLAIN}", ""),
        ({"hints": True}, "/_/raw:1/plain/https://example.com/cat.jpg", "Accept-Encoding"),
    ],
)
def test_answers_vary_by_exactly_what_is_able_to_change_them(given, target, vary):
    reader = make_reader(imgproxy(presets=("fixed=w:100/dpr:2",)), **given)
    for hints in (None, ClientHints(dpr=2.0)):  # a URL's answer varies by the same, whatever this client sent
        assert reader.read(target, hints, NOW).vary == vary


def test_the_query_dialect_varies_where_its_format_is_auto():
    reader = make_reader(query(), hints=True)
    assert reader.read("/images/cat.jpg?w=1&dpr=1", None, NOW).vary == "Accept"
    assert reader.read("/images/cat.jpg?w=1&dpr=1&format=auto", None, NOW).vary == "Accept"
    assert reader.read("/images/cat.jpg?w=1&dpr=1&format=png", None, NOW).vary == ""
    assert reader.read("/images/cat.jpg?w=1&format=png", None, NOW).vary == HINTS


# --- variants --------------------------------------------------------------------------------------------------------


def test_each_set_of_formats_is_worked_out_once():
    keyed: list[ImageRequest] = []

    def key(request: ImageRequest) -> str:
        keyed.append(request)
        return str(request.recipe.output.accepted)

    reader = make_reader(key=key)
    question = reader.read(f"/_/{PLAIN}", None, NOW)
    first = reader.variant(question, BROWSER)
    assert first.request.recipe.output.accepted == (Format.AVIF,)
    assert reader.variant(question, "image/avif") is first
    other = reader.variant(question, "image/webp")
    assert (other.key, other.digest) != (first.key, first.digest)
    none = reader.variant(question, "*/*")
    assert none.request == question.request
    assert len(keyed) == 3


@pytest.mark.parametrize("garbage", ["", "a" * 1000, "image/webp;q=0", "\udcff", ",,,;;=", "image/avif,image/jxl"])
def test_there_are_never_more_variants_than_sets_of_formats(garbage):
    reader = make_reader(frames=2)
    question = reader.read(f"/_/{PLAIN}", None, NOW)
    for number in range(50):
        reader.variant(question, f"{garbage};x={number}")
        reader.variant(question, f"image/webp;q=0.{number}, {garbage}")
    assert len(question.variants) <= 4


@pytest.mark.parametrize(
    ("frames", "options", "accepted"),
    [
        (1, "", (Format.AVIF,)),
        (2, "", (Format.AVIF, Format.WEBP)),
        (2, "da:1/", (Format.AVIF,)),
        (2, "maf:1/", (Format.AVIF,)),
        (1, "maf:2/", (Format.AVIF, Format.WEBP)),
        (2, "pg:1/", (Format.AVIF, Format.WEBP)),
        (2, "f:jpeg/", ()),
    ],
)
def test_the_format_for_animations_is_kept_where_a_url_may_be_answered_by_one(frames, options, accepted):
    reader = make_reader(imgproxy(limits=True), frames=frames)
    question = reader.read(f"/_/{options}{PLAIN}", None, NOW)
    assert reader.variant(question, BROWSER).request.recipe.output.accepted == accepted
    assert question.vary == ("" if options == "f:jpeg/" else "Accept")


# --- what is remembered ----------------------------------------------------------------------------------------------


def signed_targets() -> list[tuple[Any, str]]:
    writers = (imgproxy(signed=True), query(signed=True))
    request = imgproxy().parse(f"/_/w:300/{PLAIN}", now=NOW)
    return [(dialect, dialect.write(request)) for dialect in writers]


@pytest.mark.parametrize(("dialect", "target"), signed_targets(), ids=["imgproxy", "query"])
def test_a_target_is_understood_and_its_signature_verified_once(dialect, target):
    counted = Counted(dialect)
    reader = make_reader(counted)
    question = reader.read(target, None, NOW)
    assert all(reader.read(target, None, NOW) is question for _ in range(9))
    assert reader.known(target, None) is question
    assert (counted.read_count, counted.verified) == (1, 1)


@pytest.mark.parametrize(("dialect", "target"), signed_targets(), ids=["imgproxy", "query"])
def test_a_wrong_signature_is_refused_though_the_right_one_is_remembered(dialect, target):
    reader = make_reader(dialect)
    question = reader.read(target, None, NOW)
    signature = dialect.split(target).signature
    other = target.replace("300", "301")
    wrongs = ("", "unsafe", signature[:-1], signature.swapcase(), signature + "=")
    for wrong in (other, *(target.replace(signature, text) for text in wrongs)):
        assert reader.known(wrong, None) is None
        with pytest.raises((SignatureMismatch, BadRequest)):
            reader.read(wrong, None, NOW)
    assert reader.read(target, None, NOW) is question


def test_what_is_refused_is_not_remembered():
    def check(request: ImageRequest) -> None:
        raise OutputUnsupported("no")

    reader = make_reader(imgproxy(signed=True), check=check)
    with pytest.raises(SignatureMismatch):
        reader.read(f"/x/{PLAIN}", None, NOW)
    right = imgproxy(signed=True).write(imgproxy().parse(f"/_/{PLAIN}", now=NOW))
    for _ in range(2):
        with pytest.raises(OutputUnsupported):
            reader.read(right, None, NOW)
    assert len(reader._known) == 0


def test_memory_for_targets_is_bounded_and_the_oldest_goes_first(monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED", 5)
    counted = Counted(imgproxy())
    reader = make_reader(counted)
    for number in range(20):
        reader.read(f"/_/w:{number}/{PLAIN}", None, NOW)
        assert len(reader._known) <= 5
    reader.read(f"/_/w:19/{PLAIN}", None, NOW)
    assert counted.read_count == 20
    reader.read(f"/_/w:0/{PLAIN}", None, NOW)
    assert (counted.read_count, len(reader._known)) == (21, 5)


def test_hints_do_not_loosen_the_bound(monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED", 5)
    reader = make_reader(hints=True)
    for width in range(1, 20):
        reader.read(f"/_/{PLAIN}", ClientHints(width=width), NOW)
    assert len(reader._known) == 5


def test_a_target_of_absurd_length_is_answered_and_not_remembered():
    reader = make_reader()
    reader.read(f"/_/cb:{'x' * 5000}/{PLAIN}", None, NOW)
    assert len(reader._known) == 0


def test_hints_change_what_is_asked_and_are_remembered_with_it():
    reader = make_reader(hints=True)
    plain = reader.read(f"/_/{PLAIN}", None, NOW)
    hinted = reader.read(f"/_/{PLAIN}", ClientHints(dpr=2.0, width=600), NOW)
    resize = hinted.request.recipe.stages[0].resize
    assert (resize.dpr, resize.width) == (2.0, 300)
    assert plain.request.recipe.stages[0].resize.dpr == 1.0
    assert reader.read(f"/_/{PLAIN}", None, NOW) is plain


def test_a_question_tells_logs_the_source_without_its_secrets():
    question = make_reader().read("/_/plain/https://u:p%40example.com/a.jpg%3Ftoken=1", None, NOW)
    assert question.source == "https://example.com/a.jpg"
    assert replace(question.request, signature="").source.location == "u:p@example.com/a.jpg?token=1"
