"""Redis' channels: what is published is heard, and what may have been missed is told of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from imgproxy_py.caches.connection import RedisConnection, RedisSettings
from imgproxy_py.caches.subscription import Subscription
from tests import servers
from tests.fakes import quiet_loop, until


@pytest.fixture(autouse=True)
async def no_noise() -> AsyncIterator[None]:
    async with quiet_loop():
        yield


@asynccontextmanager
async def connected(url: str, **changed: Any) -> AsyncIterator[tuple[RedisConnection, Subscription]]:
    settings = RedisSettings(redis_url=SecretStr(url), redis_pause=0.1, **changed)
    async with RedisConnection(settings) as connection, Subscription(settings) as subscription:
        yield connection, subscription


@pytest.fixture(params=["one", "unix", "cluster"])
def url(request: Any) -> str:
    if request.param == "cluster":
        return str(request.getfixturevalue("redis_cluster").url).replace("redis://", "redis+cluster://")
    server = request.getfixturevalue("redis_server")
    return f"unix://{server.unix_socket}" if request.param == "unix" else str(server.url)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[servers.RedisServer]:
    with servers.redis_server(tmp_path) as server:
        yield server


async def test_what_is_published_is_heard_from_the_moment_that_is_told(url: str) -> None:
    async with connected(url) as (connection, subscription):
        heard: list[bytes | None] = []
        with subscription.listening("a", heard.append):
            await until(lambda: heard)
            assert heard == [None]
            await connection.execute("PUBLISH", "b", "not for us")
            await connection.execute("PUBLISH", "a", "one")
            await connection.execute("PUBLISH", "a", b"\xff")
            await until(lambda: len(heard) == 3)
        assert heard == [None, b"one", b"\xff"]


async def test_each_hears_his_own_channels_until_he_stops(redis_server: servers.RedisServer) -> None:
    async with connected(redis_server.url) as (connection, subscription):
        first: list[bytes | None] = []
        second: list[bytes | None] = []
        other: list[bytes | None] = []
        with ExitStack() as stopping:
            stopping.enter_context(subscription.listening("c", first.append))
            stopping.enter_context(subscription.listening("d", other.append))
            with subscription.listening("c", second.append):
                await until(lambda: first and second and other)
                assert await connection.execute("PUBLISH", "c", "1") == 1
                await until(lambda: len(first) == len(second) == 2)
            assert await connection.execute("PUBLISH", "c", "2") == 1
            await until(lambda: len(first) == 3)
            assert (second, other) == ([None, b"1"], [None])
        for _ in range(100):
            if await connection.execute("PUBLISH", "c", "3") == 0:
                break
            await asyncio.sleep(0.01)
        assert await connection.execute("PUBLISH", "c", "3") == 0
        assert first == [None, b"1", b"2"]


async def test_who_comes_later_is_told_when_he_hears(redis_server: servers.RedisServer) -> None:
    async with connected(redis_server.url) as (_, subscription):
        told = asyncio.Event()
        for _ in range(20):
            told.clear()
            with subscription.listening("e", lambda _: told.set()), subscription.listening("h", lambda _: None):
                await asyncio.wait_for(told.wait(), 2)
            await asyncio.sleep(0.001)


async def test_a_redis_that_dies_and_returns_is_heard_again(mortal: servers.RedisServer) -> None:
    async with connected(mortal.url) as (connection, subscription):
        heard: list[bytes | None] = []
        with subscription.listening("f", heard.append):
            await until(lambda: len(heard) == 1)
            mortal.server.kill()
            await until(lambda: len(heard) >= 2)  # at once, not after a time-out
            await asyncio.to_thread(mortal.server.start)
            told = len(heard)
            await until(lambda: len(heard) > told, seconds=5)
            await until(lambda: connection.alive)
            while await connection.execute("PUBLISH", "f", "back") == 0:  # noqa: ASYNC110 — Redis does not tell who listens
                await asyncio.sleep(0.01)
            await until(lambda: heard[-1] == b"back")
        assert set(heard) == {None, b"back"}


async def test_a_redis_that_is_not_there_harms_nobody() -> None:
    async with connected("redis://127.0.0.1:1") as (_, subscription):
        heard: list[bytes | None] = []
        with subscription.listening("g", heard.append):
            await until(lambda: heard)
            assert heard[0] is None


async def test_nobody_is_connected_until_somebody_listens(redis_server: servers.RedisServer) -> None:
    async with connected(redis_server.url) as (connection, subscription):
        before = await connection.execute("CLIENT", "LIST")
        await asyncio.sleep(0.05)
        assert (await connection.execute("CLIENT", "LIST")).count(b"\n") == before.count(b"\n")
        assert repr(subscription) == "<Subscription: 0 channels>"
