"""The simulation's arithmetic, and that its caches are ours."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgproxy_py.caches.memory import MemoryCache, MemoryCacheSettings
from imgproxy_py.capacity import Lru, Scene, TierSetup, simulate
from imgproxy_py.capacity.costs import MEMORY_ENTRY_BYTES
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Picture

FOREVER = 1e18
TRACES = st.lists(st.integers(0, 20), max_size=200)


def asked(cache: Lru, key: int, size: float, now: float) -> bool:
    found = cache.find(key, now)
    if not found:
        cache.put(key, size, now)
    return found


# --- one cache ---------------------------------------------------------------------------------------------------------


@given(TRACES, st.integers(0, 100), st.lists(st.integers(1, 60), min_size=21, max_size=21), st.floats(1, 50))
def test_a_cache_never_holds_more_than_its_bytes(
    trace: list[int], limit: int, sizes: list[int], lifetime: float
) -> None:
    cache = Lru(limit, lifetime, overhead=1)
    for now, key in enumerate(trace):
        asked(cache, key, sizes[key], float(now))
        assert 0 <= cache.bytes <= limit
        assert len(cache) <= limit / 2


@given(TRACES, st.integers(0, 21), st.integers(0, 21))
def test_with_equal_sizes_a_larger_cache_has_all_that_a_smaller_one_has(trace: list[int], one: int, other: int) -> None:
    small, large = (Lru(limit, FOREVER) for limit in sorted((one, other)))
    for now, key in enumerate(trace):
        found_small, found_large = asked(small, key, 1, float(now)), asked(large, key, 1, float(now))
        assert found_large or not found_small


@given(TRACES, st.lists(st.integers(1, 400), min_size=21, max_size=21), st.integers(1, 8000), st.integers(1, 60))
@settings(deadline=None)
def test_it_finds_what_the_cache_in_memory_finds(trace: list[int], sizes: list[int], limit: int, lifetime: int) -> None:
    now = [0.0]
    real = MemoryCache(
        MemoryCacheSettings(memory_cache_bytes=limit, memory_cache_expiration_seconds=lifetime), clock=lambda: now[0]
    )
    ours = Lru(limit, lifetime, MEMORY_ENTRY_BYTES)

    async def compared() -> None:
        for second, key in enumerate(trace):
            now[0] = float(second)
            found = await real.get(name(key)) is not None
            if not found:
                await real.put(name(key), picture(sizes[key]))
            assert asked(ours, key, sizes[key] + len(name(key)), now[0]) == found
            assert ours.bytes == real.bytes

    asyncio.run(compared())


def name(key: int) -> str:
    return f"{key:02d}"


def picture(size: int) -> Picture:
    return Picture(
        data=bytes(size),
        format=Format.PNG,
        width=1,
        height=1,
        origin_format=Format.PNG,
        origin_width=1,
        origin_height=1,
        origin_bytes=1,
    )


def test_what_is_too_old_is_not_found() -> None:
    cache = Lru(10, lifetime=5)
    cache.put(1, 1, now=0)
    assert cache.find(1, now=4.9)
    assert not cache.find(1, now=5)
    assert cache.bytes == 0


# --- a row of caches ---------------------------------------------------------------------------------------------------

CDN = TierSetup(name="cdn", instances=2, bytes=2_000_000, lifetime=3600)
MEMORY = TierSetup(name="memory", instances=2, bytes=500_000, lifetime=300, overhead=1024)
REDIS = TierSetup(name="redis", bytes=3_000_000, lifetime=3600, overhead=600)
SCENE = Scene(
    pictures=500, zipf=0.9, rate=50, mean_bytes=10_000, tiers=(CDN, MEMORY, REDIS), requests=6000, seed=3
)  # fmt: skip


@given(st.integers(1, 300), st.floats(0, 2), st.integers(0, 9), st.integers(0, 3), st.integers(2, 800))
@settings(max_examples=30, deadline=None)
def test_hits_and_what_was_made_add_up(pictures: int, zipf: float, seed: int, tiers: int, requests: int) -> None:
    found = simulate(
        replace(SCENE, pictures=pictures, zipf=zipf, seed=seed, tiers=SCENE.tiers[:tiers], requests=requests)
    )
    assert found.requests == requests - requests // 2
    assert sum(one.hits for one in found.tiers) + found.made == found.requests
    left = found.requests
    for one in found.tiers:
        assert one.asked == left
        assert 0 <= one.ratio <= 1
        left -= one.hits
    assert found.made == left


def test_the_same_seed_gives_the_same() -> None:
    assert simulate(SCENE) == simulate(SCENE)
    assert simulate(SCENE) != simulate(replace(SCENE, seed=4))


def test_a_shared_cache_finds_more_than_the_same_bytes_in_parts() -> None:
    parts = replace(CDN, instances=10, bytes=200_000)
    whole = replace(CDN, instances=1, bytes=2_000_000)
    assert simulate(replace(SCENE, tiers=(whole,))).made < simulate(replace(SCENE, tiers=(parts,))).made


def test_the_steeper_the_law_the_more_is_found() -> None:
    found = [simulate(replace(SCENE, zipf=zipf)).ratio("cdn") for zipf in (0.3, 0.9, 1.5)]
    assert found == sorted(found)
    assert found[0] < found[2] - 0.1


def test_a_cache_for_everything_that_keeps_for_long_has_everything() -> None:
    endless = TierSetup(name="cdn", bytes=1e12, lifetime=1e9)
    assert simulate(replace(SCENE, tiers=(endless,))).made == 0


def test_with_lifetimes_alone_the_ratio_is_the_one_that_can_be_calculated() -> None:
    """A picture asked for r times a second that lives for L is found with the chance rL / (1 + rL)."""
    scene = replace(SCENE, tiers=(TierSetup(name="redis", bytes=1e12, lifetime=10.0),), requests=40_000)
    weights = [(rank + 1) ** -scene.zipf for rank in range(scene.pictures)]
    rates = [weight / sum(weights) * scene.rate for weight in weights]
    expected = sum(rate * (rate * 10 / (1 + rate * 10)) for rate in rates) / scene.rate
    assert simulate(scene).ratio("redis") == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    "changed",
    [
        {"pictures": 0},
        {"pictures": 10_000_001},
        {"requests": 1},
        {"requests": 20_000_001},
        {"zipf": -0.1},
        {"rate": 0},
        {"mean_bytes": 0},
    ],
)
def test_what_would_not_end_or_mean_anything_is_refused(changed: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        replace(SCENE, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("changed", [{"instances": 0}, {"instances": 1001}, {"bytes": -1}, {"lifetime": 0}])
def test_a_tier_that_cannot_be_is_refused(changed: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="cdn: expected"):
        replace(CDN, **changed)  # type: ignore[arg-type]
