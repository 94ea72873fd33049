"""Leases in a Redis that is full, may only be read, hangs, forgets, or whose clock stands still."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from imgproxy_py.caches.connection import RedisConnection, RedisSettings
from imgproxy_py.caches.subscription import Subscription
from imgproxy_py.rendering.lease import LeaseSettings
from imgproxy_py.rendering.leases import Lease, Leases
from imgproxy_py.rendering.redis_leases import RedisLeases
from tests import servers
from tests.fakes import quiet_loop, until

SECONDS = 0.8
KEY = "imgproxy:lease:k"


@pytest.fixture(autouse=True)
async def no_noise() -> AsyncIterator[None]:
    async with quiet_loop():
        yield


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[servers.RedisServer]:
    with servers.redis_server(tmp_path) as server:
        yield server


class Process:
    """One of several processes, whose work ends when told and is kept where all find it."""

    kept: dict[str, int]

    def __init__(self, leases: Leases, connection: RedisConnection, kept: dict[str, int], gate: asyncio.Event) -> None:
        self.leases = leases
        self.connection = connection
        self.kept = kept
        self.gate = gate
        self.made = 0

    async def find(self) -> int | None:
        return self.kept.get("k")

    async def make(self, lease: Lease | None) -> int:
        self.made += 1
        await self.gate.wait()
        self.kept["k"] = 7
        if lease:
            await lease.kept()
        return 7

    def asks(self) -> asyncio.Task[int]:
        return asyncio.create_task(self.leases.once("k", find=self.find, make=self.make, failure=lambda _: None))


@asynccontextmanager
async def several(settings: RedisSettings) -> AsyncIterator[list[Process]]:
    kept: dict[str, int] = {}
    gate = asyncio.Event()
    async with AsyncExitStack() as opening:
        processes = []
        for _ in range(3):
            connection = await opening.enter_async_context(RedisConnection(settings))
            subscription = await opening.enter_async_context(Subscription(settings))
            leases = Leases(RedisLeases(connection, subscription), LeaseSettings(lease_seconds=SECONDS))
            processes.append(Process(await opening.enter_async_context(leases), connection, kept, gate))
        yield processes


@pytest.fixture
async def three(redis: servers.RedisServer) -> AsyncIterator[list[Process]]:
    async with several(RedisSettings(redis_url=SecretStr(redis.url), redis_pause=0.2)) as processes:
        yield processes


async def at_work(three: list[Process]) -> list[asyncio.Task[int]]:
    """One works, and the others wait for him."""
    tasks = [one.asks() for one in three]
    await until(lambda: sum(one.leases.stats.waited for one in three) == 2)
    await asyncio.sleep(0.05)
    assert sum(one.made for one in three) == 1
    return tasks


async def test_one_makes_and_the_others_are_told(three: list[Process]) -> None:
    tasks = await at_work(three)
    await asyncio.sleep(SECONDS * 2)
    assert sum(one.made for one in three) == 1
    three[0].gate.set()
    began = time.perf_counter()
    assert await asyncio.gather(*tasks) == [7, 7, 7]
    assert time.perf_counter() - began < 0.25  # when each would look
    assert 0 < await three[0].connection.execute("PTTL", KEY) <= SECONDS * 1000


async def test_a_clock_of_redis_that_stands_still_keeps_nobody_waiting(three: list[Process]) -> None:
    await three[0].connection.execute("SET", KEY, "d" * 16 + "w")  # it never lapses
    three[0].gate.set()
    began = time.perf_counter()
    assert await asyncio.gather(*(one.asks() for one in three)) == [7, 7, 7]
    assert SECONDS * 0.9 < time.perf_counter() - began < SECONDS + 1
    assert sum(one.made for one in three) == 1


async def test_a_clock_of_redis_that_leaps_ahead_costs_one_more_picture(three: list[Process]) -> None:
    tasks = await at_work(three)
    await three[0].connection.execute("DEL", KEY)  # it has lapsed before its time
    await until(lambda: sum(one.made for one in three) == 2)
    three[0].gate.set()
    assert await asyncio.gather(*tasks) == [7, 7, 7]
    assert sum(one.made for one in three) == 2
    assert sum(one.leases.stats.lost for one in three) == 1


async def test_a_redis_that_is_full_keeps_nobody_waiting(three: list[Process]) -> None:
    tasks = await at_work(three)
    await three[0].connection.execute("CONFIG", "SET", "maxmemory", "1")
    three[0].gate.set()
    began = time.perf_counter()
    assert await asyncio.gather(*tasks) == [7, 7, 7]
    assert time.perf_counter() - began < SECONDS
    three[0].kept.clear()
    assert await three[1].asks() == 7
    assert three[1].leases.stats.missed >= 1


async def test_a_redis_that_may_only_be_read_keeps_nobody_waiting(three: list[Process]) -> None:
    await three[0].connection.execute("REPLICAOF", "127.0.0.1", "1")
    three[0].gate.set()
    began = time.perf_counter()
    assert await asyncio.gather(*(one.asks() for one in three)) == [7, 7, 7]
    assert time.perf_counter() - began < SECONDS
    assert [one.made for one in three] == [1, 1, 1]


async def test_a_redis_that_hangs_costs_those_who_wait_its_time_out(
    three: list[Process], redis: servers.RedisServer
) -> None:
    tasks = await at_work(three)
    assert redis.server.process is not None
    redis.server.process.send_signal(signal.SIGSTOP)
    try:
        began = time.perf_counter()
        await until(lambda: all(one.made for one in three))
        assert time.perf_counter() - began < 0.25 + 0.25 + 1  # until they look, the time-out, and room
        three[0].gate.set()
        assert await asyncio.gather(*tasks) == [7, 7, 7]
    finally:
        redis.server.process.send_signal(signal.SIGCONT)


async def test_a_redis_that_comes_back_has_leases_again(three: list[Process], redis: servers.RedisServer) -> None:
    redis.server.kill()
    three[0].gate.set()
    assert await asyncio.gather(*(one.asks() for one in three)) == [7, 7, 7]
    await asyncio.to_thread(redis.server.start)
    await asyncio.sleep(0.5)
    three[0].gate.clear()
    three[0].kept.clear()
    for one in three:
        one.made, one.leases.stats.waited = 0, 0
    tasks = await at_work(three)
    three[0].gate.set()
    assert await asyncio.gather(*tasks) == [7, 7, 7]
    assert sum(one.made for one in three) == 1


async def test_whose_access_list_has_no_channels_looks_for_himself(redis: servers.RedisServer) -> None:
    async with RedisConnection(RedisSettings(redis_url=SecretStr(redis.url))) as root:
        await root.execute("ACL", "SETUSER", "shy", "on", ">word", "~*", "+@all", "resetchannels")
    settings = RedisSettings(redis_url=SecretStr(redis.url.replace("//", "//shy:word@")), redis_pause=0.2)
    async with several(settings) as processes:
        tasks = await at_work(processes)
        processes[0].gate.set()
        assert await asyncio.gather(*tasks) == [7, 7, 7]
        assert sum(one.made for one in processes) == 1
