"""What every cache keeps, whichever it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from imgproxy_py.caches.connection import RedisConnection, RedisSettings
from imgproxy_py.caches.memory import MemoryCache, MemoryCacheSettings
from imgproxy_py.caches.port import Cache
from imgproxy_py.caches.redis import RedisCache
from imgproxy_py.caches.stored import ResultStoreSettings, StoredCache
from imgproxy_py.caches.tiers import TieredCache
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Picture, Timings
from imgproxy_py.stores.memory import MemoryStore

CHECKED_AT = 1_790_000_000.25
PICTURE = Picture(
    data=bytes(range(256)) * 80,
    format=Format.WEBP,
    width=400,
    height=300,
    origin_format=Format.JPEG,
    origin_width=4000,
    origin_height=3000,
    origin_bytes=1_234_567,
    etag='"größe"',
    modified_at=1_700_000_000.5,
    cache_control="public, max-age=60",
    origin_expires_at=1_800_000_000.0,
    source="s3://bucket/ключ.jpg",
    tags=("a", "b c"),
    origin_etag='W/"größe"',
    checked_at=CHECKED_AT,
    timings=Timings(fetch=3.0),
)
SMALL = replace(PICTURE, data=b"", etag="", modified_at=None, cache_control="", origin_expires_at=None, tags=())


@pytest.fixture(params=["memory", "redis", "redis unix", "redis cluster", "stored"])
async def cache(request: Any) -> AsyncIterator[Cache]:
    async with AsyncExitStack() as opening:
        match request.param:
            case "memory":
                yield MemoryCache(MemoryCacheSettings())
            case "stored":
                yield StoredCache(MemoryStore(), ResultStoreSettings(), prefix="results/")
            case name:
                url = _redis_url(name, request)
                settings = RedisSettings(
                    redis_url=SecretStr(url), redis_key_prefix=f"test-{uuid4().hex}:", redis_timeout=2.0
                )
                yield RedisCache(await opening.enter_async_context(RedisConnection(settings)))


def _redis_url(name: str, request: Any) -> str:
    if name == "redis cluster":
        return str(request.getfixturevalue("redis_cluster").url).replace("redis://", "redis+cluster://")
    server = request.getfixturevalue("redis_server")
    return f"unix://{server.unix_socket}" if name == "redis unix" else str(server.url)


@pytest.mark.parametrize("picture", [PICTURE, SMALL])
async def test_what_is_put_is_what_is_got(cache: Cache, picture: Picture) -> None:
    await cache.put("a1b2c3", picture)
    assert await cache.get("a1b2c3") == picture
    assert (cache.stats.puts, cache.stats.hits, cache.stats.misses, cache.stats.errors) == (1, 1, 0, 0)


async def test_what_was_not_put_is_a_miss(cache: Cache) -> None:
    assert await cache.get("a1b2c3") is None
    assert (cache.stats.hits, cache.stats.misses, cache.stats.errors) == (0, 1, 0)


async def test_a_later_picture_replaces_an_earlier(cache: Cache) -> None:
    await cache.put("a1b2c3", PICTURE)
    await cache.put("a1b2c3", SMALL)
    assert await cache.get("a1b2c3") == SMALL


async def test_incomplete_pictures_are_not_kept(cache: Cache) -> None:
    await cache.put("a1b2c3", replace(PICTURE, complete=False))
    assert await cache.get("a1b2c3") is None


async def test_a_deleted_picture_is_a_miss(cache: Cache) -> None:
    await cache.put("a1b2c3", PICTURE)
    await cache.delete("a1b2c3")
    await cache.delete("a1b2c3")
    assert await cache.get("a1b2c3") is None
    assert cache.stats.errors == 0


async def test_a_picture_is_there_for_as_long_as_is_said(cache: Cache) -> None:
    await cache.put("a1b2c3", PICTURE, 60.0)
    assert await cache.get("a1b2c3") == PICTURE
    assert cache.lifetime > 0


async def test_the_cache_answers(cache: Cache) -> None:
    await cache.ping()


async def test_tiers_keep_what_a_cache_keeps(cache: Cache) -> None:
    tiers = TieredCache([MemoryCache(MemoryCacheSettings()), cache], clock=lambda: CHECKED_AT + 1)
    assert await tiers.get("a1b2c3") is None
    await tiers.put("a1b2c3", PICTURE)
    await tiers.settle()
    assert await cache.get("a1b2c3") == PICTURE
    found = tiers.peek("a1b2c3")
    assert found is not None
    assert (found.picture, found.outcome) == (PICTURE, "memory")
    await tiers.delete("a1b2c3")
    assert await tiers.get("a1b2c3") is None
    await tiers.ping()


async def test_a_find_refills_the_tiers_above(cache: Cache) -> None:
    tiers = TieredCache([MemoryCache(MemoryCacheSettings()), cache], clock=lambda: CHECKED_AT + 1)
    await cache.put("a1b2c3", PICTURE)
    assert tiers.peek("a1b2c3") is None
    found = await tiers.get("a1b2c3")
    assert found is not None
    assert (found.picture, found.outcome) == (PICTURE, cache.outcome)
    assert tiers.peek("a1b2c3") is not None
