"""Answers that are their caller's own, because the original's server was told who asks."""

from __future__ import annotations

import pytest

from imgproxy_py.errors import SourceMissing
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.rendering.fallback import FallbackImage
from imgproxy_py.sources.passing import Passing, PassingSettings
from tests.factories import make_original, png

CAT = "/_/w:16/plain/https://x/cat.jpg"  # `x` is the Host that the tests' client says
COOKIES = {"cookie_passthrough": "1", "cookie_base_url": "https://x/"}


def passing(**settings):
    return Passing(PassingSettings(**settings))


async def test_the_original_is_fetched_as_the_caller_and_the_answer_is_his(serve):
    client = await serve(passing=passing(**COOKIES))
    answer = await client.get(CAT, Cookie="a=b")
    assert client.shop.source.fetched[0].passed == (("cookie", "a=b"),)
    assert answer.headers["cache-control"] == "max-age=31536000, private"
    assert answer.headers["vary"] == "Cookie"
    assert answer.headers["cache-status"] == "imgproxy-py; fwd=bypass"


async def test_one_callers_picture_is_given_to_no_other(serve):
    client = await serve(passing=passing(**COOKIES))
    for cookie in ("a=1", "a=2", "a=1"):
        client.shop.source.anything = make_original(png(16, 12), etag=f'"{cookie}"')
        await client.get(CAT, Cookie=cookie)
    assert client.shop.transformer.made == 3
    assert len(client.shop.memory) == 0
    anonymous = await client.get(CAT)
    assert anonymous.headers["cache-control"] == "max-age=31536000, public"
    assert anonymous.headers["vary"] == "Cookie"
    assert client.shop.source.fetched[-1].passed == ()
    assert len(client.shop.memory) == 1
    assert (await client.get(CAT, Cookie="a=1")).headers["cache-status"] == "imgproxy-py; fwd=bypass"


async def test_entity_tags_of_callers_differ_and_each_holds_for_its_own(serve):
    client = await serve(passing=passing(**COOKIES))
    first = (await client.get(CAT, Cookie="a=1")).headers["etag"]
    second = (await client.get(CAT, Cookie="a=2")).headers["etag"]
    assert first != second
    assert (await client.get(CAT, Cookie="a=1", If_None_Match=first)).status == 304
    assert (await client.get(CAT, Cookie="a=2", If_None_Match=first)).status == 200


async def test_a_304_is_the_callers_own_too(serve):
    client = await serve(passing=passing(**COOKIES), cdn_cache_control=True, cdn_ttl=60)
    etag = (await client.get(CAT, Cookie="a=1")).headers["etag"]
    again = await client.get(CAT, Cookie="a=1", If_None_Match=etag)
    assert (again.status, again.headers["cache-control"]) == (304, "max-age=31536000, private")
    assert again.headers["vary"] == "Cookie"
    assert "cdn-cache-control" not in again.headers


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("public, max-age=60, s-maxage=600", "max-age=60, private"),
        ("private, max-age=60", "private, max-age=60"),
        ("no-store", "no-store"),
        ("", "max-age=31536000, private"),
    ],
)
async def test_no_origin_makes_it_everybodys(serve, origin, said):
    client = await serve(passing=passing(**COOKIES), cache_control_passthrough=True)
    client.shop.source.anything = make_original(cache_control=origin)
    assert (await client.get(CAT, Cookie="a=1")).headers["cache-control"] == said


async def test_vary_names_what_negotiates_as_well(serve):
    client = await serve(passing=passing(**COOKIES, request_headers_passthrough="X-User"), auto_webp=True)
    answer = await client.get(CAT, Cookie="a=b", X_User="7")
    assert answer.headers["vary"] == "Accept, X-User, Cookie"
    assert client.shop.source.fetched[0].passed == (("x-user", "7"), ("cookie", "a=b"))
    client.shop.source.originals["https://x/cat.jpg"] = SourceMissing()
    assert (await client.get(CAT)).headers["vary"] == "Accept, X-User, Cookie"


async def test_other_urls_are_everybodys_as_before(serve):
    client = await serve(passing=passing(**COOKIES))
    for target in ("/_/w:16/plain/https://elsewhere/cat.jpg", "/_/w:16/plain/s3://bucket/cat.jpg"):
        answer = await client.get(target, Cookie="a=b")
        assert answer.headers["cache-control"] == "max-age=31536000, public"
        assert "vary" not in answer.headers
        assert (await client.get(target)).headers["cache-status"] == "imgproxy-py; hit; detail=memory"


async def test_a_fallback_shown_to_one_caller_is_kept_but_its_answer_is_his(serve):
    grey = FallbackImage(ref=SourceRef(scheme="fallback", location="grey"), original=make_original(png()))
    client = await serve(passing=passing(**COOKIES), fallback=grey)
    client.shop.source.originals["https://x/cat.jpg"] = SourceMissing()
    answers = [await client.get(CAT, Cookie=f"a={number}") for number in range(3)]
    assert {one.headers["cache-control"] for one in answers} == {"max-age=60, private"}
    assert client.shop.transformer.made == 1


async def test_what_is_relayed_is_his_too(serve):
    client = await serve(passing=passing(**COOKIES))
    raw = CAT.replace("w:16", "raw:1")
    assert (await client.get(raw, Cookie="a=b")).headers["cache-control"] == "max-age=31536000, private"
    answer = await client.get(raw)
    assert answer.headers["cache-control"] == "max-age=31536000, public"
    assert answer.headers["vary"] == "Accept-Encoding, Cookie"


# --- headers of answers ----------------------------------------------------------------------------------------------


async def test_headers_of_the_operator_are_on_pictures_fallbacks_and_relayed_originals(serve):
    client = await serve(custom={"X-Shop": "1"})
    assert (await client.get(CAT)).headers["x-shop"] == "1"
    assert (await client.get(CAT)).headers["x-shop"] == "1"
    assert (await client.get(CAT.replace("w:16", "raw:1"))).headers["x-shop"] == "1"
    assert "x-shop" not in (await client.get("/_/w:x/plain/https://x/cat.jpg")).headers


async def test_headers_of_the_origin_are_kept_with_the_picture(serve):
    client = await serve()
    client.shop.source.anything = make_original(headers=(("x-license", "CC0"),))
    assert (await client.get(CAT)).headers["x-license"] == "CC0"
    client.shop.source.anything = make_original()
    hit = await client.get(CAT)
    assert (hit.headers["cache-status"], hit.headers["x-license"]) == ("imgproxy-py; hit; detail=memory", "CC0")


async def test_a_relay_gives_back_the_headers_that_are_named(serve):
    client = await serve(returned=("x-license",))
    client.shop.source.raw_answer.headers |= {"x-license": "CC0", "x-other": "no"}
    answer = await client.get(CAT.replace("w:16", "raw:1"))
    assert answer.headers["x-license"] == "CC0"
    assert "x-other" not in answer.headers
