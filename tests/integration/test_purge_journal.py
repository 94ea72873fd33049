"""Purges in a real Redis: heard at once, or at intervals; bounded; gone with Redis and back with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from imgproxy_py.caches.connection import RedisConnection, RedisSettings
from imgproxy_py.caches.journal import JournalSettings, LocalJournal, RedisJournal
from imgproxy_py.caches.purges import Purges
from imgproxy_py.caches.subscription import Subscription
from imgproxy_py.errors import PurgeUnavailable
from tests import servers
from tests.factories import make_picture
from tests.fakes import until

PREFIX = "s3://bucket/größe \udcff/"


class Deaf(Subscription):
    """Never hears anything, nor that it hears nothing."""

    async def _converse(self) -> None:
        await asyncio.Event().wait()


@asynccontextmanager
async def process(
    url: str, prefix: str, ear: type[Subscription] = Subscription, *, lifetime: float = 0.0, **given: Any
) -> AsyncIterator[tuple[RedisJournal, Purges]]:
    """What one process has: its journal, and what it knows."""
    redis = RedisSettings(redis_url=SecretStr(url), redis_key_prefix=prefix, redis_timeout=1.0, redis_pause=0.1)
    purges = Purges(complete=False)
    settings = JournalSettings(**{"purge_interval": 60.0, **given})
    async with RedisConnection(redis) as connection, ear(redis) as subscription:
        journal = RedisJournal(connection, purges, settings, lifetime=lifetime)
        async with journal.following(subscription):
            yield journal, purges


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid4().hex}:"


@pytest.fixture(params=["redis_server", "redis_cluster"])
def url(request: pytest.FixtureRequest) -> str:
    address = str(request.getfixturevalue(request.param).url)
    return address.replace("redis://", "redis+cluster://") if request.param == "redis_cluster" else address


def knows(purges: Purges, tag: str, after: int = 0) -> Callable[[], bool]:
    return lambda: purges.since("", (tag,)) > after


async def test_a_purge_is_in_force_here_at_once_and_elsewhere_as_soon_as_it_is_heard(url: str, prefix: str) -> None:
    async with process(url, prefix) as (journal, here), process(url, prefix) as (_, there):
        await asyncio.sleep(0.3)  # until both listen
        recorded = await journal.record(["a", "b"], [PREFIX])
        assert knows(here, "a")()
        began = time.perf_counter()
        await until(knows(there, "b"))
        assert time.perf_counter() - began < 1
        assert there.since(f"{PREFIX}x.jpg", ()) == recorded.generation == here.newest
        assert there.since("s3://bucket/other.jpg", ("c",)) == 0


async def test_how_many_were_told(redis_server: servers.RedisServer, prefix: str) -> None:
    async with process(redis_server.url, prefix) as (journal, _), process(redis_server.url, prefix):
        await asyncio.sleep(0.3)
        assert (await journal.record(["a"], [])).processes == 2


async def test_who_hears_nothing_is_late_by_the_interval_at_most(url: str, prefix: str) -> None:
    async with process(url, prefix) as (journal, _), process(url, prefix, Deaf, purge_interval=0.5) as (_, deaf):
        began = time.perf_counter()
        await journal.record(["a"], [])
        await until(knows(deaf, "a"))
        assert time.perf_counter() - began < 0.8


async def test_who_comes_later_knows_what_was_purged_before(url: str, prefix: str) -> None:
    async with process(url, prefix) as (journal, _):
        await journal.record(["a"], [])
    async with process(url, prefix) as (_, purges):
        assert purges.complete
        assert knows(purges, "a")()


async def test_generations_grow_and_a_name_has_its_last(url: str, prefix: str) -> None:
    async with process(url, prefix) as (journal, purges):
        given = [(await journal.record(["a"], [])).generation for _ in range(50)]
        assert given == sorted(set(given))
        await journal.catch_up()
        assert (len(purges), purges.since("", ("a",))) == (1, given[-1])


async def test_many_purges_are_read_page_by_page(redis_server: servers.RedisServer, prefix: str) -> None:
    async with process(redis_server.url, prefix) as (journal, _):
        for one in range(25):
            await journal.record([f"{one}-{two}" for two in range(999)], [])
    async with process(redis_server.url, prefix) as (_, purges):
        assert len(purges) == 25 * 999
        assert all(knows(purges, f"{one}-{two}")() for one in range(25) for two in range(999))


async def test_beyond_the_bound_all_that_is_older_is_void(url: str, prefix: str) -> None:
    async with process(url, prefix, purge_records=20) as (journal, here):
        given = [(await journal.record([str(one)], [])).generation for one in range(25)]
        async with process(url, prefix, purge_records=20) as (_, there):
            assert len(there) <= 20
            for purges in (here, there):
                await journal.catch_up()
                for number, generation in enumerate(given):  # whether its purge is remembered or not
                    assert purges.void(make_picture(tags=(str(number),), generation=generation - 1))
                assert not purges.void(make_picture(tags=("other",), generation=given[-1] - 1))
            assert len(here) <= 20


async def test_purges_that_nothing_can_be_older_than_are_dropped(
    redis_server: servers.RedisServer, prefix: str
) -> None:
    async with process(redis_server.url, prefix, lifetime=0.2) as (journal, _):
        await journal.record(["old"], [])
        await asyncio.sleep(0.3)
        await journal.record(["new"], [])
    async with process(redis_server.url, prefix) as (_, purges):
        assert (len(purges), knows(purges, "new")()) == (1, True)
        assert not purges.void(make_picture(tags=("old",), generation=1))


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[servers.RedisServer]:
    with servers.redis_server(tmp_path) as server:
        yield server


async def test_without_redis_nothing_is_promised_and_with_it_everything_again(
    mortal: servers.RedisServer, prefix: str
) -> None:
    async with process(mortal.url, prefix, purge_interval=0.2) as (journal, here):
        first = await journal.record(["a"], [])
        mortal.server.kill()
        with pytest.raises(PurgeUnavailable):
            await journal.record(["b"], [])
        async with process(mortal.url, prefix, purge_interval=0.2) as (_, late):
            assert not late.complete
            await asyncio.to_thread(mortal.server.start)  # it has forgotten everything, generations too
            await until(lambda: late.complete, seconds=5)
            await asyncio.sleep(0.3)
            again = await journal.record(["b"], [])
            assert again.generation > first.generation
            await until(knows(late, "b"), seconds=5)
            assert knows(here, "a")()


async def test_alone_a_process_needs_nobody_and_says_when_it_is_not_alone() -> None:
    purges = Purges()
    journal = LocalJournal(purges, clock=lambda: 5.0)
    assert (await journal.record(["a"], [])).generation == 5_000_000
    assert (await journal.record(["a"], ["s3://b/"])).generation == 5_000_001
    assert purges.void(make_picture(tags=("a",), generation=5_000_000))
    with pytest.raises(PurgeUnavailable, match="several"):
        await LocalJournal(purges, "there are several").record(["c"], [])
    assert not knows(purges, "c")()
