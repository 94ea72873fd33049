"""How long tiers keep what, and what is stale."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.caches.memory import MemoryCache, MemoryCacheSettings
from imgproxy_py.caches.policies import Policy
from imgproxy_py.caches.port import CacheStats
from imgproxy_py.caches.purges import TAG
from imgproxy_py.caches.stored import ResultStoreSettings, StoredCache
from imgproxy_py.caches.tiers import TieredCache
from imgproxy_py.recipe.picture import Outcome, Picture, Rendered
from imgproxy_py.stores.memory import MemoryStore
from tests.factories import make_picture

USUAL = Policy(while_revalidate=50, if_error=100)


class Clock:
    """A clock that goes when told to."""

    def __init__(self) -> None:
        self.now = 10_000.0

    def __call__(self) -> float:
        return self.now


class Shared:
    """A tier as Redis is one: what is over is not there."""

    outcome = Outcome.REDIS
    lifetime = 600.0

    def __init__(self, clock: Clock) -> None:
        self.stats = CacheStats()
        self.kept: dict[str, tuple[Picture, float]] = {}
        self.clock = clock

    async def get(self, key: str) -> Picture | None:
        picture, until = self.kept.get(key, (None, 0.0))
        return picture if until > self.clock() else None

    async def put(self, key: str, picture: Picture, seconds: float | None = None) -> None:
        self.kept[key] = picture, self.clock() + (self.lifetime if seconds is None else seconds)

    async def delete(self, key: str) -> None:
        self.kept.pop(key, None)

    async def ping(self) -> None:
        """It is there."""


class Shelves:
    """Memory (60 s) and, where wanted, a shared tier (600 s) and a store, on one clock."""

    def __init__(self, *, shared: bool = True, store: int | None = None) -> None:
        self.clock = Clock()
        self.memory = MemoryCache(MemoryCacheSettings(memory_cache_expiration_seconds=60), clock=self.clock)
        self.shared = Shared(self.clock)
        tiers = [self.memory, *([self.shared] if shared else [])]
        if store is not None:
            settings = ResultStoreSettings(result_store_expiration_seconds=store)
            tiers.append(StoredCache(MemoryStore(clock=self.clock), settings, beyond=100, clock=self.clock))
        self.caches = TieredCache(tiers, clock=self.clock)

    def picture(self, **given: object) -> Picture:
        return make_picture(checked_at=self.clock.now, **given)

    async def put(self, policy: Policy = USUAL) -> Picture:
        await self.caches.put("k", picture := self.picture(), policy=policy)
        await self.caches.settle()
        return picture

    async def found(self, policy: Policy = USUAL) -> tuple[str, float | None] | None:
        found = await self.caches.get("k", policy=policy)
        return found and (found.outcome, found.stale and found.stale.seconds)

    def at_once(self) -> Rendered | None:
        return self.caches.peek("k")


async def test_a_picture_in_memory_alone_is_fresh_then_stale_then_gone() -> None:
    shelves = Shelves(shared=False)
    await shelves.put()
    shelves.clock.now += 59.5
    assert shelves.at_once() is not None
    shelves.clock.now += 1
    assert shelves.at_once() is None
    stale = shelves.caches.stale("k", policy=USUAL)
    assert stale is not None
    assert stale.stale is not None
    assert (stale.outcome, stale.stale.seconds, stale.stale.age) == ("memory", 0.5, 60.5)
    assert await shelves.found() == ("memory", 0.5)
    shelves.clock.now += 99.5
    assert await shelves.found() is None
    assert len(shelves.memory) == 0


async def test_memory_above_others_ends_with_its_own_time_and_is_filled_again() -> None:
    shelves = Shelves()
    await shelves.put()
    shelves.clock.now += 60
    assert (shelves.at_once(), shelves.caches.stale("k", policy=USUAL)) == (None, None)
    assert await shelves.found() == ("redis", None)
    assert shelves.at_once() is not None


async def test_what_memory_was_filled_with_late_is_not_fresh_for_longer_than_below() -> None:
    shelves = Shelves()
    await shelves.put()
    shelves.clock.now += 590
    assert await shelves.found() == ("redis", None)
    shelves.clock.now += 10
    assert shelves.at_once() is None
    assert await shelves.found() == ("memory", 0)


async def test_what_is_stale_below_is_given_from_memory_next_time() -> None:
    shelves = Shelves()
    await shelves.put()
    shelves.clock.now += 610
    assert await shelves.found() == ("redis", 10)
    stale = shelves.caches.stale("k", policy=USUAL)
    assert stale is not None
    assert stale.stale is not None
    assert stale.stale.seconds == 10
    shelves.clock.now += 90
    assert await shelves.found() is None


async def test_a_fresh_one_below_goes_before_a_stale_one_above() -> None:
    shelves = Shelves()
    await shelves.put()
    shelves.clock.now += 599
    await shelves.found()
    shelves.clock.now += 2
    await shelves.shared.put("k", renewed := shelves.picture(data=b"renewed"))
    found = await shelves.caches.get("k", policy=USUAL)
    assert found is not None
    assert (found.picture, found.stale) == (renewed, None)


async def test_a_store_without_an_end_is_never_stale() -> None:
    shelves = Shelves(store=0)
    await shelves.put()
    shelves.clock.now += 10**9
    assert await shelves.found() == ("stored", None)
    assert await shelves.found() == ("memory", None)
    shelves.clock.now += 61
    assert await shelves.found() == ("redis", None)


async def test_what_a_store_keeps_for_long_is_kept_in_redis_no_longer_than_its_time() -> None:
    shelves = Shelves(store=0)
    await shelves.put()
    assert shelves.shared.kept["k"][1] == shelves.clock.now + 600


async def test_a_store_with_an_end_gives_what_is_stale_for_a_while() -> None:
    shelves = Shelves(store=5000)
    await shelves.put()
    shelves.clock.now += 5001
    assert await shelves.found() == ("stored", 1)
    shelves.clock.now += 99
    assert await shelves.found() is None


async def test_a_policy_says_how_long_also_beyond_a_tiers_own_time() -> None:
    shelves, policy = Shelves(), Policy(seconds=2000, if_error=10)
    await shelves.put(policy)
    assert shelves.shared.kept["k"][1] == shelves.clock.now + 2010
    shelves.clock.now += 60
    assert shelves.at_once() is None  # memory's own time bounds for how long a purge may be missed
    shelves.clock.now += 1935
    assert await shelves.found(policy) == ("redis", None)
    shelves.clock.now += 6
    assert await shelves.found(policy) == ("memory", 1)


async def test_a_policy_for_memory_alone_is_heeded_there() -> None:
    shelves, policy = Shelves(), Policy(seconds=2000, tiers=frozenset({Outcome.MEMORY}))
    await shelves.put(policy)
    shelves.clock.now += 1999
    assert shelves.at_once() is not None
    assert shelves.shared.kept == {}


@pytest.mark.parametrize("tiers", [(), (Outcome.REDIS,), (Outcome.MEMORY, Outcome.REDIS)])
async def test_a_policy_says_in_which_tiers(tiers: tuple[Outcome, ...]) -> None:
    shelves, policy = Shelves(), Policy(tiers=frozenset(tiers))
    await shelves.put(policy)
    assert (shelves.at_once() is not None, "k" in shelves.shared.kept) == (
        Outcome.MEMORY in tiers,
        Outcome.REDIS in tiers,
    )
    assert (await shelves.found(policy) is not None) == bool(tiers)


async def test_a_tier_that_a_policy_leaves_out_is_not_asked() -> None:
    shelves = Shelves()
    await shelves.put()
    assert await shelves.found(Policy(tiers=frozenset({Outcome.STORED}))) is None


async def test_whoever_waits_is_told_though_no_tier_keeps_it() -> None:
    shelves, told = Shelves(), []

    async def tell() -> None:
        told.append(True)

    await shelves.caches.put("k", shelves.picture(), tell, Policy(tiers=frozenset()))
    await shelves.caches.put("k", shelves.picture(), tell, Policy(tiers=frozenset({Outcome.MEMORY})))
    assert told == [True, True]


async def test_what_is_purged_is_not_given_stale() -> None:
    shelves = Shelves(shared=False)
    shelves.caches.purges.newest = 1
    await shelves.caches.put("k", shelves.picture(tags=("a",)), policy=USUAL)
    shelves.clock.now += 61
    assert shelves.caches.stale("k", policy=USUAL) is not None
    assert shelves.caches.stale("k", ("b",), USUAL) is not None
    shelves.caches.purges.learn([(f"{TAG}b", 2)])
    assert shelves.caches.stale("k", ("b",), USUAL) is None
    shelves.caches.purges.learn([(f"{TAG}a", 3)])
    assert shelves.caches.stale("k", policy=USUAL) is None
    assert await shelves.found() is None


async def test_a_clock_that_is_set_back_makes_nothing_fresh_for_longer() -> None:
    shelves = Shelves(shared=False)
    shelves.caches._clock = lambda: 0.0
    await shelves.put()
    shelves.clock.now += 60
    assert shelves.at_once() is None
    assert await shelves.found() == ("memory", 0)


async def test_a_clock_that_leaps_ahead_makes_all_stale_and_nothing_worse() -> None:
    shelves = Shelves(shared=False)
    await shelves.put()
    shelves.caches._clock = lambda: shelves.clock.now + 10**6
    assert shelves.at_once() is not None  # by memory's clock, which does not leap
    shelves.clock.now += 60
    assert shelves.at_once() is None
    assert await shelves.found() == ("memory", 10**6)


@given(
    st.lists(st.floats(0, 900), max_size=6),
    st.none() | st.integers(1, 900),
    st.integers(0, 300),
    st.booleans(),
)
async def test_nothing_is_ever_fresh_or_kept_for_too_long(
    pauses: list[float], seconds: int | None, beyond: int, shared: bool
) -> None:
    shelves, policy = Shelves(shared=shared), Policy(seconds=seconds, if_error=beyond)
    lifetime = seconds if seconds is not None else 600 if shared else 60
    kept = await shelves.put(policy)
    for pause in pauses:
        shelves.clock.now += pause
        age = shelves.clock.now - (kept.checked_at or 0)
        if shelves.at_once():
            assert age < lifetime
        found = await shelves.caches.get("k", policy=policy)
        if found is None:
            assert age >= lifetime
        elif found.stale is None:
            assert age < lifetime
        else:
            assert lifetime <= age < lifetime + beyond + 1e-6
