"""What every store of leases keeps, whichever it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from imgproxy_py.caches.connection import RedisConnection, RedisSettings
from imgproxy_py.caches.subscription import Subscription
from imgproxy_py.errors import SourceMissing
from imgproxy_py.rendering.lease import Entry, Failure, LeaseStore, State
from imgproxy_py.rendering.redis_leases import RedisLeases
from tests.fakes import FakeLeases

A, B, C = (Entry(letter * 16) for letter in "abc")


@pytest.fixture(params=["fake", "redis", "redis cluster"])
async def store(request: Any) -> AsyncIterator[LeaseStore]:
    if request.param == "fake":
        yield FakeLeases()
        return
    server = request.getfixturevalue(request.param.replace("redis", "redis_server", 1).replace("_server c", "_c"))
    url = server.url.replace("redis:", "redis+cluster:") if request.param == "redis cluster" else server.url
    settings = RedisSettings(redis_url=SecretStr(url), redis_key_prefix=f"{{test}}-{uuid4().hex}:", redis_timeout=2.0)
    async with AsyncExitStack() as opening:
        connection = await opening.enter_async_context(RedisConnection(settings))
        yield RedisLeases(connection, await opening.enter_async_context(Subscription(settings)))


async def test_of_many_one_takes_a_lease_and_the_others_learn_whose_it_is(store: LeaseStore) -> None:
    entries = [Entry(f"{number:016x}") for number in range(50)]
    answers = await asyncio.gather(*(store.take("k", one, 5) for one in entries))
    (winner,) = [entry for entry, held in zip(entries, answers, strict=True) if held is None]
    others = [held for held in answers if held is not None]
    assert {held.entry for held in others} == {winner}
    assert all(4 < held.seconds <= 5 for held in others)
    assert await store.take("other", A, 5) is None


async def test_who_only_asks_learns_whose_a_lease_is_and_takes_none(store: LeaseStore) -> None:
    assert await store.held("k") is None
    assert await store.take("k", A, 5) is None
    held = await store.held("k")
    assert held is not None
    assert held.entry == A
    assert 4 < held.seconds <= 5


async def test_a_lease_lapses(store: LeaseStore) -> None:
    assert await store.take("k", A, 0.5) is None
    assert await store.take("k", B, 5) is not None
    await asyncio.sleep(0.6)
    assert await store.take("k", B, 5) is None
    assert not await store.change("k", A, 5)


async def test_a_renewed_lease_does_not_lapse_and_shows_that_it_was(store: LeaseStore) -> None:
    assert await store.take("k", A, 1) is None
    for renewal in "12":
        await asyncio.sleep(0.6)
        assert await store.change("k", Entry(A.owner, text=renewal), 1)
    held = await store.take("k", B, 5)
    assert held is not None
    assert held.entry == Entry(A.owner, text="2")


async def test_only_the_owner_of_a_working_lease_changes_it(store: LeaseStore) -> None:
    assert not await store.change("k", A, 5)
    await store.take("k", A, 5)
    assert not await store.change("k", Entry(B.owner, State.KEPT), 5)
    assert await store.change("k", Entry(A.owner, State.KEPT), 5)
    assert not await store.change("k", Entry(A.owner, text="3"), 5)  # a renewal that comes late
    held = await store.take("k", B, 5)
    assert held is not None
    assert held.entry == Entry(A.owner, State.KEPT)


@pytest.mark.parametrize("there", [A, Entry(A.owner, text="7"), Entry(A.owner, State.KEPT)])
async def test_of_many_who_take_over_one_does(store: LeaseStore, there: Entry) -> None:
    await store.take("k", A, 5)
    await store.change("k", there, 5)
    wrong = await store.take("k", C, 5, over=Entry(A.owner, text="1"))
    assert wrong is not None
    entries = [Entry(f"{number:016x}") for number in range(20)]
    answers = await asyncio.gather(*(store.take("k", one, 5, over=there) for one in entries))
    assert sum(held is None for held in answers) == 1


@pytest.mark.parametrize("error", [SourceMissing("no «ключ»", upstream_status=410, private="x" * 2000)])
async def test_a_failure_is_read_as_it_was_written(store: LeaseStore, error: SourceMissing) -> None:
    await store.take("k", A, 5)
    await store.change("k", Entry(A.owner, State.FAILED, str(Failure(error, replaceable=True))), 5)
    held = await store.take("k", B, 5)
    assert held is not None
    failure = Failure.read(held.entry.text)
    assert failure is not None
    assert (type(failure.error), failure.error.detail, failure.replaceable) == (SourceMissing, "no «ключ»", True)
    assert isinstance(failure.error, SourceMissing)
    assert failure.error.upstream_status == 410
    assert failure.error.private == "x" * 500


async def test_an_end_is_told_and_a_renewal_is_not(store: LeaseStore) -> None:
    rings = 0

    def ring() -> None:
        nonlocal rings
        rings += 1

    await store.take("k", A, 5)
    await store.take("l", B, 5)
    with store.listening("k", ring):
        async with asyncio.timeout(2):
            while not rings:  # noqa: ASYNC110 — it is told from some moment on
                await asyncio.sleep(0.005)
        heard = rings
        await store.change("k", Entry(A.owner, text="1"), 5)
        await store.change("l", Entry(B.owner, State.KEPT), 5)
        await asyncio.sleep(0.05)
        assert rings == heard
        await store.change("k", Entry(A.owner, State.FREE), 5)
        async with asyncio.timeout(2):
            while rings == heard:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert rings == heard + 1
