"""What an edge keeps, what it tells apart, and what it passes on."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from email.utils import formatdate

import pytest

from tests.acceptance.clients import get_once
from tests.acceptance.origin import Origin, Page
from tests.cdn.conftest import Fleet, asked_by_query, signed
from tests.cdn.edges import REFRESH_SECRET, SERVICE_SECRET, Edge

BROWSERS = {
    "image/avif": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "image/webp": "image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
    "image/png": "*/*",
}


def test_each_format_is_kept_once_and_never_mixed_up(edge: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    target = signed(f"/w:40/plain/{source}")
    for _ in range(3):
        for media_type, accept in BROWSERS.items():
            answer = edge.get(target, Accept=accept)
            assert (answer.status, answer.headers["Content-Type"], answer.headers["Vary"]) == (
                200,
                media_type,
                "Accept",
            )
            assert answer.image.width == 40
    assert len(fleet.asked(source)) == 3


def spellings(media_type: str, count: int) -> list[str]:
    """Ways in which clients may say what they take, of which this type is the best that is made here."""
    taken = {"image/avif": ["image/avif", "image/webp"], "image/webp": ["image/webp"], "image/png": []}[media_type]
    given = random.Random(media_type)
    others = [
        "image/apng",
        "image/*;q=0.8",
        "*/*;q=0.5",
        "text/html",
        "image/webpx",
        "ximage/avif",
        "image/svg+xml",
        "*/*",
    ]
    refused = [f"{one};q=0" for one in ("image/avif", "image/webp") if one not in taken]
    found: set[str] = set()
    while len(found) < count:
        named = [
            given.choice([one, one.upper(), f"{one};q=0.{given.randint(1, 999)}", f"{one} ; q=1.0"]) for one in taken
        ]
        parts = [
            *named,
            *given.sample(others, given.randint(0, 6)),
            *given.sample(refused, given.randint(0, len(refused))),
        ]
        given.shuffle(parts)
        found.add(given.choice([",", ", ", " , "]).join(parts) + (f", x/{given.randint(0, 9999)}"))
    return sorted(found)


async def test_thousands_of_spellings_make_three_variants(edge: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    target = signed(f"/w:24/plain/{source}")
    every = [(media_type, one) for media_type in BROWSERS for one in spellings(media_type, 700)]
    random.Random(1).shuffle(every)
    gate = asyncio.Semaphore(16)

    async def ask(media_type: str, accept: str) -> None:
        async with gate:
            answer = await get_once(edge.port, target, Accept=accept)
            assert (answer.status, answer.headers["Content-Type"]) == (200, media_type), accept

    for media_type, accept in every[:30]:  # one after another, so that each variant is known
        await ask(media_type, accept)
    await asyncio.gather(*(ask(*one) for one in every[30:]))
    assert len(every) == 2100
    assert len(await asyncio.to_thread(fleet.asked, source)) == 3
    print(f"{edge.name}: {len(every)} spellings of Accept, 3 requests reached the service")


def test_who_takes_avif_and_not_webp_gets_avif(edge: Edge, fleet: Fleet) -> None:
    target = signed(f"/w:24/plain/{fleet.put()}")
    assert edge.get(target, Accept="image/webp;q=0, image/avif").headers["Content-Type"] == "image/avif"
    assert edge.get(target, Accept="image/avif;q=0.0, image/webp").headers["Content-Type"] == "image/webp"


def test_a_url_that_names_its_format_is_kept_once_for_all(edge: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    target = signed(f"/w:40/plain/{source}@jpg")
    answers = [edge.get(target, Accept=accept) for accept in BROWSERS.values()]
    assert {one.headers["Content-Type"] for one in answers} == {"image/jpeg"}
    assert {one.headers["Vary"] for one in answers} == {None}
    assert len(fleet.asked(source)) == 1


def test_hits_do_not_reach_the_service_and_say_so(edge: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    target = signed(f"/w:40/plain/{source}@jpg")
    first, *more = [edge.get(target) for _ in range(50)]
    assert not edge.was_hit(first)
    assert all(edge.was_hit(one) for one in more)
    assert {one.body for one in more} == {first.body}
    assert len(fleet.asked(source)) == 1


async def test_a_crowd_that_asks_at_once_reaches_the_service_once(edge: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    target = signed(f"/w:500/el:1/plain/{source}@avif")
    answers = await asyncio.gather(*(get_once(edge.port, target) for _ in range(60)))
    assert {one.status for one in answers} == {200}
    assert len({one.body for one in answers}) == 1
    assert len(await asyncio.to_thread(fleet.asked, source)) == 1


def test_both_instances_are_asked(edge: Edge, fleet: Fleet) -> None:
    sources = [fleet.put() for _ in range(8)]
    for source in sources:
        assert edge.get(signed(f"/w:20/plain/{source}@png")).status == 200
    shares = [sum(one.get("source") in sources for one in list(service.events)) for service in fleet.services]
    assert fleet.asked(sources[0])
    assert all(share >= 2 for share in shares), shares


# --- conditions, ranges, methods ---------------------------------------------------------------------------------------


def test_conditions_are_answered_by_the_edge(edge: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    target = signed(f"/w:40/plain/{source}@webp")
    answer = edge.get(target)
    etag = answer.headers["ETag"]
    assert etag == fleet.straight(target).headers["ETag"]
    unchanged = edge.get(target, If_None_Match=etag)
    assert (unchanged.status, unchanged.body, unchanged.headers["ETag"]) == (304, b"", etag)
    assert edge.get(target, If_None_Match='"another"').status == 200
    assert edge.get(target, If_Modified_Since=formatdate(time.time() - 3, usegmt=True)).status == 304
    assert len(fleet.asked(source)) == 2  # the edge's and our own


def test_a_condition_before_anything_is_kept(edge: Edge, fleet: Fleet) -> None:
    target = signed(f"/w:40/plain/{fleet.put()}@webp")
    etag = fleet.straight(target).headers["ETag"]
    assert edge.get(target, If_None_Match=etag).status == 304
    assert edge.get(target).image.width == 40


@pytest.mark.parametrize("first", ["part", "whole"])
def test_ranges_are_cut_from_the_whole(first: str, edge: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    target = signed(f"/w:60/plain/{source}@png")
    if first == "whole":
        edge.get(target)
    part = edge.get(target, Range="bytes=10-49")
    whole = edge.get(target)
    assert (part.status, part.body) == (206, whole.body[10:50])
    assert part.headers["Content-Range"] == f"bytes 10-49/{len(whole.body)}"
    assert edge.get(target, Range="bytes=-7").body == whole.body[-7:]
    assert edge.get(target, Range="bytes=999999-").status == 416
    assert edge.get(target, Range="bytes=0-9", If_Range='"another"').status == 200
    assert edge.get(target, Range="bytes=0-9", If_Range=whole.headers["ETag"]).body == whole.body[:10]
    assert whole.status == 200
    assert len(fleet.asked(source)) == 1


def test_head_is_get_without_a_body(edge: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    target = signed(f"/w:40/plain/{source}@webp")
    head, get = edge.get(target, method="HEAD"), edge.get(target)
    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control"):
        assert head.headers[name] == get.headers[name]
    assert edge.was_hit(get)
    assert len(fleet.asked(source)) == 1


def test_other_methods_are_refused_here(edge: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    for method in ("POST", "PUT", "DELETE"):
        assert edge.get(signed(f"/w:40/plain/{source}"), method=method).status == 405
    assert fleet.asked(source) == []


# --- URLs --------------------------------------------------------------------------------------------------------------


def odd_paths(origin: Origin) -> list[str]:
    host = f"127.0.0.1:{origin.port}"
    return [
        f"/w:20/plain/http://{host}/a.png",
        f"/w:20/plain/http%3A%2F%2F{host}%2Fa.png",
        f"/w:20/plain/http://{host}/deep//twice.png",
        f"/w:20/plain/http://{host}/with%2520space.png",
        f"/w:20/plain/http://{host}/a.png%3Fv=1%26w=2@png",
        f"/w%3A20/plain/http://{host}/a.png@png",
        f"/w:20/plain/http://{host}/%25C3%25A9.png",
        f"/w:20/plain/http://{host}/it's+(1),;=&$!*~.png",
    ]


def test_urls_reach_the_service_byte_for_byte(edge: Edge, fleet: Fleet, origin: Origin) -> None:
    body = (fleet.folder / fleet.put().removeprefix("local:///")).read_bytes()
    for path in ("/a.png", "/deep//twice.png", "/with%20space.png", "/%C3%A9.png", "/it's+(1),;=&$!*~.png"):
        origin.put(path, body)
    for path in odd_paths(origin):
        target = signed(path)  # a byte more or less, and the signature does not hold
        expected = fleet.straight(target)
        answer = edge.get(target)
        assert expected.status == 200, (path, expected.said)
        assert (answer.status, answer.headers["ETag"]) == (200, expected.headers["ETag"]), path
        assert edge.was_hit(edge.get(target))


def test_dots_and_encoded_slashes_in_keys_of_the_query_dialect(edge: Edge, fleet: Fleet) -> None:
    fleet.put("folder/a b+c.png")
    assert edge.get(asked_by_query("folder/a%20b+c.png", "w=20")).image.width == 20
    assert edge.get(asked_by_query("folder%2Fa%20b%2Bc.png", "w=20")).image.width == 20


def test_a_wrong_signature_is_refused_and_is_not_confused_with_the_right_one(edge: Edge, fleet: Fleet) -> None:
    target = signed(f"/w:20/plain/{fleet.put()}@png")
    forged = target.replace(target[1:9], "AAAAAAAA", 1)
    assert edge.get(target).status == 200
    assert edge.get(forged).status == 403
    assert edge.get(target).status == 200
    assert edge.get(forged.replace("@png", "@jpg")).status == 403


def test_the_order_of_parameters(edge: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    key = source.removeprefix("local:///")
    orders = ["&".join(one) for one in itertools.permutations(["w=20", "h=10", "fit=cover", "format=webp"])]
    answers = [edge.get(asked_by_query(key, one)) for one in orders]
    assert len({one.headers["ETag"] for one in answers}) == 1
    assert {one.status for one in answers} == {200}
    # Varnish knows that the order means nothing; nginx cannot sort, and keeps one of each.
    assert len(fleet.asked(source)) == {"varnish": 1, "nginx": 24}[edge.name]
    made = [one for one in fleet.asked(source) if one["outcome"] == "made"]
    assert len(made) <= 2  # at most once in each instance


def test_the_host_makes_no_difference(edge: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    target = signed(f"/w:20/plain/{source}@png")
    assert {edge.get(target, Host=host).status for host in ("a.example", "b.example", "c.example")} == {200}
    assert len(fleet.asked(source)) == 1


# --- what must not pass ------------------------------------------------------------------------------------------------


def test_cookies_neither_split_the_cache_nor_come_back(edge: Edge, fleet: Fleet, origin: Origin) -> None:
    body = (fleet.folder / fleet.put().removeprefix("local:///")).read_bytes()
    url = origin.put("/tasty.png", body, Set_Cookie="a=b")
    for target in (signed(f"/w:20/plain/{url}@png"), signed(f"/raw:1/plain/{url}")):
        answers = [edge.get(target, Cookie=f"session={one}") for one in range(5)]
        assert {one.status for one in answers} == {200}
        assert {one.headers["Set-Cookie"] for one in answers} == {None}
        assert all(edge.was_hit(one) for one in answers[1:])
    assert all("cookie" not in one.headers for one in origin.asked)


def test_the_service_lets_only_the_edge_in(edge: Edge, fleet: Fleet) -> None:
    target = signed(f"/w:20/plain/{fleet.put()}@png")
    assert fleet.services[0].get(target).status == 403
    assert edge.get(target).status == 200
    assert edge.get(target, Authorization="Bearer wrong").status == 200  # a client's is dropped
    assert SERVICE_SECRET not in str(edge.get(target).headers)


def test_health_is_the_service_s_own_matter(edge: Edge) -> None:
    assert [edge.get(path).status for path in ("/health", "/ready")] == [404, 404]


# --- errors ------------------------------------------------------------------------------------------------------------


def test_errors_are_kept_as_long_as_told_and_no_longer(edge: Edge, fleet: Fleet) -> None:
    missing = "local:///not-there-yet-" + edge.name + ".png"
    imgproxy, query = signed(f"/w:20/plain/{missing}@png"), asked_by_query(missing.removeprefix("local:///"), "w=20")
    told = {target: fleet.straight(target).headers["Cache-Control"] for target in (imgproxy, query)}
    before = len(fleet.asked(missing))
    for target in (imgproxy, query):
        assert {edge.get(target).status for _ in range(4)} == {404}
    arrived = len(fleet.asked(missing)) - before
    expected = sum(1 if value and "max-age" in value and "max-age=0" not in value else 4 for value in told.values())
    assert arrived == expected, told
    print(f"{edge.name}: 404 says {told[imgproxy]!r} and {told[query]!r}; 8 requests, {arrived} reached the service")


def test_what_may_not_be_kept_is_not(edge: Edge, fleet: Fleet, origin: Origin) -> None:
    url = origin.put("/gone.png", Page(b"", "500 Internal Server Error"))
    target = signed(f"/w:20/plain/{url}@png")
    first = [edge.get(target).status for _ in range(3)]
    assert all(one >= 500 for one in first), first
    body = (fleet.folder / fleet.put().removeprefix("local:///")).read_bytes()
    origin.put("/gone.png", body)
    assert edge.get(target).status == 200  # at once: the failure was kept by nobody


def test_a_url_that_expires_is_not_served_beyond_its_time(edge: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    expires = int(time.time()) + 3
    target = signed(f"/exp:{expires}/w:20/plain/{source}@png")
    assert edge.get(target).status == 200
    assert edge.was_hit(edge.get(target))
    time.sleep(max(0.0, expires + 1.1 - time.time()))
    assert edge.get(target).status in (404, 410)


# --- nginx's stand-in for purging --------------------------------------------------------------------------------------


def test_nginx_fetches_a_url_anew_for_who_knows_the_secret(edge: Edge, fleet: Fleet) -> None:
    if edge.name != "nginx":
        pytest.skip("Varnish purges")
    source = fleet.put()
    target = signed(f"/w:20/plain/{source}@png")
    for headers in ({}, {"X_Edge_Refresh": "guess"}, {"X_Edge_Refresh": ""}):
        edge.get(target, **headers)
    assert len(fleet.asked(source)) == 1
    assert not edge.was_hit(edge.get(target, X_Edge_Refresh=REFRESH_SECRET))
    assert edge.was_hit(edge.get(target))
    assert len(fleet.asked(source)) == 2
