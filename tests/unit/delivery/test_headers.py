from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from imgproxy_py.delivery.headers import (
    cache_control,
    cache_status,
    canonical_link,
    cdn_headers,
    content_disposition,
    debug_headers,
    source_stem,
    stale_caching,
    tag_headers,
    validators,
)
from imgproxy_py.delivery.settings import DeliverySettings
from imgproxy_py.errors import SourceTimeout
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Outcome, Picture, Staleness, Timings
from imgproxy_py.recipe.request import Delivery
from imgproxy_py.recipe.tags import cache_tags, source_tag
from tests.factories import MODIFIED_AT, make_picture, make_rendered, make_request, make_source

NOW = 1_800_000_000.5
YEAR = 31_536_000


# --- Cache-Control ---------------------------------------------------------------------------------------------------


def passed(**picture: Any) -> Picture:
    return make_picture(**picture)


@pytest.mark.parametrize(
    ("settings", "delivery", "picture", "expected"),
    [
        ({}, {}, {}, f"max-age={YEAR}, public"),
        ({}, {}, None, f"max-age={YEAR}, public"),
        ({"ttl": 60}, {}, {}, "max-age=60, public"),
        ({"ttl": 0}, {}, {}, "no-cache"),
        ({"ttl": 0, "cdn_ttl": 600}, {}, {}, "max-age=0, public, s-maxage=600"),
        ({"ttl": 0, "cdn_ttl": 600}, {"expires_at": 1_800_000_001}, {}, "no-cache"),
        ({"ttl": 60, "cdn_ttl": 600}, {}, {}, "max-age=60, public, s-maxage=600"),
        ({"ttl": 60, "stale_while_revalidate": 5}, {}, {}, "max-age=60, public, stale-while-revalidate=5"),
        ({"ttl": 60, "stale_if_error": 7}, {}, {}, "max-age=60, public, stale-if-error=7"),
        ({"ttl": 60}, {"cachebuster": "2"}, {}, "max-age=60, public, immutable"),
        # never longer than the URL lives (dialect §16 Q3)
        ({}, {"expires_at": 1_800_000_060}, {}, "max-age=59, public"),
        ({"ttl": 10}, {"expires_at": 1_800_000_060}, {}, "max-age=10, public"),
        ({}, {"expires_at": 1_800_000_001}, {}, "no-cache"),
        ({}, {"expires_at": 1_800_000_000}, {}, "no-cache"),
        ({}, {"expires_at": 1_700_000_000}, {}, "no-cache"),
        ({"cdn_ttl": 600}, {"expires_at": 1_800_000_060}, {}, "max-age=59, public, s-maxage=59"),
        (
            {"stale_while_revalidate": 5, "stale_if_error": 7},
            {"expires_at": 1_800_000_060, "cachebuster": "2"},
            {},
            "max-age=59, public",
        ),
        # what the origin said is passed through when that is switched on, and the URL does not expire
        ({}, {}, {"cache_control": "private"}, f"max-age={YEAR}, public"),
        ({"cache_control_passthrough": True}, {}, {"cache_control": "private, max-age=7"}, "private, max-age=7"),
        ({"cache_control_passthrough": True}, {}, {"origin_expires_at": NOW + 90}, "max-age=90, public"),
        ({"cache_control_passthrough": True}, {}, {"origin_expires_at": NOW - 90}, "max-age=0, public"),
        (
            {"cache_control_passthrough": True},
            {},
            {"cache_control": "max-age=7", "origin_expires_at": NOW + 90},
            "max-age=7",
        ),
        ({"cache_control_passthrough": True, "ttl": 60}, {}, {}, "max-age=60, public"),
        (
            {"cache_control_passthrough": True},
            {"expires_at": 1_800_000_060},
            {"cache_control": "max-age=999999"},
            "max-age=59, public",
        ),
        # what is not whole is kept by nobody
        ({}, {"cachebuster": "2"}, {"complete": False}, "no-store"),
        ({"cache_control_passthrough": True}, {}, {"complete": False, "cache_control": "max-age=7"}, "no-store"),
    ],
)
def test_cache_control_is_the_first_rule_that_applies(settings, delivery, picture, expected):
    made = None if picture is None else make_picture(**picture)
    assert cache_control(DeliverySettings(**settings), Delivery(**delivery), made, NOW) == expected


_SETTINGS = st.fixed_dictionaries(
    {},
    optional={name: st.integers(0, 10**9) for name in ("ttl", "cdn_ttl", "stale_while_revalidate", "stale_if_error")}
    | {"cache_control_passthrough": st.booleans(), "cdn_cache_control": st.just(True)},
)


@given(_SETTINGS, st.integers(-(10**6), 10**9), st.sampled_from(["", "max-age=9999999999"]), st.sampled_from(["", "2"]))
def test_no_answer_is_kept_longer_than_its_url_lives(settings, left, origins, cachebuster):
    delivery = Delivery(expires_at=int(NOW) + left, cachebuster=cachebuster)
    chosen = DeliverySettings(**settings)
    picture = make_picture(cache_control=origins)
    texts = [cache_control(chosen, delivery, picture, NOW), *cdn_headers(chosen, delivery, picture, NOW).values()]
    ages = [int(age) for text in texts for age in re.findall(r"(?:max-?age|stale-[a-z-]+)=(\d+)", text)]
    assert all(age <= max(0, left) for age in ages)


@pytest.mark.parametrize(
    ("settings", "delivery", "picture", "age"),
    [
        ({}, {}, {}, None),
        ({"cdn_cache_control": True}, {}, {}, YEAR),
        ({"cdn_cache_control": True, "ttl": 60}, {}, {}, 60),
        ({"cdn_cache_control": True, "ttl": 60, "cdn_ttl": 600}, {}, {}, 600),
        ({"cdn_cache_control": True, "cdn_ttl": 600}, {"expires_at": 1_800_000_060}, {}, 59),
        ({"cdn_cache_control": True}, {"expires_at": 1_700_000_000}, {}, 0),
    ],
)
def test_a_cdn_is_told_its_own_lifetime_when_that_is_switched_on(settings, delivery, picture, age):
    headers = cdn_headers(DeliverySettings(**settings), Delivery(**delivery), make_picture(**picture), NOW)
    text = f"max-age={age}"
    assert headers == ({} if age is None else {"CDN-Cache-Control": text, "Surrogate-Control": text})


def test_a_cdn_does_not_keep_what_is_not_whole():
    settings = DeliverySettings(cdn_cache_control=True, cdn_ttl=600)
    assert cdn_headers(settings, Delivery(), make_picture(complete=False), NOW) == {}


@pytest.mark.parametrize("said", [{"cache_control": "private, no-store"}, {"origin_expires_at": NOW}])
def test_what_the_origin_says_is_not_overruled_for_cdns(said):
    settings = DeliverySettings(cdn_cache_control=True, cdn_ttl=600, cache_control_passthrough=True)
    assert cdn_headers(settings, Delivery(), make_picture(**said), NOW) == {}
    assert cdn_headers(settings, Delivery(), make_picture(), NOW) != {}


def test_where_only_the_origin_knows_and_was_not_asked_nothing_is_claimed():
    settings = DeliverySettings(cdn_cache_control=True, cache_control_passthrough=True)
    assert cache_control(settings, Delivery(), None, NOW) == ""
    assert cdn_headers(settings, Delivery(), None, NOW) == {}
    assert cache_control(settings, Delivery(expires_at=1_800_000_060), None, NOW) == "max-age=59, public"


# --- Content-Disposition ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "delivery", "expected"),
    [
        ("s3://bucket/a/cat.png", {}, 'inline; filename="cat.jpg"'),
        ("https://example.com/a/cat.png", {}, 'inline; filename="cat.jpg"'),
        ("https://example.com/a/my%20cat.png", {}, 'inline; filename="my cat.jpg"'),
        ("https://example.com/cat.png?name=a/b.gif", {}, 'inline; filename="cat.jpg"'),
        ("https://example.com/cat.tar.png", {}, 'inline; filename="cat.tar.jpg"'),
        ("https://example.com/cat", {}, 'inline; filename="cat.jpg"'),
        # no stem (dialect §13.3)
        ("https://example.com", {}, 'inline; filename="image.jpg"'),
        ("https://example.com/", {}, 'inline; filename="image.jpg"'),
        ("https://example.com/a/?x=1", {}, 'inline; filename="image.jpg"'),
        ("https://example.com/.png", {}, 'inline; filename="image.jpg"'),
        ("https://example.com/%00%0A.png", {}, 'inline; filename="image.jpg"'),
        ("s3://bucket/", {}, 'inline; filename="image.jpg"'),
        # a name of its own
        ("s3://bucket/cat.png", {"filename": "kitten"}, 'inline; filename="kitten.jpg"'),
        ("s3://bucket/cat.png", {"filename": "kitten.v2"}, 'inline; filename="kitten.v2.jpg"'),
        ("s3://bucket/cat.png", {"filename": 'a"b'}, 'inline; filename="a%22b.jpg"'),
        ("s3://bucket/cat.png", {"filename": "a\\b"}, 'inline; filename="a_b.jpg"'),
        ("s3://bucket/cat.png", {"filename": "a?b"}, 'inline; filename="a?b.jpg"'),
        ("s3://bucket/cat.png", {"filename": "a\r\nX-Evil: 1"}, 'inline; filename="aX-Evil: 1.jpg"'),
        ("s3://bucket/cat.png", {"filename": "a\x00\x1f\x7fb"}, 'inline; filename="ab.jpg"'),
        # beyond ASCII (RFC 8187)
        (
            "s3://bucket/cat.png",
            {"filename": "kätzchen?"},
            "inline; filename=\"k_tzchen_.jpg\"; filename*=UTF-8''k%C3%A4tzchen%3F.jpg",
        ),
        (
            "s3://bucket/cat.png",
            {"filename": "猫'\"/"},
            "inline; filename=\"_'%22/.jpg\"; filename*=UTF-8''%E7%8C%AB%27%22%2F.jpg",
        ),
        (
            "https://example.com/k%C3%A4tzchen.png",
            {},
            "inline; filename=\"k_tzchen.jpg\"; filename*=UTF-8''k%C3%A4tzchen.jpg",
        ),
        (
            "https://example.com/%E9.png",
            {},
            "inline; filename=\"_.jpg\"; filename*=UTF-8''%EF%BF%BD.jpg",
        ),
        ("s3://bucket/cat.png", {"attachment": True}, 'attachment; filename="cat.jpg"'),
    ],
)
def test_file_names_are_the_stem_and_the_results_extension(source, delivery, expected):
    assert content_disposition(make_request(source, **delivery), ".jpg", attached_by_default=False) == expected


@pytest.mark.parametrize(
    ("by_default", "asked", "kind"),
    [
        (False, None, "inline"),
        (True, None, "attachment"),
        (True, False, "inline"),
        (False, True, "attachment"),
    ],
)
def test_attachment_is_what_the_url_says_or_else_the_operator(by_default, asked, kind):
    text = content_disposition(make_request(attachment=asked), ".jpg", attached_by_default=by_default)
    assert text.partition(";")[0] == kind


def test_a_version_is_no_part_of_a_name():
    assert source_stem(make_source("s3://bucket/cat.jpg", version="7")) == "cat"


# --- no value is able to break a header ------------------------------------------------------------------------------

_REFUSED_BY_AIOHTTP = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_no_utf8 = st.characters(categories=["Cs"], min_codepoint=0xDC80, max_codepoint=0xDCFF)  # as bytes arrive
_any_text = st.lists(st.text(max_size=9) | st.text(_no_utf8, max_size=2) | st.text('\r\n\0\x7f"\\<>;,?#%/. ')).map(
    "".join
)
_any_source = st.builds(
    lambda scheme, location: make_source(f"{scheme}://{location}"),
    st.sampled_from(["http", "https", "s3", "local", "gs", "odd\r\n"]),
    _any_text,
)


def assert_sendable(value: str) -> None:
    assert not _REFUSED_BY_AIOHTTP.search(value)
    value.encode("utf-8")


@given(_any_source, _any_text, st.booleans())
def test_any_file_name_and_source_make_a_header_that_can_be_sent(source, filename, attached):
    text = content_disposition(make_request(source, filename=filename), ".jpg", attached_by_default=attached)
    assert_sendable(text)
    assert text.isascii()
    assert re.fullmatch(r"""(inline|attachment); filename="[^"\\]*"(; filename\*=UTF-8''[A-Za-z0-9%._~-]+)?""", text)


@given(_any_source)
def test_any_source_makes_a_link_that_can_be_sent(source):
    settings = DeliverySettings(set_canonical_header=True)
    for text in canonical_link(settings, source).values():
        assert_sendable(text)
        assert re.fullmatch(r"""<https?://[^<>"\s]*>; rel="canonical\"""", text)


@given(_any_source, st.lists(_any_text.filter(bool), max_size=3).map(tuple))
def test_any_source_and_preset_make_tags_that_can_be_sent(source, presets):
    tags = cache_tags(make_request(source, preset_names=presets))
    for name, text in tag_headers(("Cache-Tag", "Surrogate-Key"), tags).items():
        assert_sendable(text)
        assert len(text.split("," if name == "Cache-Tag" else " ")) == len(tags)
    assert len(set(tags)) == len(tags) <= 1 + len(presets)


# --- the rest --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "link"),
    [
        ("https://example.com/a/cat.png?x=1&y=%20", '<https://example.com/a/cat.png?x=1&y=%20>; rel="canonical"'),
        ("http://example.com/", '<http://example.com/>; rel="canonical"'),
        ('https://example.com/">;rel=x', '<https://example.com/%22%3E;rel=x>; rel="canonical"'),
        ("https://example.com/a\r\nX-Evil: 1", '<https://example.com/a%0D%0AX-Evil:%201>; rel="canonical"'),
        ("https://käse.example/", '<https://k%C3%A4se.example/>; rel="canonical"'),
        ("s3://bucket/cat.png", None),
        ("local:///cat.png", None),
    ],
)
def test_canonical_link_names_public_originals_alone(source, link):
    settings = DeliverySettings(set_canonical_header=True)
    assert canonical_link(settings, make_source(source)) == ({"Link": link} if link else {})
    assert canonical_link(DeliverySettings(), make_source(source)) == {}


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome.MEMORY, "imgproxy-py; hit; detail=memory"),
        (Outcome.REDIS, "imgproxy-py; hit; detail=redis"),
        (Outcome.STORED, "imgproxy-py; hit; detail=stored"),
        (Outcome.SHARED, "imgproxy-py; fwd=miss; collapsed"),
        (Outcome.MADE, "imgproxy-py; fwd=miss; stored"),
        (Outcome.BYPASSED, "imgproxy-py; fwd=bypass"),
        (Outcome.CONFIRMED, "imgproxy-py; fwd=stale; fwd-status=304; stored"),
    ],
)
def test_cache_status_tells_where_an_answer_came_from(outcome, expected):
    assert cache_status(make_rendered(outcome)) == expected
    assert cache_status(make_rendered(outcome, complete=False)) == "imgproxy-py; fwd=miss"


@pytest.mark.parametrize(
    ("outcome", "stale", "expected"),
    [
        (Outcome.MEMORY, Staleness(seconds=4.2, age=9), "imgproxy-py; hit; detail=memory; ttl=-5"),
        (Outcome.REDIS, Staleness(seconds=0, age=9), "imgproxy-py; hit; detail=redis; ttl=-1"),
        (
            Outcome.MEMORY,
            Staleness(seconds=60, age=90, failure=SourceTimeout()),
            "imgproxy-py; fwd=stale; detail=stale-if-error; ttl=-60",
        ),
    ],
)
def test_cache_status_tells_of_what_is_stale(outcome, stale, expected):
    assert cache_status(replace(make_rendered(outcome), stale=stale)) == expected


@pytest.mark.parametrize(
    ("settings", "delivery", "picture", "expected"),
    [
        ({}, {}, {}, {"Cache-Control": "max-age=110, public"}),
        ({"ttl": 4}, {}, {}, {"Cache-Control": "max-age=104, public"}),
        ({"ttl": 0}, {}, {}, {"Cache-Control": "no-cache"}),
        ({"ttl": 0, "cdn_ttl": 5}, {}, {}, {"Cache-Control": "max-age=0, public, s-maxage=105"}),
        ({"ttl": 4, "cdn_ttl": 500}, {}, {}, {"Cache-Control": "max-age=104, public, s-maxage=110"}),
        ({"stale_while_revalidate": 5, "stale_if_error": 6}, {}, {}, {"Cache-Control": "max-age=110, public"}),
        ({}, {"cachebuster": "1"}, {}, {"Cache-Control": "max-age=110, public"}),
        ({}, {"expires_at": 1_800_000_003}, {}, {"Cache-Control": "max-age=102, public"}),
        ({}, {"expires_at": 1_700_000_000}, {}, {"Cache-Control": "no-cache"}),
        (
            {"cdn_cache_control": True},
            {},
            {},
            {
                "Cache-Control": "max-age=110, public",
                "CDN-Cache-Control": "max-age=110",
                "Surrogate-Control": "max-age=110",
            },
        ),
        ({"cache_control_passthrough": True}, {}, {"cache_control": "private, max-age=5"}, {}),
        ({"cache_control_passthrough": True}, {}, {}, {"Cache-Control": "max-age=110, public"}),
    ],
)
def test_a_stale_picture_has_an_age_and_is_kept_by_others_for_moments(settings, delivery, picture, expected):
    told = stale_caching(DeliverySettings(**settings), Delivery(**delivery), passed(**picture), 100.9, NOW)
    assert told == {"Age": "100"} | expected


@pytest.mark.parametrize(
    ("settings", "picture", "expected"),
    [
        ({}, {}, {"ETag": '"tag"', "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}),
        ({}, {"etag": "", "modified_at": None}, {}),
        ({"use_etag": False}, {}, {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}),
        ({"use_last_modified": False}, {}, {"ETag": '"tag"'}),
        ({}, {"modified_at": 0.0, "etag": ""}, {"Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT"}),
        (
            {"last_modified_buster": "1994-11-06T09:49:38+01:00", "use_etag": False},
            {},
            {"Last-Modified": "Sun, 06 Nov 1994 08:49:38 GMT"},
        ),
        (
            {"last_modified_buster": "1990-01-01T00:00:00Z", "use_etag": False},
            {},
            {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"},
        ),
        ({"last_modified_buster": "1990-01-01T00:00:00Z"}, {"modified_at": None}, {"ETag": '"tag"'}),
    ],
)
def test_validators_are_sent_as_far_as_they_are_known_and_switched_on(settings, picture, expected):
    assert validators(DeliverySettings(**settings), make_picture(**picture)) == expected


def test_debug_headers_tell_sizes_and_the_times_of_what_was_made_just_now():
    settings = DeliverySettings(enable_debug_headers=True)
    timings = Timings(queue=1, fetch=2.005, decode=3, transform=4, encode=5.5)
    sizes = {
        "X-Origin-Content-Length": "4096",
        "X-Origin-Width": "64",
        "X-Origin-Height": "48",
        "X-Result-Width": "16",
        "X-Result-Height": "12",
    }
    times = "queue;dur=1.00, fetch;dur=2.00, decode;dur=3.00, transform;dur=4.00, encode;dur=5.50"
    made = make_rendered(Outcome.MADE, timings=timings)
    assert debug_headers(settings, made) == sizes | {"Server-Timing": times}
    assert debug_headers(settings, make_rendered(Outcome.MEMORY, timings=timings)) == sizes
    assert debug_headers(DeliverySettings(), made) == {}
    signed = make_rendered(Outcome.MEMORY, credentials="dropped")
    assert debug_headers(settings, signed)["X-Content-Credentials"] == "dropped"
    moving = make_rendered(Outcome.MEMORY, ignored="trim")
    assert debug_headers(settings, moving) == sizes | {"X-Ignored-Option": "trim"}


@pytest.mark.parametrize("kind", Format)
def test_no_picture_is_text(kind):
    assert not make_picture(format=kind).media_type.startswith("text/")


def test_tags_name_the_original_and_the_presets():
    request = make_request("s3://bucket/cat.jpg", preset_names=("thumb", "große Bilder"))
    tag = source_tag(request.source)
    assert re.fullmatch("source-[0-9a-f]{16}", tag)
    assert cache_tags(request) == (tag, "preset-thumb", "preset-gro-e-Bilder")
    assert tag_headers(("Cache-Tag", "Surrogate-Key"), ("a", "b")) == {"Cache-Tag": "a,b", "Surrogate-Key": "a b"}
    assert tag_headers((), ("a",)) == {}
    every = tag_headers(("xkey", "CDN-Tag", "Edge-Cache-Tag"), ("a", "b"))
    assert every == {"xkey": "a b", "CDN-Tag": "a,b", "Edge-Cache-Tag": "a,b"}


def test_tags_keep_within_the_limits_of_cdns():
    """Akamai's are the narrowest: 128 tags of 128 characters; the rest allows more of what its rules allow."""
    presets = tuple(f"{number:03d}-" + "x" * 117 for number in range(40))
    tags = cache_tags(make_request(preset_names=presets))
    assert [len(one) for one in tags] == [23, *([128] * 40)]
    assert len(tag_headers(("Edge-Cache-Tag",), tags)["Edge-Cache-Tag"]) < 8192
    assert all(set(one) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for one in tags)


def test_all_versions_of_an_original_have_one_tag_and_others_another():
    versions = {source_tag(make_source("s3://b/c.jpg", version=version)) for version in ("", "1")}
    assert len(versions) == 1
    assert source_tag(make_source("s3://b/d.jpg")) not in versions


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"last_modified_buster": "yesterday"}, "RFC 3339"),
        ({"last_modified_buster": "2026-01-31T12:00:00"}, "RFC 3339"),
        ({"cache_tag_headers": "X-Tags"}, "surrogate-key"),
    ],
)
def test_wrong_settings_say_what_is_expected(wrong, told):
    with pytest.raises(ValidationError, match=told):
        DeliverySettings(**wrong)


def test_modified_at_of_pictures_is_the_examples_date():
    assert make_picture().modified_at == MODIFIED_AT
