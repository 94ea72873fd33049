"""Redis that dies, hangs, refuses, or holds foreign bytes."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr, ValidationError

from imgproxy_py.caches.codec import encode
from imgproxy_py.caches.connection import RedisConnection, RedisSettings
from imgproxy_py.caches.memory import MemoryCache, MemoryCacheSettings
from imgproxy_py.caches.policies import Policy
from imgproxy_py.caches.redis import RedisCache
from imgproxy_py.caches.tiers import TieredCache
from imgproxy_py.errors import CapacityError
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Picture
from tests import servers


def picture(data: bytes = b"data") -> Picture:
    return Picture(
        data=data,
        format=Format.PNG,
        width=1,
        height=2,
        origin_format=Format.JPEG,
        origin_width=3,
        origin_height=4,
        origin_bytes=5,
    )


@asynccontextmanager
async def connected(url: str, **changed: Any) -> AsyncIterator[tuple[RedisConnection, RedisCache]]:
    options = {"redis_key_prefix": f"test-{uuid4().hex}:", "redis_pause": 0.2} | changed
    async with RedisConnection(RedisSettings(redis_url=SecretStr(url), **options)) as connection:
        yield connection, RedisCache(connection)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[servers.RedisServer]:
    with servers.redis_server(tmp_path) as server:
        yield server


async def test_a_dead_redis_is_missed_at_once_and_found_again(mortal: servers.RedisServer) -> None:
    async with connected(mortal.url, redis_timeout=1.0) as (connection, cache):
        await cache.put("k", picture())
        assert await cache.get("k") == picture()
        mortal.server.kill()
        for _ in range(3):
            assert await cache.get("k") is None
        assert not connection.alive
        began = time.perf_counter()
        for _ in range(1000):
            assert await cache.get("k") is None
            await cache.put("k", picture())
        assert time.perf_counter() - began < 1  # less than a single time-out
        assert cache.stats.errors >= 2000
        with pytest.raises(CapacityError):
            await cache.ping()
        await asyncio.to_thread(mortal.server.start)
        await asyncio.sleep(0.25)
        await cache.put("k", picture())
        assert await cache.get("k") == picture()
        assert connection.alive
        await cache.ping()


async def test_a_hanging_redis_costs_a_few_timeouts_and_one_probe_at_a_time(mortal: servers.RedisServer) -> None:
    async with connected(mortal.url, redis_timeout=0.1, redis_pause=0.3) as (connection, cache):
        await cache.put("k", picture())
        assert mortal.server.process is not None
        _signal(mortal, "STOP")
        try:
            began = time.perf_counter()
            for _ in range(20):
                assert await cache.get("k") is None
            assert time.perf_counter() - began < 1  # half of what it would be if each took his
            await asyncio.sleep(0.35)
            began = time.perf_counter()
            assert await asyncio.gather(*(cache.get("k") for _ in range(50))) == [None] * 50
            assert time.perf_counter() - began < 1
            assert not connection.alive
        finally:
            _signal(mortal, "CONT")
        await asyncio.sleep(0.35)
        assert await cache.get("k") == picture()
        assert connection.alive


def _signal(server: servers.RedisServer, name: str) -> None:
    assert server.server.process is not None
    server.server.process.send_signal(signal.Signals[f"SIG{name}"])


async def test_a_cancelled_caller_leaves_no_answer_behind(redis_server: servers.RedisServer) -> None:
    async with connected(redis_server.url, redis_max_connections=2, redis_timeout=2.0) as (_, cache):
        for number in range(20):
            await cache.put(str(number), picture(b"%d" % number))
        for turn in range(200):
            asking = [asyncio.create_task(cache.get(str(number))) for number in range(6)]
            await asyncio.sleep(turn / 100_000)
            for task in asking[:4]:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            found = await cache.get(str(turn % 20))
            assert found is not None
            assert found.data == b"%d" % (turn % 20)


async def test_pictures_expire(redis_server: servers.RedisServer) -> None:
    async with connected(redis_server.url, redis_cache_expiration_seconds=1) as (connection, cache):
        await cache.put("k", picture())
        key = f"{connection.settings.redis_key_prefix}picture:k"
        assert 0 < await connection.execute("PTTL", key) <= 1000
        await asyncio.sleep(1.1)
        assert await cache.get("k") is None


async def test_a_picture_is_kept_for_as_long_as_is_said(redis_server: servers.RedisServer) -> None:
    async with connected(redis_server.url) as (connection, cache):
        await cache.put("k", picture(), 7.2)
        key = f"{connection.settings.redis_key_prefix}picture:k"
        assert 7000 < await connection.execute("PTTL", key) <= 8000
        await cache.put("k", picture(), 0.0001)
        assert 0 < await connection.execute("PTTL", key) <= 1000


async def test_redis_keeps_a_picture_for_its_time_and_what_is_stale_beyond(redis_server: servers.RedisServer) -> None:
    async with connected(redis_server.url, redis_cache_expiration_seconds=100) as (connection, cache):
        memory = MemoryCacheSettings(memory_cache_expiration_seconds=10)
        tiers = TieredCache([MemoryCache(memory), cache])
        policy = Policy(if_error=50, confirmed_for=20)
        await tiers.put("k", replace(picture(), checked_at=time.time() - 60), policy=policy)
        await tiers.settle()
        key = f"{connection.settings.redis_key_prefix}picture:k"
        assert 85_000 < await connection.execute("PTTL", key) <= 91_000
        await tiers.put("k", replace(picture(), checked_at=time.time() - 110), policy=policy)
        await tiers.settle()
        found = await TieredCache([MemoryCache(memory), cache]).get("k", policy=policy)
        assert found is not None
        assert found.stale is not None
        assert (found.outcome, round(found.stale.seconds)) == ("redis", 10)


@pytest.mark.parametrize("damage", [b"", b"x" * 100, encode(picture())[:-1], b"\0" + encode(picture())[1:]])
async def test_damaged_entries_are_misses(redis_server: servers.RedisServer, damage: bytes) -> None:
    async with connected(redis_server.url) as (connection, cache):
        await connection.execute("SET", f"{connection.settings.redis_key_prefix}picture:k", damage)
        assert await cache.get("k") is None
        assert (cache.stats.misses, cache.stats.errors) == (1, 1)


async def test_a_refusal_is_a_miss_and_no_outage(redis_server: servers.RedisServer) -> None:
    async with connected(redis_server.url) as (connection, cache):
        await connection.execute("LPUSH", f"{connection.settings.redis_key_prefix}picture:k", "x")
        for _ in range(10):
            assert await cache.get("k") is None
        assert connection.alive
        assert cache.stats.errors == 10


async def test_a_password_is_used(tmp_path: Path) -> None:
    with servers.redis_server(tmp_path, "--requirepass", "p@ss/word") as server:
        async with connected(server.url, redis_password=SecretStr("p@ss/word")) as (_, cache):
            await cache.ping()
        address = f"redis://:p%40ss%2Fword@127.0.0.1:{server.server.port}/0"
        async with connected(address) as (_, cache):
            await cache.ping()
        async with connected(server.url) as (_, cache):
            with pytest.raises(CapacityError):
                await cache.ping()
            assert await cache.get("k") is None


async def test_more_callers_than_connections_wait_their_turn(redis_server: servers.RedisServer) -> None:
    async with connected(redis_server.url, redis_max_connections=2, redis_timeout=5.0) as (_, cache):
        await cache.put("k", picture())
        assert await asyncio.gather(*(cache.get("k") for _ in range(300))) == [picture()] * 300
        assert cache.stats.errors == 0


async def test_a_dead_redis_costs_tiers_nothing() -> None:
    async with connected("redis://127.0.0.1:1", redis_failures=1) as (_, cache):
        tiers = TieredCache([MemoryCache(MemoryCacheSettings()), cache])
        assert await tiers.get("k") is None
        await tiers.put("k", picture())
        await tiers.settle()
        found = tiers.peek("k")
        assert found is not None
        assert found.picture == picture()


async def test_a_dead_cluster_is_a_miss() -> None:
    async with connected("redis+cluster://127.0.0.1:1") as (connection, cache):
        for _ in range(5):
            assert await cache.get("k") is None
        assert not connection.alive


def test_a_url_of_another_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="scheme"):
        RedisSettings(redis_url=SecretStr("http://127.0.0.1"))
    assert "secret" not in repr(RedisSettings(redis_url=SecretStr("redis://:secret@h")))
