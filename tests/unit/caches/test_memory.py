"""The cache in memory: its bounds, its order, its clock; and tiers above broken ones."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.caches.memory import OVERHEAD_BYTES, MemoryCache, MemoryCacheSettings
from imgproxy_py.caches.port import CacheStats
from imgproxy_py.caches.stored import ResultStoreSettings, StoredCache
from imgproxy_py.caches.tiers import TieredCache
from imgproxy_py.errors import CapacityError, SourceMissing, SourceUnreachable
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Outcome, Picture
from imgproxy_py.stores.memory import MemoryStore


class Clock:
    """A clock that goes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def picture(size: int = 100) -> Picture:
    return Picture(
        data=bytes(size),
        format=Format.PNG,
        width=1,
        height=2,
        origin_format=Format.JPEG,
        origin_width=3,
        origin_height=4,
        origin_bytes=5,
    )


def cache(pictures: int, clock: Clock | None = None) -> MemoryCache:
    settings = MemoryCacheSettings(
        memory_cache_bytes=pictures * (OVERHEAD_BYTES + 101), memory_cache_expiration_seconds=60
    )
    return MemoryCache(settings, clock=clock or Clock())


async def test_the_least_recently_used_leaves_first() -> None:
    kept = cache(3)
    for key in "abc":
        await kept.put(key, picture())
    assert kept.peek("a") is not None
    await kept.put("d", picture())
    assert [key for key in "abcd" if kept.peek(key)] == ["a", "c", "d"]
    assert kept.stats.evictions == 1


async def test_pictures_leave_when_their_time_is_up() -> None:
    clock = Clock()
    kept = cache(3, clock)
    await kept.put("a", picture())
    clock.now += 59.9
    assert kept.peek("a") is not None
    clock.now += 0.1
    assert kept.peek("a") is None
    assert (len(kept), kept.bytes, kept.stats.evictions) == (0, 0, 0)


async def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    kept = cache(2)
    await kept.put("a", picture())
    await kept.put("b", picture())
    await kept.put("a", picture(10_000))
    assert kept.peek("a") is None
    assert kept.peek("b") is not None


async def test_a_cache_of_no_bytes_keeps_nothing() -> None:
    kept = cache(0)
    await kept.put("a", picture(0))
    assert await kept.get("a") is None


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 4000), st.sampled_from(["put", "get", "delete"])))
)
async def test_the_bound_and_the_count_hold(steps: list[tuple[str, int, str]]) -> None:
    kept = cache(5)
    for key, size, action in steps:
        if action == "put":
            await kept.put(key, picture(size))
        elif action == "get":
            await kept.get(key)
        else:
            await kept.delete(key)
        assert kept.bytes == sum(entry.cost for entry in kept._entries.values())
        assert kept.bytes <= 5 * (OVERHEAD_BYTES + 101)


async def test_an_entry_costs_no_more_than_is_counted() -> None:
    kept = MemoryCache(MemoryCacheSettings())
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(2000):
        await kept.put(
            f"{number:064}",
            replace(
                picture(100),
                etag=f'"{number:032}"',
                origin_etag=f'"{number:016}"',
                checked_at=1_700_000_000.0 + number,
                source=f"https://host.test/{number}.png",
                tags=(f"source-{number:016x}", "preset-card"),
            ),
        )
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert used <= kept.bytes


class Broken:
    """A tier that does not keep its promise."""

    outcome = Outcome.REDIS
    lifetime = 60.0

    def __init__(self) -> None:
        self.stats = CacheStats()

    async def get(self, key: str) -> Picture | None:
        raise RuntimeError(key)

    async def put(self, key: str, picture: Picture, seconds: float | None = None) -> None:
        raise RuntimeError(key)

    async def delete(self, key: str) -> None:
        raise RuntimeError(key)

    async def ping(self) -> None:
        raise CapacityError("out of order")


async def test_a_broken_tier_costs_no_picture() -> None:
    broken, below = Broken(), StoredCache(MemoryStore(), ResultStoreSettings())
    tiers = TieredCache([cache(3), broken, below])
    await tiers.put("a", picture())
    await tiers.settle()
    assert await below.get("a") == picture()
    await tiers.tiers[0].delete("a")
    found = await tiers.get("a")
    assert found is not None
    assert found.outcome == "stored"
    assert tiers.peek("a") is not None
    await tiers.delete("a")
    assert await tiers.get("a") is None
    assert broken.stats.errors == 5
    with pytest.raises(CapacityError):
        await tiers.ping()


async def test_tiers_without_memory_have_nothing_at_once() -> None:
    tiers = TieredCache([StoredCache(MemoryStore(), ResultStoreSettings())])
    await tiers.put("a", picture())
    await tiers.settle()
    assert tiers.peek("a") is None
    assert await tiers.get("a") is not None
    assert TieredCache([]).peek("a") is None
    assert await TieredCache([]).get("a") is None


async def test_incomplete_pictures_reach_no_tier() -> None:
    below = MemoryStore()
    tiers = TieredCache([cache(3), StoredCache(below, ResultStoreSettings())])
    await tiers.put("a", replace(picture(), complete=False))
    await tiers.settle()
    assert [info async for info in below.list()] == []
    assert tiers.peek("a") is None


class Sick(MemoryStore):
    """A store that does not answer."""

    async def get(self, key: str, *, version: str = "", max_bytes: int = 0) -> object:  # type: ignore[override]
        raise SourceUnreachable

    async def ping(self) -> None:
        raise SourceMissing


async def test_a_sick_store_is_a_miss_and_then_left_alone() -> None:
    kept = StoredCache(Sick(), ResultStoreSettings())
    for _ in range(5):
        assert await kept.get("abcd") is None
    assert (kept.stats.misses, kept.stats.errors) == (5, 5)
    assert "open" in repr(kept)
    with pytest.raises(CapacityError):
        await kept.ping()


async def test_stored_pictures_may_expire() -> None:
    clock = Clock()
    kept = StoredCache(
        MemoryStore(clock=clock), ResultStoreSettings(result_store_expiration_seconds=60), prefix="p/", clock=clock
    )
    await kept.put("abcd", picture())
    assert await kept.get("abcd") is not None
    clock.now += 60
    assert await kept.get("abcd") is None
    assert kept.stats.errors == 0
