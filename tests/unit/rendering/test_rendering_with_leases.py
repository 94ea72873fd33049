"""Two renderers, as of two processes, around one lower cache and one store of leases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from imgproxy_py.caches.memory import MemoryCache, MemoryCacheSettings
from imgproxy_py.caches.purges import TAG
from imgproxy_py.caches.tiers import TieredCache
from imgproxy_py.deadline import Deadline
from imgproxy_py.engine.pool import Pool
from imgproxy_py.errors import BrokenImage, DeadlineExceeded, Overloaded, SourceMissing
from imgproxy_py.recipe.picture import Outcome, Rendered
from imgproxy_py.recipe.tags import cache_tags
from imgproxy_py.rendering.lease import LeaseSettings, State
from imgproxy_py.rendering.leases import Leases
from imgproxy_py.rendering.negative import NegativeCache, NegativeSettings
from imgproxy_py.rendering.render import Renderer
from tests.factories import make_maker, make_memory_cache, make_picture, make_request, make_source
from tests.fakes import FakeLeases, FakeSource, FakeTransformer, missing, until


class Shelf(MemoryCache):
    """What both processes see."""

    outcome = Outcome.REDIS

    def __init__(self) -> None:
        super().__init__(MemoryCacheSettings())
        self.gate = asyncio.Event()
        self.gate.set()

    async def put(self, key: str, picture: Any, seconds: float | None = None, *, fresh: float | None = None) -> None:
        await self.gate.wait()
        await super().put(key, picture, seconds, fresh=fresh)


class Process:
    def __init__(self, world: World, leases: Leases) -> None:
        self.leases = leases
        self.transformer: Any = FakeTransformer()
        self.pool = Pool(1, 1)
        self.caches = TieredCache([make_memory_cache(), world.shelf])
        self.renderer = Renderer(
            maker=make_maker(world.source, self.pool, self.transformer),
            caches=self.caches,
            leases=leases,
        )

    def renders(self, request: Any = None, seconds: float = 5) -> asyncio.Task[Rendered]:
        request = request or make_request()
        return asyncio.create_task(self.renderer.render(request, self.renderer.key(request), Deadline.after(seconds)))


class World:
    def __init__(self) -> None:
        self.source = FakeSource()
        self.shelf = Shelf()
        self.store = FakeLeases()

    async def both_wait(self, one: Process, two: Process, request: Any = None) -> list[asyncio.Task[Rendered]]:
        """The first fetches, the second waits for it."""
        self.source.gate.clear()
        tasks = [one.renders(request)]
        await until(lambda: self.source.waiting == 1)
        tasks.append(two.renders(request))
        await until(lambda: two.leases.stats.waited)
        return tasks


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def two(world) -> AsyncIterator[tuple[Process, Process]]:
    async with AsyncExitStack() as stack:
        processes = []
        for _ in range(2):
            leases = await stack.enter_async_context(Leases(world.store, LeaseSettings(lease_seconds=5)))
            processes.append(Process(world, leases))
            await stack.enter_async_context(processes[-1].caches)
        yield processes[0], processes[1]
        for one in processes:
            one.transformer.gate.set()
            one.pool.close()


async def test_the_second_process_finds_what_the_first_has_made(world, two):
    tasks = await world.both_wait(*two)
    world.source.gate.set()
    first, second = await asyncio.gather(*tasks)
    assert (first.outcome, second.outcome) == (Outcome.MADE, Outcome.SHARED)
    assert second.picture == first.picture
    assert (len(world.source.fetched), two[1].transformer.begun) == (1, 0)
    assert two[1].renderer.cached(two[1].renderer.key(make_request()))


async def test_a_process_without_room_refuses_and_takes_no_lease_unless_another_makes_the_picture(world, two):
    full, other = two
    world.source.gate.clear()
    busy = [full.renders(make_request(source=make_source(f"s3://bucket/{number}.jpg"))) for number in range(2)]
    await until(lambda: full.pool.inside == 2)
    taken = full.leases.stats.taken
    with pytest.raises(Overloaded):
        await full.renders()
    assert (full.leases.stats.taken, full.pool.refused_full) == (taken, 1)
    tasks = [other.renders()]
    await until(lambda: other.pool.inside == 1)
    tasks.append(full.renders())
    await until(lambda: full.leases.stats.waited)
    world.source.gate.set()
    assert [one.outcome for one in await asyncio.gather(*tasks)] == [Outcome.MADE, Outcome.SHARED]
    assert full.pool.refused_full == 1
    await asyncio.gather(*busy)


async def test_what_another_process_could_not_make_is_remembered_by_those_who_waited(world, two):
    first, second = two
    settings = NegativeSettings(negative_cache_seconds=60)
    second.renderer = replace(second.renderer, negative=NegativeCache(settings, second.caches.purges))
    tasks = await world.both_wait(first, second)
    world.source.trouble = missing()
    world.source.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(one) for one in results} == {SourceMissing}
    with pytest.raises(SourceMissing) as caught:
        await second.renders()
    assert caught.value.remembered
    assert len(world.source.fetched) == 1


async def test_who_waits_is_not_told_before_the_lower_cache_has_it(world, two):
    tasks = await world.both_wait(*two)
    world.shelf.gate.clear()
    world.source.gate.set()
    assert (await tasks[0]).outcome is Outcome.MADE  # its own clients do not wait for that
    await asyncio.sleep(0.02)
    assert not tasks[1].done()
    assert len(two[0].leases) == 1
    world.shelf.gate.set()
    assert (await tasks[1]).outcome is Outcome.SHARED


@pytest.mark.parametrize("trouble", [missing(), SourceMissing("gone", upstream_status=410)])
async def test_the_original_is_missed_once(world, two, trouble):
    tasks = await world.both_wait(*two)
    world.source.trouble = trouble
    world.source.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in results] == [SourceMissing] * 2
    assert [one.upstream_status for one in results] == [trouble.upstream_status] * 2
    assert len(world.source.fetched) == 1


async def test_both_show_the_fallback_for_one_failure(world, two):
    request = make_request(fallback=make_source("s3://bucket/fallback.png"))
    world.source.originals["s3://bucket/cat.jpg"] = missing()
    tasks = await world.both_wait(*two, request)
    world.source.gate.set()
    results = await asyncio.gather(*tasks)
    assert [type(one.failure) for one in results] == [SourceMissing] * 2
    assert sorted(ref.url for ref in world.source.fetched) == ["s3://bucket/cat.jpg", "s3://bucket/fallback.png"]


async def test_a_broken_original_is_opened_once(world, two):
    two[0].transformer.trouble = BrokenImage("damaged")
    tasks = await world.both_wait(*two)
    world.source.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [(type(one), str(one)) for one in results] == [(BrokenImage, "damaged")] * 2
    assert (len(world.source.fetched), two[1].transformer.begun) == (1, 0)


async def test_a_process_without_room_leaves_it_to_the_other(world, two):
    first, second = two
    world.source.gate.clear()
    inside = [first.renders(make_request(f"s3://bucket/{one}.jpg")) for one in range(2)]
    await until(lambda: world.source.waiting == 2)
    with pytest.raises(Overloaded):
        await first.renders()
    world.source.gate.set()
    assert (await second.renders()).outcome is Outcome.MADE
    await asyncio.gather(*inside)


async def test_who_waits_for_another_is_bounded_by_his_deadline_and_takes_no_place(world, two):
    world.source.gate.clear()
    first = two[0].renders()
    await until(lambda: world.source.waiting == 1)
    hasty = two[1].renders(seconds=0.05)
    await until(lambda: two[1].leases.stats.waited)
    assert two[1].pool.inside == 0
    with pytest.raises(DeadlineExceeded):
        await hasty
    await until(lambda: world.store.listeners == 0)
    world.source.gate.set()
    await first


async def test_what_goes_past_the_caches_needs_no_lease(world, two):
    assert (await two[0].renders(make_request(bypass_cache=True))).outcome is Outcome.BYPASSED
    assert world.store.asked == 0


async def test_what_is_found_needs_no_lease(world, two):
    await world.shelf.put(two[0].renderer.key(make_request()), make_picture())
    assert (await two[0].renders()).outcome is Outcome.REDIS
    assert world.store.asked == 0


async def test_an_incomplete_picture_is_made_by_each(world, two):
    for one in two:
        one.transformer.picture = make_picture(complete=False)
    tasks = await world.both_wait(*two)
    world.source.gate.set()
    assert [one.outcome for one in await asyncio.gather(*tasks)] == [Outcome.MADE] * 2
    await until(lambda: not two[0].leases._tasks)
    (entry, _), *_ = world.store.entries.values()
    assert entry.state is State.ALONE


async def test_who_asks_after_a_purge_does_not_wait_for_what_began_before(world, two):
    world.source.gate.clear()
    before = two[0].renders(make_request())
    await until(lambda: world.source.waiting == 1)
    tag, *_ = cache_tags(make_request())
    for one in two:
        one.caches.purges.learn([(TAG + tag, 9)])
    after = two[1].renders(make_request())
    await until(lambda: world.source.waiting == 2)
    world.source.gate.set()
    assert [one.outcome for one in await asyncio.gather(before, after)] == [Outcome.MADE] * 2
