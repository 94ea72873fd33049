"""Answers with a fallback image (dialect §13.7, §13.4; delivery §5)."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from imgproxy_py.errors import SourceFailed, SourceMissing, SourceTimeout
from imgproxy_py.recipe.formats import Format, sniff
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.rendering.fallback import FallbackImage, FallbackSettings
from tests.factories import SVG, jpeg, make_original, make_source, png

from .conftest import NOW, Serve
from .test_handlers import CAT, told

URL = "s3://bucket/cat.jpg"
GREY = FallbackImage(ref=SourceRef(scheme="fallback", location="grey"), original=make_original(png(40, 30)))
QUERY = "/images/cat.jpg?w=16"


async def failing(serve: Serve, trouble=SourceMissing(), **given):  # noqa: B008
    settings = FallbackSettings(**{name: given.pop(name) for name in list(given) if name.startswith("fallback_")})
    client = await serve(fallback=given.pop("image", GREY), fallback_settings=settings, **given)
    client.shop.source.originals[URL] = trouble
    return client


async def test_the_fallback_is_made_as_the_url_says_and_says_that_it_is_one(serve):
    client = await failing(serve, enable_debug_headers=True)
    answer = await client.get("/_/w:16/f:jpeg/plain/s3://bucket/cat.jpg")
    assert (answer.status, sniff(answer.body)) == (200, Format.JPEG)
    assert answer.headers["x-result-width"] == "16"
    assert answer.headers["fallback-image"] == "1"
    assert answer.headers["cache-status"] == "imgproxy-py; fwd=miss; detail=fallback"
    assert answer.headers["content-disposition"] == 'inline; filename="cat.jpg"'
    for name in ("etag", "last-modified", "accept-ranges"):
        assert name not in answer.headers


@pytest.mark.parametrize(
    ("trouble", "code", "target", "status"),
    [
        (SourceMissing(), 200, CAT, 200),
        (SourceMissing(upstream_status=410), 404, CAT, 404),
        (SourceMissing(upstream_status=410), 0, CAT, 410),
        (SourceFailed(), 0, CAT, 502),
        (SourceTimeout(), 0, QUERY, 504),
        (SourceMissing(upstream_status=410), 0, QUERY, 404),
        (make_original(b"no image"), 0, CAT, 422),
        (make_original(b"no image"), 0, QUERY, 415),
    ],
)
async def test_the_status_is_the_configured_one_or_the_failures_own_in_each_dialect(
    serve, trouble, code, target, status
):
    client = await failing(serve, trouble, fallback_image_http_code=code)
    answer = await client.get(target)
    assert (answer.status, answer.headers["fallback-image"]) == (status, "1")
    assert sniff(answer.body) is Format.PNG


@pytest.mark.parametrize(
    ("target", "given", "caching"),
    [
        (CAT, {}, "max-age=60, public"),
        (CAT, {"fallback_image_ttl": 5}, "max-age=5, public"),
        (CAT, {"fallback_image_ttl": 5, "cdn_ttl": 900, "stale_if_error": 60}, "max-age=5, public"),
        (CAT, {"cache_control_passthrough": True}, "max-age=60, public"),
        (CAT, {"fallback_image_http_code": 404}, "max-age=60, public"),
        (f"/_/w:16/exp:{int(NOW) + 7}/plain/{URL}", {}, "max-age=7, public"),
        (f"/_/w:16/cb:1/plain/{URL}", {}, "max-age=60, public"),
    ],
)
async def test_it_lives_briefly(serve, target, given, caching):
    image = FallbackImage(
        ref=GREY.ref, original=make_original(png(), cache_control="max-age=999", expires_at=NOW + 999)
    )
    client = await failing(serve, image=image, **given)
    assert (await client.get(target)).headers["cache-control"] == caching


async def test_what_cdns_alone_read_says_the_same(serve):
    client = await failing(serve, cdn_cache_control=True, cdn_ttl=900)
    headers = (await client.get(CAT)).headers
    assert headers["cdn-cache-control"] == headers["surrogate-control"] == "max-age=60"


async def test_it_has_the_tags_and_the_vary_of_the_picture(serve):
    client = await failing(serve, cache_tag_headers="Cache-Tag", auto_webp=True)
    shown = await client.get(CAT)
    client.shop.source.originals.clear()
    picture = await client.get(CAT)
    assert "fallback-image" not in picture.headers
    for name in ("cache-tag", "vary"):
        assert shown.headers[name] == picture.headers[name]


async def test_conditions_and_ranges_say_nothing_about_it(serve):
    client = await failing(serve, fallback_image_http_code=404)
    for asked in ({"If_None_Match": "*"}, {"If_Match": '"x"'}, {"Range": "bytes=0-1"}, {"If_Modified_Since": "x"}):
        answer = await client.get(CAT, **asked)
        assert (answer.status, answer.whole) == (404, True)


async def test_a_url_names_its_own(serve):
    client = await failing(serve)
    client.shop.source.originals["https://example.com/own.jpg"] = make_original(jpeg(40, 30))
    encoded = urlsafe_b64encode(b"https://example.com/own.jpg").decode().rstrip("=")
    answer = await client.get(f"/_/w:16/fiu:{encoded}/plain/{URL}")
    assert (sniff(answer.body), answer.headers["fallback-image"]) == (Format.JPEG, "1")


async def test_signature_and_url_errors_have_none(serve):
    client = await failing(serve)
    for target, status in ((f"/_/w:x/plain/{URL}", 404), (f"/w:16/plain/{URL}", 403)):
        answer = await client.get(target)
        assert (answer.status, "fallback-image" in answer.headers) == (status, False)


async def test_the_record_tells_of_the_failure_and_of_the_fallback(serve):
    client = await failing(serve, SourceMissing("no such original", private="key cat.jpg"))
    await client.get(CAT)
    text = client.shop.metrics.exposition().decode()
    assert 'imgproxy_errors_total{slug="source-missing"} 1.0' in text
    assert 'status="200"' in text


async def test_an_svg_may_stand_in(serve):
    client = await failing(serve, image=FallbackImage(ref=GREY.ref, original=make_original(SVG)))
    assert (await client.get(CAT)).headers["content-type"] == "image/svg+xml"


# --- caches, tags and digests that URLs ask for ----------------------------------------------------------------------


async def test_a_url_may_go_past_the_caches_where_that_is_permitted(serve):
    client = await serve(imgproxy={"allow_bypass_cache": True})
    await client.get(CAT)
    past = [await client.get(f"/_/w:16/bc:1/plain/{URL}") for _ in range(2)]
    assert [one.headers["cache-status"] for one in past] == ["imgproxy-py; fwd=bypass"] * 2
    assert client.shop.transformer.made == 3
    assert len(client.shop.memory) == 1


async def test_tags_of_a_url_join_the_others_and_are_sent_unasked(serve):
    client = await serve()
    bare = await client.get(CAT)
    tagged = await client.get(f"/_/w:16/ct:summer:sale/plain/{URL}")
    assert "cache-tag" not in bare.headers
    source, *own = tagged.headers["cache-tag"].split(",")
    assert source.startswith("source-")
    assert own == ["sale", "summer"]
    assert tagged.headers["cache-status"] == "imgproxy-py; hit; detail=memory"  # tags make no other picture


async def test_tags_of_a_url_go_into_the_headers_that_are_configured(serve):
    client = await serve(cache_tag_headers="xkey,Edge-Cache-Tag")
    headers = (await client.get(f"/_/w:16/ct:a:b/plain/{URL}")).headers
    assert headers["xkey"].endswith(" a b")
    assert headers["edge-cache-tag"].endswith(",a,b")
    assert "cache-tag" not in headers


@pytest.mark.parametrize("target", ["/_/w:16/hs:md5:{}/plain/" + URL, "/images/cat.jpg?p=checked"])
async def test_other_bytes_than_the_url_says_are_422(serve, target):
    wrong = "0" * 32
    client = await serve(imgproxy={"presets": (f"checked=w:16/hs:md5:{wrong}",)})
    answer = await client.get(target.format(wrong))
    assert answer.status == 422
    assert client.shop.transformer.made == 0


async def test_a_picture_with_a_digest_is_found_in_memory_without_its_original(client):
    import hashlib

    target = f"/_/w:16/hs:sha256:{hashlib.sha256(jpeg()).hexdigest()}/plain/{URL}"
    assert (await client.get(target)).status == 200
    client.shop.source.anything = make_original(png())
    assert (await client.get(target)).headers["cache-status"] == "imgproxy-py; hit; detail=memory"
    assert client.shop.source.fetched == [make_source(URL, hashsum=client.shop.source.fetched[0].hashsum)]
    assert told(await client.head(target))["etag"]


@pytest.mark.parametrize(("pieces", "whole"), [([b"ab", b"c"], True), ([b"ab", b"d"], False)])
async def test_a_relayed_original_with_a_digest_never_ends_if_it_is_another(client, pieces, whole):
    client.shop.source.raw_answer.pieces = pieces
    digest = "900150983cd24fb0d6963f7d28e17f72"  # of `abc` (RFC 1321 §A.5)
    answer = await client.get(f"/_/raw:1/hs:md5:{digest}/plain/{URL}")
    assert (answer.status, answer.whole) == (200, whole)
