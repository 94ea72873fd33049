from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from imgproxy_py.delivery import question as question_module
from imgproxy_py.dialects.imgproxy import ImgproxyDialect
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.query import QueryDialect
from imgproxy_py.dialects.query.config import QueryConfig
from imgproxy_py.dialects.signing import KeyPair
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import SourceTimeout, SourceUnreachable
from imgproxy_py.recipe.formats import Format, sniff
from imgproxy_py.web.middlewares import CONTENT_SECURITY_POLICY
from tests.factories import SVG, jpeg, make_original, png
from tests.fakes import FakeSource, FakeTransformer, missing, until

from .conftest import NOW

CAT = "/_/w:16/plain/s3://bucket/cat.jpg"
BIG = "/_/w:32/plain/s3://bucket/cat.jpg"  # AVIF has no smaller pictures
SAME = "/images/cat.jpg?w=16&format=jpeg"
BOTH = pytest.mark.parametrize("target", ["/_/w:16/f:jpeg/plain/s3://bucket/cat.jpg", SAME], ids=["imgproxy", "query"])
MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"
BROWSER = "image/avif,image/webp,image/apng,*/*;q=0.8"
PER_CONNECTION = ("date", "x-request-id", "connection")


def told(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in PER_CONNECTION}


# --- 200 -------------------------------------------------------------------------------------------------------------


@BOTH
async def test_a_picture_is_answered_with_exactly_these_headers(client, target):
    answer = await client.get(target)
    assert answer.status == 200
    assert sniff(answer.body) is Format.JPEG
    headers = told(answer)
    etag = headers.pop("etag")
    assert len(etag) == 26
    common = {
        "server": "imgproxy",
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "cross-origin",
        "content-type": "image/jpeg",
        "content-length": str(len(answer.body)),
        "content-disposition": 'inline; filename="cat.jpg"',
        "cache-control": "max-age=31536000, public",
        "last-modified": MODIFIED,
        "accept-ranges": "bytes",
    }
    assert headers == common | {"cache-status": "imgproxy-py; fwd=miss; stored"}

    again = await client.get(target)
    assert again.body == answer.body
    assert told(again) == common | {"etag": etag, "cache-status": "imgproxy-py; hit; detail=memory"}
    assert (len(client.shop.source.fetched), client.shop.transformer.made) == (1, 1)


async def test_both_dialects_share_one_picture(client):
    first = await client.get("/_/w:16/f:jpeg/plain/s3://bucket/cat.jpg")
    second = await client.get(SAME)
    assert second.headers["cache-status"] == "imgproxy-py; hit; detail=memory"
    assert (second.headers["etag"], second.body) == (first.headers["etag"], first.body)
    assert client.shop.transformer.made == 1


async def test_a_crowd_is_answered_by_one_piece_of_work(client):
    client.shop.source.gate.clear()
    crowd = [asyncio.create_task(client.get(CAT)) for _ in range(50)]
    await until(lambda: "50 waiting" in repr(client.shop.renderer.flight))
    client.shop.source.gate.set()
    answers = await asyncio.gather(*crowd)
    statuses = sorted(one.headers["cache-status"] for one in answers)
    assert statuses == ["imgproxy-py; fwd=miss; collapsed"] * 49 + ["imgproxy-py; fwd=miss; stored"]
    assert (len(client.shop.source.fetched), client.shop.transformer.made) == (1, 1)


async def test_every_optional_header_is_sent_when_it_is_switched_on(serve):
    client = await serve(
        set_canonical_header=True,
        enable_debug_headers=True,
        return_attachment=True,
        cdn_cache_control=True,
        cdn_ttl=600,
        ttl=60,
        cache_tag_headers="Cache-Tag,Surrogate-Key",
        imgproxy={"presets": ("small=w:16",)},
    )
    answer = await client.get("/_/pr:small/cb:7/plain/https://example.com/a/k%C3%A4tzchen.png")
    headers = told(answer)
    assert headers["cache-control"] == "max-age=60, public, s-maxage=600, immutable"
    assert headers["cdn-cache-control"] == headers["surrogate-control"] == "max-age=600"
    assert headers["link"] == '<https://example.com/a/k%C3%A4tzchen.png>; rel="canonical"'
    assert headers["content-disposition"] == (
        "attachment; filename=\"k_tzchen.jpg\"; filename*=UTF-8''k%C3%A4tzchen.jpg"
    )
    source, preset = headers["cache-tag"].split(",")
    assert (preset, headers["surrogate-key"]) == ("preset-small", f"{source} {preset}")
    assert (headers["x-origin-width"], headers["x-origin-height"]) == ("64", "48")
    assert (headers["x-result-width"], headers["x-result-height"]) == ("16", "12")
    assert headers["x-origin-content-length"] == str(len(jpeg()))
    assert headers["server-timing"].startswith("queue;dur=")
    again = await client.get("/_/pr:small/cb:7/plain/https://example.com/a/k%C3%A4tzchen.png")
    assert "server-timing" not in again.headers


@BOTH
async def test_head_answers_as_get_without_a_body(client, target):
    head = await client.head(target)
    got = await client.get(target)
    assert (head.status, head.body) == (200, b"")
    assert told(head) | {"cache-status": ""} == told(got) | {"cache-status": ""}
    assert (await client.head(target, If_None_Match=got.headers["etag"])).status == 304


async def test_head_knows_no_ranges(client):
    """RFC 9110 §14.2: a Range in anything but a GET is ignored."""
    assert (await client.head(CAT, Range="bytes=0-9")).status == 200
    assert (await client.head(CAT, Range="bytes=99999-")).status == 200


# --- 304, 412 --------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("header", "value"),
    [("If_None_Match", "{}"), ("If_None_Match", '"x", W/{}'), ("If_None_Match", "*"), ("If_Modified_Since", MODIFIED)],
)
async def test_a_picture_in_memory_that_the_client_has_is_304_without_asking_anybody(client, target, header, value):
    first = await client.get(target)
    answer = await client.get(target, **{header: value.format(first.headers["etag"])})
    assert (answer.status, answer.body) == (304, b"")
    kept = ("etag", "cache-control", "last-modified", "server", "content-security-policy")
    assert {name: answer.headers.get(name) for name in kept} == {name: first.headers[name] for name in kept}
    assert "content-type" not in answer.headers
    assert client.shop.source.validated == []
    assert client.shop.transformer.made == 1


async def test_a_picture_in_no_cache_that_the_client_has_is_304_by_its_originals_validators_alone(client):
    etag = (await client.get(CAT)).headers["etag"]
    await client.shop.memory.delete(next(iter(client.shop.memory._entries)))
    answer = await client.get(CAT, If_None_Match=f'"x", {etag}')
    assert (answer.status, answer.headers["etag"]) == (304, etag)
    assert answer.headers["cache-control"] == "max-age=31536000, public"
    assert len(client.shop.source.validated) == 1
    assert (len(client.shop.source.fetched), client.shop.transformer.made, len(client.shop.memory)) == (1, 1, 0)


async def test_a_picture_whose_original_has_changed_is_made_and_sent(client):
    etag = (await client.get(CAT)).headers["etag"]
    client.shop.source.anything = make_original(png(), etag='"v2"')
    await client.shop.memory.delete(next(iter(client.shop.memory._entries)))
    answer = await client.get(CAT, If_None_Match=etag)
    assert answer.status == 200
    assert answer.headers["etag"] != etag


@pytest.mark.parametrize("known", ['"other"', "garbage", "", "\udcff"])
async def test_a_client_who_has_another_picture_gets_this_one(client, known):
    assert (await client.get(CAT, If_None_Match=known)).status == 200


async def test_an_original_without_validators_is_fetched_to_know(client):
    client.shop.source.anything = make_original(etag="", modified_at=None)
    etag = (await client.get(CAT)).headers["etag"]
    assert (await client.get(CAT, If_None_Match=etag)).status == 304
    await client.shop.memory.delete(next(iter(client.shop.memory._entries)))
    answer = await client.get(CAT, If_None_Match=etag)
    assert (answer.status, client.shop.transformer.made) == (304, 2)


async def test_trouble_with_validators_is_told_by_the_fetch(client):
    client.shop.source.trouble = missing()
    answer = await client.get(CAT, If_None_Match='"x"')
    assert (answer.status, answer.body) == (404, b"Source is unreachable")
    assert (len(client.shop.source.validated), len(client.shop.source.fetched)) == (1, 1)


async def test_with_etags_switched_off_none_is_sent_or_heeded(serve):
    client = await serve(use_etag=False)
    answer = await client.get(CAT)
    assert "etag" not in answer.headers
    assert (await client.get(CAT, If_None_Match='"x"')).status == 200
    assert client.shop.source.validated == []


@BOTH
@pytest.mark.parametrize("in_memory", [True, False])
async def test_a_precondition_that_fails_is_412_before_a_304_is_thought_of(client, target, in_memory):
    etag = (await client.get(target)).headers["etag"]
    if not in_memory:
        await client.shop.memory.delete(next(iter(client.shop.memory._entries)))
    assert (await client.get(target, If_Match='"other"', If_None_Match=etag)).status == 412
    assert (await client.get(target, If_Match='"other"')).status == 412
    assert (await client.get(target, If_Unmodified_Since="Sat, 05 Nov 1994 08:49:37 GMT")).status == 412
    assert (await client.get(target, If_Match=etag)).status == 200


async def test_a_304_says_nothing_of_lifetimes_that_only_the_origin_knows(serve):
    """A client updates what it has by what a 304 says (RFC 9111 §3.2); a year would replace the origin's minute."""
    client = await serve(cache_control_passthrough=True)
    client.shop.source.anything = make_original(cache_control="max-age=60, private")
    first = await client.get(CAT)
    assert first.headers["cache-control"] == "max-age=60, private"
    etag = first.headers["etag"]
    known = await client.get(CAT, If_None_Match=etag)
    assert (known.status, known.headers["cache-control"]) == (304, "max-age=60, private")
    await client.shop.memory.delete(next(iter(client.shop.memory._entries)))
    unknown = await client.get(CAT, If_None_Match=etag)
    assert unknown.status == 304
    assert "cache-control" not in unknown.headers


async def test_a_slow_origin_of_validators_does_not_take_longer_than_the_request_may(serve):
    client = await serve(timeout=0.05)
    client.shop.source.gate.clear()
    async with asyncio.timeout(2):
        answer = await client.get(CAT, If_None_Match='"x"')
    assert (answer.status, answer.body) == (503, b"Timeout")


# --- ranges ----------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("header", "first", "last"),
    [("bytes=0-9", 0, 9), ("bytes=100-", 100, -1), ("bytes=-7", -7, -1), ("bytes=5-999999", 5, -1)],
)
async def test_a_range_of_a_finished_picture_is_sent_alone(client, target, header, first, last):
    whole = (await client.get(target)).body
    first, last = first % len(whole), last % len(whole)
    answer = await client.get(target, Range=header)
    assert (answer.status, answer.body) == (206, whole[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"
    assert answer.headers["content-length"] == str(last - first + 1)
    assert answer.headers["content-type"] == "image/jpeg"


async def test_a_range_beyond_the_end_is_416_and_kept_by_nobody(client):
    whole = (await client.get(CAT)).body
    answer = await client.get(CAT, Range="bytes=999999-")
    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{len(whole)}"
    assert answer.headers["cache-control"] == "no-store"
    assert not answer.headers.get("content-type", "").startswith("text/")


@pytest.mark.parametrize("header", ["bytes=0-1,5-6", "items=0-1", "garbage"])
async def test_other_ranges_are_ignored(client, header):
    answer = await client.get(CAT, Range=header)
    assert answer.status == 200
    assert "content-range" not in answer.headers


async def test_a_range_is_resumed_of_the_same_picture_alone(client):
    etag = (await client.get(CAT)).headers["etag"]
    assert (await client.get(CAT, Range="bytes=0-9", If_Range=etag)).status == 206
    assert (await client.get(CAT, Range="bytes=0-9", If_Range=MODIFIED)).status == 206
    assert (await client.get(CAT, Range="bytes=0-9", If_Range='"other"')).status == 200
    assert (await client.get(CAT, Range="bytes=0-9", If_Range=f"W/{etag}")).status == 200
    assert (await client.get(CAT, Range="bytes=0-9", If_None_Match=etag)).status == 304


# --- who may ask, and until when -------------------------------------------------------------------------------------

PAIR = KeyPair(b"key", b"salt")
SIGNED = {"pairs": (PAIR,)}


def signed(target: str, dialect: str = "imgproxy") -> str:
    config = ImgproxyConfig(**SIGNED)
    request = ImgproxyDialect().parse(target, now=NOW)
    writer = (
        ImgproxyDialect(config)
        if dialect == "imgproxy"
        else QueryDialect(QueryConfig(images_source="s3://bucket", shared=config))
    )
    return writer.write(request)


@pytest.mark.parametrize("dialect", ["imgproxy", "query"])
async def test_a_wrong_signature_is_refused_also_after_the_right_one_was_seen(serve, dialect):
    client = await serve(imgproxy=SIGNED)
    right = signed(CAT, dialect)
    signature = right.split("/")[1] if dialect == "imgproxy" else right.partition("s=")[2]
    wrong = right.replace(signature, signature[:-1] + ("A" if signature[-1] != "A" else "B"))
    assert (await client.get(wrong)).status == 403
    assert [(await client.get(right)).status for _ in range(2)] == [200, 200]
    for target in (wrong, right.replace(signature, "unsafe"), right.replace("16", "17")):
        assert (await client.get(target)).status == 403
    assert (await client.get(right)).status == 200
    assert len(client.shop.source.fetched) == 1


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (f"/_/exp:{int(NOW) + 60}/w:16/plain/s3://bucket/cat.jpg", 404),
        (f"/images/cat.jpg?w=16&exp={int(NOW) + 60}", 410),
        (f"/_/exp:{int(NOW) + 60}/raw:1/plain/s3://bucket/cat.jpg", 404),
    ],
)
async def test_a_link_expires_also_when_it_is_remembered_and_its_picture_cached(client, target, status):
    assert (await client.get(target)).status == 200
    client.shop.clock.now = NOW + 59.5
    assert (await client.get(target)).headers["cache-control"] == "no-cache"
    client.shop.clock.now = NOW + 60.5
    expired = await client.get(target)
    assert expired.status == status
    assert (await client.get(target, If_None_Match="*")).status == status
    assert (await client.get(target.replace("16", "17"))).status == status


async def test_the_remembered_questions_are_bounded(serve, monkeypatch):
    monkeypatch.setattr(question_module, "_REMEMBERED", 8)
    client = await serve(transformer=_quick(), enable_client_hints=True)
    for number in range(30):
        assert (await client.get(f"/_/w:{number}/plain/s3://bucket/cat.jpg")).status == 200
        await client.get(f"/images/cat.jpg?h={number + 1}", Sec_CH_Width=str(number + 1))
    assert len(client.shop.imgproxy.reader._known) == len(client.shop.query.reader._known) == 8


def _quick() -> Any:
    fake = FakeTransformer()
    fake.abilities = Transformer(EngineSettings()).abilities  # type: ignore[attr-defined]
    return fake


# --- negotiation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "target", "accept", "kind", "vary"),
    [
        ({}, BIG, BROWSER, "image/jpeg", None),
        ({"auto_webp": True}, BIG, BROWSER, "image/webp", "Accept"),
        ({"auto_webp": True, "auto_avif": True}, BIG, BROWSER, "image/avif", "Accept"),
        ({"auto_webp": True}, BIG, "image/webp;q=0,*/*", "image/jpeg", "Accept"),
        ({"auto_webp": True}, BIG, "*/*", "image/jpeg", "Accept"),
        ({"auto_webp": True}, BIG, "image/png\r\nAccept: image/webp", "image/webp", "Accept"),
        ({"auto_webp": True}, BIG, "", "image/jpeg", "Accept"),
        ({"auto_webp": True}, f"{BIG}@png", BROWSER, "image/png", None),
        ({"enforce_webp": True}, f"{BIG}@png", BROWSER, "image/webp", "Accept"),
        ({}, "/images/cat.jpg?w=32", BROWSER, "image/avif", "Accept"),
        ({"negotiated_formats": "webp"}, "/images/cat.jpg?w=32", BROWSER, "image/webp", "Accept"),
        ({}, "/images/cat.jpg?w=32", "image/*", "image/jpeg", "Accept"),
        ({}, "/images/cat.jpg?w=32&format=png", BROWSER, "image/png", None),
    ],
)
async def test_the_format_is_negotiated_and_vary_says_so(serve, settings, target, accept, kind, vary):
    client = await serve(**settings)
    answer = await client.get(target, Accept=accept)
    assert (answer.headers["content-type"], answer.headers.get("vary")) == (kind, vary)
    assert sniff(answer.body) is Format(kind.removeprefix("image/"))
    assert answer.headers["content-disposition"].endswith({"image/jpeg": ".jpg"}.get(kind, "." + kind[6:]) + '"')
    known = await client.get(target, Accept=accept, If_None_Match=answer.headers["etag"])
    assert (known.status, known.headers.get("vary")) == (304, vary)


async def test_variants_of_one_url_have_entity_tags_of_their_own(serve):
    client = await serve(auto_webp=True)
    webp, plain = await client.get(CAT, Accept=BROWSER), await client.get(CAT)
    assert webp.headers["etag"] != plain.headers["etag"]
    assert (await client.get(CAT, Accept=BROWSER, If_None_Match=plain.headers["etag"])).status == 200
    assert (await client.get(CAT, Accept=BROWSER)).body == webp.body


async def test_errors_of_a_negotiated_url_vary_as_it_does(serve):
    client = await serve(auto_webp=True)
    client.shop.source.trouble = missing()
    assert (await client.get(CAT)).headers["vary"] == "Accept"
    assert (await client.get("/images/cat.jpg")).headers["vary"] == "Accept"
    assert "vary" not in (await client.get("/_/nonsense:1/plain/s3://bucket/cat.jpg")).headers


async def test_hints_are_heeded_when_they_are_switched_on(serve):
    client = await serve(enable_client_hints=True, enable_debug_headers=True)
    target = "/_/plain/s3://bucket/cat.jpg@png"
    answer = await client.get(target, Sec_CH_Width="32", DPR="2")
    assert answer.headers["vary"] == "Sec-CH-DPR, DPR, Sec-CH-Width, Width"
    assert answer.headers["x-result-width"] == "32"
    assert (await client.get(target)).headers["x-result-width"] == "64"
    deaf = await serve(enable_debug_headers=True)
    assert (await deaf.get(target, Width="32")).headers["x-result-width"] == "64"


async def test_an_svg_comes_back_as_an_svg_and_as_pixels_when_asked(serve):
    client = await serve(source=FakeSource(make_original(SVG)), auto_webp=True)
    answer = await client.get("/_/w:5/plain/s3://bucket/logo.svg", Accept=BROWSER)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-disposition"] == 'inline; filename="logo.svg"'
    assert b"<rect" in answer.body
    assert (await client.get("/_/w:5/plain/s3://bucket/logo.svg@png")).headers["content-type"] == "image/png"


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "imgproxy", "query"),
    [(missing(), 404, 404), (SourceUnreachable(), 404, 502), (SourceTimeout(), 504, 504)],
)
async def test_each_dialect_says_in_its_own_voice_what_went_wrong(client, trouble, imgproxy, query):
    client.shop.source.trouble = trouble
    answer = await client.get(CAT)
    assert (answer.status, answer.body) == (imgproxy, b"Source is unreachable")
    answer = await client.get("/images/cat.jpg")
    assert (answer.status, json.loads(answer.body)["type"]) == (query, trouble.slug)
    client.shop.source.trouble = None
    assert (await client.get(CAT)).status == (await client.get("/images/cat.jpg")).status == 200


async def test_what_is_no_image_is_refused_and_asked_for_anew(client):
    client.shop.source.anything = make_original(b"<!doctype html><script>alert(1)</script>")
    assert (await client.get(CAT)).status == 422
    assert (await client.get("/images/cat.jpg")).status == 415
    client.shop.source.anything = make_original()
    assert (await client.get(CAT)).status == 200


async def test_a_picture_that_is_not_whole_is_kept_by_nobody(serve):
    client = await serve(
        source=FakeSource(make_original(jpeg(256, 256)[:-200])),
        transformer=Transformer(EngineSettings(serve_truncated=True)),
        cdn_cache_control=True,
    )
    for _ in range(2):
        answer = await client.get(CAT)
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        assert answer.headers["cache-status"] == "imgproxy-py; fwd=miss"
        assert "cdn-cache-control" not in answer.headers
    assert client.shop.transformer.made == 2


async def test_time_that_is_up_is_503_and_stops_the_work(serve):
    client = await serve(timeout=0.05)
    client.shop.source.gate.clear()
    answer = await client.get(CAT)
    assert (answer.status, answer.body) == (503, b"Timeout")
    await until(lambda: client.shop.source.cancelled == 1 and client.shop.pool.inside == 0)


async def test_a_client_who_leaves_stops_the_work_unless_another_waits(client):
    client.shop.source.gate.clear()
    _, first = await client.open(CAT)
    await until(lambda: client.shop.source.waiting)
    second = asyncio.create_task(client.get(CAT))
    await until(lambda: "2 waiting" in repr(client.shop.renderer.flight))
    first.close()
    await until(lambda: "1 waiting" in repr(client.shop.renderer.flight))
    assert client.shop.source.cancelled == 0
    client.shop.source.gate.set()
    assert (await second).status == 200

    client.shop.source.gate.clear()
    _, alone = await client.open(CAT.replace("16", "17"))
    await until(lambda: client.shop.source.waiting)
    alone.close()
    await until(lambda: client.shop.source.cancelled == 1 and client.shop.pool.inside == 0)
    assert len(client.shop.renderer.flight) == 0


@pytest.mark.parametrize(
    "target",
    [
        "/_/w:16/plain/https://example.com/%0D%0AX-Evil:%201.jpg",
        "/_/w:16/plain/https://example.com/%FF%FE.jpg",
        "/_/w:16/plain/https://k%C3%A4se.example/%22%3E%3C.jpg%3Fa=%0A",
        "/_/w:16/fn:a%22b%5C%E7%8C%AB/plain/s3://bucket/cat.jpg",
        "/_/w:16/plain/s3://bucket/%0A%00.jpg",
        "/images/%0D%0AX-Evil:%201.jpg?w=16",
        "/images/cat.jpg?w=16&dl=%22%E7%8C%AB.jpg",
    ],
)
async def test_no_url_breaks_the_head_of_an_answer(serve, target):
    client = await serve(set_canonical_header=True, cache_tag_headers="Cache-Tag")
    answer = await client.get(target)
    assert answer.status in (200, 400, 404)
    assert "x-evil" not in answer.headers


async def test_what_an_origin_sends_does_not_break_the_head_of_an_answer(serve):
    client = await serve(cache_control_passthrough=True)
    client.shop.source.anything = make_original(cache_control="private, x=\udcff\r\nX-Evil: 1")
    answer = await client.get(CAT)
    assert (answer.status, answer.headers["cache-control"]) == (200, "private, x=X-Evil: 1")
