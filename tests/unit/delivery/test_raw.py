from __future__ import annotations

import asyncio

import pytest

from imgproxy_py.errors import SourceIncomplete, SourceUnreachable
from imgproxy_py.stores.conditions import http_date
from tests.fakes import until

from .conftest import NOW, Client

CAT = "/_/raw:1/plain/https://example.com/cat.png"
PLAIN = {"content-type": "image/png", "content-length": "12"}


async def test_an_original_is_relayed_as_its_origin_gives_it(client):
    client.shop.source.raw_answer.headers = PLAIN | {
        "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT",
        "etag": '"v1"',
        "accept-ranges": "bytes",
        "x-powered-by": "chance",
        "set-cookie": "a=b",
    }
    answer = await client.get(CAT)
    assert (answer.status, answer.body, answer.whole) == (200, b"first second", True)
    headers = {
        name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id", "connection")
    }
    for name in ("server", "content-security-policy", "x-content-type-options", "cross-origin-resource-policy"):
        headers.pop(name)
    assert headers == {
        "content-type": "image/png",
        "content-length": "12",
        "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT",
        "etag": '"v1"',
        "accept-ranges": "bytes",
        "cache-control": "max-age=31536000, public",
        "content-disposition": 'inline; filename="cat.png"',
        "vary": "Accept-Encoding",
    }
    assert (client.shop.source.fetched, client.shop.pool.inside, client.shop.transformer.made) == ([], 0, 0)


async def test_a_relayed_original_carries_the_tags_of_its_pictures(serve):
    client = await serve(cache_tag_headers="Cache-Tag,xkey", imgproxy={"presets": ("small=w:16",)})
    relayed = await client.get(CAT.replace("raw:1", "raw:1/pr:small"))
    picture = await client.get(CAT.replace("raw:1", "pr:small"))
    assert relayed.headers["xkey"] == picture.headers["xkey"]
    assert relayed.headers["cache-tag"].endswith(",preset-small")


async def test_what_clients_ask_of_an_origin_is_passed_on_and_nothing_else(client):
    await client.get(
        CAT,
        Range="bytes=0-1",
        If_Range='"a"',
        Accept_Encoding="gzip",
        If_None_Match='"b"',
        If_Modified_Since="Sun, 06 Nov 1994 08:49:37 GMT",
        Authorization="Bearer secret",
        Cookie="a=b",
    )
    assert client.shop.source.relayed == [
        {
            "range": "bytes=0-1",
            "if-range": '"a"',
            "accept-encoding": "gzip",
            "if-none-match": '"b"',
            "if-modified-since": "Sun, 06 Nov 1994 08:49:37 GMT",
        }
    ]


async def test_a_part_is_relayed_as_a_part(client):
    raw = client.shop.source.raw_answer
    raw.status, raw.pieces = 206, [b"ab"]
    raw.headers = {"content-type": "image/png", "content-length": "2", "content-range": "bytes 0-1/99"}
    answer = await client.get(CAT, Range="bytes=0-1")
    assert (answer.status, answer.body) == (206, b"ab")
    assert answer.headers["content-range"] == "bytes 0-1/99"
    assert "content-disposition" in answer.headers


async def test_a_304_of_the_origin_is_a_304(client):
    raw = client.shop.source.raw_answer
    raw.status, raw.pieces, raw.headers = 304, [], {"etag": '"v1"'}
    answer = await client.get(CAT, If_None_Match='"v1"')
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", '"v1"')
    assert answer.headers["cache-control"] == "max-age=31536000, public"
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize("status", [404, 416, 503])
async def test_an_error_of_the_origin_comes_through_as_it_is_and_is_not_kept(client, status):
    raw = client.shop.source.raw_answer
    raw.status, raw.pieces = status, [b"no"]
    answer = await client.get(CAT)
    assert (answer.status, answer.body) == (status, b"no")
    assert "cache-control" not in answer.headers
    assert "content-disposition" not in answer.headers


async def test_an_origin_that_cannot_be_reached_is_told_of(client):
    client.shop.source.trouble = SourceUnreachable("refused")
    answer = await client.get(CAT)
    assert (answer.status, answer.body) == (404, b"Source is unreachable")


async def test_head_is_the_head_of_the_same_answer(client):
    client.shop.source.raw_answer.headers = dict(PLAIN)
    answer = await client.head(CAT)
    assert (answer.status, answer.body) == (200, b"")
    assert (answer.headers["content-length"], answer.headers["content-type"]) == ("12", "image/png")


@pytest.mark.parametrize("length", ["12", "99", None])
async def test_a_stream_that_breaks_off_aborts_the_connection(client, length):
    raw = client.shop.source.raw_answer
    raw.breaks = SourceIncomplete("the body broke off")
    raw.headers = {"content-type": "image/png"} | ({"content-length": length} if length else {})
    raw.pieces = [b"first "]
    answer = await client.get(CAT)
    assert not answer.whole
    await until(lambda: b"imgproxy_requests_in_progress 0.0" in client.shop.metrics.exposition())
    assert answered(client, status=200)


def answered(client: Client, status: int) -> bool:
    line = f'imgproxy_requests_total{{dialect="imgproxy",method="GET",outcome="bypassed",status="{status}"}} 1.0'
    return line in client.shop.metrics.exposition().decode()


@pytest.mark.parametrize("defect", [ZeroDivisionError(), ConnectionResetError()])
async def test_a_defect_in_the_middle_of_a_stream_aborts_the_connection_and_adds_no_second_answer(client, defect):
    raw = client.shop.source.raw_answer
    raw.breaks = defect
    raw.headers = dict(PLAIN)
    raw.pieces = [b"first "]
    answer = await client.get(CAT)
    assert not answer.whole
    assert b"HTTP/1.1" not in answer.body
    await until(lambda: answered(client, status=200))


async def test_a_client_who_leaves_ends_the_relay(client):
    left = asyncio.Event()

    async def endless():
        try:
            while True:
                yield b"x" * 65536
                await asyncio.sleep(0)
        finally:
            left.set()

    client.shop.source.raw_answer.chunks = endless
    reader, writer = await client.open(CAT)
    await reader.readexactly(100)
    writer.close()
    await asyncio.wait_for(left.wait(), 2)
    await until(lambda: answered(client, status=499))


@pytest.mark.parametrize(
    ("settings", "target", "origin", "expected"),
    [
        ({"ttl": 0}, CAT, {}, "no-cache"),
        ({"ttl": 60}, CAT, {"cache-control": "private"}, "max-age=60, public"),
        ({"cache_control_passthrough": True}, CAT, {"cache-control": "private"}, "private"),
        ({"cache_control_passthrough": True}, CAT, {}, "max-age=31536000, public"),
        ({"cache_control_passthrough": True}, CAT, {"expires": http_date(NOW + 90)}, "max-age=90, public"),
        ({"cache_control_passthrough": True}, CAT, {"expires": "0"}, "max-age=0, public"),
        ({"cache_control_passthrough": True}, CAT, {"cache-control": "a", "expires": "0"}, "a"),
        ({"ttl": 60}, CAT, {"expires": http_date(NOW + 90)}, "max-age=60, public"),
        ({"ttl": 60, "cdn_ttl": 600}, CAT, {}, "max-age=60, public, s-maxage=600"),
        (
            {"cache_control_passthrough": True},
            CAT.replace("raw:1", f"raw:1/exp:{int(NOW) + 60}"),
            {"cache-control": "max-age=9999"},
            "max-age=60, public",
        ),
    ],
)
async def test_the_rules_of_lifetimes_hold_for_what_is_relayed(serve, settings, target, origin, expected):
    client = await serve(**settings)
    client.shop.source.raw_answer.headers = {"content-type": "image/png", **origin}
    assert (await client.get(target)).headers["cache-control"] == expected


async def test_cdns_are_told_of_relayed_originals_as_of_pictures(serve):
    client = await serve(cdn_cache_control=True, cdn_ttl=600)
    assert (await client.get(CAT)).headers["cdn-cache-control"] == "max-age=600"


@pytest.mark.parametrize(
    ("media_type", "name"),
    [
        ("image/png", "cat.png"),
        ("image/jpeg; charset=x", "cat.jpg"),
        ("IMAGE/WEBP", "cat.webp"),
        ("application/pdf", "cat.pdf"),
        ("", "cat"),
        ("no/such-type", "cat"),
    ],
)
async def test_the_file_name_ends_as_the_media_type_says(client, media_type, name):
    client.shop.source.raw_answer.headers = {"content-type": media_type} if media_type else {}
    answer = await client.get(CAT)
    assert answer.headers["content-disposition"] == f'inline; filename="{name}"'


async def test_a_stored_original_has_one_encoding_and_varies_by_nothing(client):
    assert "vary" not in (await client.get("/_/raw:1/plain/s3://bucket/cat.png")).headers


async def test_bytes_that_are_no_utf8_break_neither_head(client):
    client.shop.source.raw_answer.headers = {"content-type": "image/png", "etag": '"\udcff"'}
    answer = await client.get(CAT, If_None_Match='"\udcff"')
    assert (answer.status, answer.headers["etag"]) == (200, '""')
    client.shop.source.relayed[0]["if-none-match"].encode()
