"""What clients are told of pictures whose time is over: 300 seconds in memory."""

from __future__ import annotations

import pytest

from imgproxy_py.errors import SourceFailed, SourceTimeout
from tests.factories import jpeg, make_original
from tests.fakes import until
from tests.unit.delivery.conftest import Client, Serve

TARGET = "/unsafe/w:16/plain/s3://bucket/cat.jpg@jpg"
QUERY = "/images/cat.jpg?w=16&format=jpeg"


async def shown_long_ago(client: Client, over: float, target: str = TARGET) -> bytes:
    answer = await client.get(target)
    client.shop.clock.now += 300 + over
    return answer.body


@pytest.mark.parametrize("target", [TARGET, QUERY])
async def test_a_stale_picture_is_answered_at_once_and_says_so(serve: Serve, target: str) -> None:
    client = await serve(stale_while_revalidate=60, ttl=86400)
    body = await shown_long_ago(client, 4.5, target)
    client.shop.source.gate.clear()
    answer = await client.get(target)
    assert (answer.status, answer.body) == (200, body)
    assert answer.headers["cache-status"] == "imgproxy-py; hit; detail=memory; ttl=-5"
    assert (answer.headers["age"], answer.headers["cache-control"]) == ("304", "max-age=314, public")
    client.shop.source.gate.set()
    await until(lambda: client.shop.renderer.refreshes.stats.confirmed)
    fresh = await client.get(target)
    assert fresh.headers["cache-status"] == "imgproxy-py; hit; detail=memory"
    assert fresh.headers["cache-control"] == "max-age=86400, public, stale-while-revalidate=60"
    assert "age" not in fresh.headers
    assert (fresh.headers["etag"], fresh.body) == (answer.headers["etag"], body)
    assert client.shop.transformer.made == 1


async def test_what_was_told_of_a_fresh_picture_is_not_told_of_it_stale_nor_the_other_way_round(serve: Serve) -> None:
    client = await serve(stale_while_revalidate=60)
    await client.get(TARGET)
    assert "age" not in (await client.get(TARGET)).headers
    client.shop.clock.now += 301
    client.shop.source.gate.clear()
    ages = []
    for _ in range(3):
        ages.append((await client.get(TARGET)).headers["age"])
        client.shop.clock.now += 1
    assert ages == ["301", "302", "303"]


async def test_a_client_that_has_the_stale_picture_is_told_304_at_once(serve: Serve) -> None:
    client = await serve(stale_while_revalidate=60)
    etag = (await client.get(TARGET)).headers["etag"]
    client.shop.clock.now += 310
    answer = await client.get(TARGET, If_None_Match=etag)
    assert (answer.status, answer.headers["age"]) == (304, "310")
    assert client.shop.source.validated == []
    assert (await client.get(TARGET, Range="bytes=0-3")).status == 206


async def test_a_stale_picture_in_place_of_an_error_is_marked_and_logged(serve: Serve) -> None:
    client = await serve(stale_if_error=600)
    body = await shown_long_ago(client, 100)
    for trouble in (SourceFailed(), SourceTimeout()):
        client.shop.source.trouble = trouble
        answer = await client.get(TARGET)
        assert (answer.status, answer.body) == (200, body)
        assert answer.headers["cache-status"] == "imgproxy-py; fwd=stale; detail=stale-if-error; ttl=-100"
        assert (answer.headers["age"], answer.headers["cache-control"]) == ("400", "max-age=410, public")
    counted = client.shop.metrics.exposition().decode()
    assert 'imgproxy_errors_total{slug="source-timeout"} 1.0' in counted
    client.shop.clock.now += 500
    assert (await client.get(TARGET)).status == 504


async def test_a_stale_picture_goes_before_a_fallback(serve: Serve) -> None:
    client = await serve(stale_if_error=600)
    target = TARGET.replace("/plain", "/fiu:czM6Ly9idWNrZXQvZmFsbGJhY2suanBn/plain")
    await shown_long_ago(client, 100, target)
    client.shop.source.originals["s3://bucket/cat.jpg"] = SourceFailed()
    assert "fallback-image" not in (await client.get(target)).headers
    client.shop.clock.now += 600
    assert (await client.get(target)).headers["fallback-image"] == "1"


async def test_a_confirmed_picture_says_so_once(serve: Serve) -> None:
    client = await serve()
    body = await shown_long_ago(client, 1000)
    answer = await client.get(TARGET)
    assert (answer.body, client.shop.source.told, client.shop.transformer.made) == (body, 1, 1)
    assert answer.headers["cache-status"] == "imgproxy-py; fwd=stale; fwd-status=304; stored"
    assert (await client.get(TARGET)).headers["cache-status"] == "imgproxy-py; hit; detail=memory"


async def test_a_changed_original_is_another_picture_with_another_entity_tag(serve: Serve) -> None:
    client = await serve()
    old = await client.get(TARGET)
    client.shop.clock.now += 301
    client.shop.source.anything = make_original(jpeg(32, 32), etag='"v2"')
    new = await client.get(TARGET, If_None_Match=old.headers["etag"])
    assert new.status == 200
    assert new.body != old.body
    assert new.headers["etag"] != old.headers["etag"]


async def test_the_word_of_an_origin_that_is_passed_through_stays_with_an_age(serve: Serve) -> None:
    client = await serve(stale_while_revalidate=60, cache_control_passthrough=True)
    client.shop.source.anything = make_original(cache_control="public, max-age=310")
    await shown_long_ago(client, 5)
    headers = (await client.get(TARGET)).headers
    assert (headers["age"], headers["cache-control"]) == ("305", "public, max-age=310")
