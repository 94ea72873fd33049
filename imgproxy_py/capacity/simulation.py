"""Zipf traffic through a row of caches: which of them finds how much.

Every request draws a picture by its rank and asks tier by tier; a find fills the tiers before it, and what no tier has is made.
A tier of several (edges of a CDN, processes of replicas) is asked at any one of them. Before the first request the tiers
hold what they would hold after a long time, roughly; the first half of the requests then sets that right and is not counted.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice

from imgproxy_py.capacity.lru import Lru

MOST_REQUESTS = 20_000_000
MOST_PICTURES = 10_000_000
MOST_INSTANCES = 1000
_SIZES = 4096
_SPREAD = 0.8
"""Of the logarithms of sizes: the 95th percentile of pictures has 2.7 times the mean's bytes."""
_AT_ONCE = 65_536
_SCATTER = 2_654_435_761


@dataclass(frozen=True, slots=True, kw_only=True)
class TierSetup:
    """Caches in one place of the row: how many, of how many bytes each, how long they keep, what an entry costs beside."""

    name: str
    instances: int = 1
    bytes: float
    lifetime: float
    overhead: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.instances <= MOST_INSTANCES or self.bytes < 0 or self.lifetime <= 0:
            raise ValueError(f"{self.name}: expected 1–{MOST_INSTANCES} instances, bytes from 0, a lifetime above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is simulated. `rate` turns requests into seconds, which lifetimes need."""

    pictures: int
    zipf: float
    rate: float
    mean_bytes: float
    tiers: tuple[TierSetup, ...]
    requests: int = 500_000
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.pictures <= MOST_PICTURES:
            raise ValueError(f"{self.pictures:,} pictures: expected 1–{MOST_PICTURES:,}")
        if not 2 <= self.requests <= MOST_REQUESTS:
            raise ValueError(f"{self.requests:,} requests: expected 2–{MOST_REQUESTS:,}")
        if not 0 <= self.zipf <= 3 or self.rate <= 0 or self.mean_bytes < 1:
            raise ValueError("expected a Zipf exponent 0–3, a rate above 0 and pictures of at least one byte")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a tier was asked and had."""

    name: str
    asked: int
    hits: int

    @property
    def ratio(self) -> float:
        """The share of what it was asked that it had."""
        return self.hits / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What came of it: the tiers in their order, and how many pictures had to be made."""

    requests: int
    made: int
    tiers: tuple[Found, ...]

    def ratio(self, name: str) -> float:
        """Give a tier's ratio; 0 for one that is not there."""
        return next((one.ratio for one in self.tiers if one.name == name), 0.0)


def simulate(scene: Scene) -> Simulated:
    """Run it. The same scene gives the same result."""
    chance = random.Random(scene.seed)  # noqa: S311 - traffic is drawn, not secrets
    sizes = _sizes(scene, chance)
    tiers = [[Lru(one.bytes, one.lifetime, one.overhead) for _ in range(one.instances)] for one in scene.tiers]
    weights = array("d", accumulate((rank + 1) ** -scene.zipf for rank in range(scene.pictures)))
    _fill(scene, tiers, weights, sizes, chance)
    requests = enumerate(_drawn(scene, weights, chance))
    for number, picture in islice(requests, scene.requests // 2):
        _ask(tiers, picture, sizes[picture * _SCATTER % _SIZES], number / scene.rate, chance)
    hits = [0] * (len(tiers) + 1)
    for number, picture in requests:
        hits[_ask(tiers, picture, sizes[picture * _SCATTER % _SIZES], number / scene.rate, chance)] += 1
    return _counted(scene, hits)


def _ask(tiers: list[list[Lru]], picture: int, size: float, now: float, chance: random.Random) -> int:
    """Give the place of the tier that had it, or their number if none had."""
    missed: list[Lru] = []
    place = 0
    for place, instances in enumerate(tiers):  # noqa: B007 - the last place is needed
        cache = instances[0] if len(instances) == 1 else instances[int(chance.random() * len(instances))]
        if cache.find(picture, now):
            break
        missed.append(cache)
    else:
        place = len(tiers)
    for cache in missed:
        cache.put(picture, size, now)
    return place


def _drawn(scene: Scene, weights: array[float], chance: random.Random) -> Iterator[int]:
    """Draw the ranks of all requests."""
    ranks = range(scene.pictures)
    for start in range(0, scene.requests, _AT_ONCE):
        yield from chance.choices(ranks, cum_weights=weights, k=min(_AT_ONCE, scene.requests - start))


def _sizes(scene: Scene, chance: random.Random) -> list[float]:
    """Draw sizes of pictures whose mean is the one asked for; whatever the rank, none says anything of the other."""
    drawn = [chance.lognormvariate(0.0, _SPREAD) for _ in range(_SIZES)]
    mean = sum(drawn) / _SIZES
    return [max(1.0, one / mean * scene.mean_bytes) for one in drawn]


def _fill(
    scene: Scene, tiers: list[list[Lru]], weights: array[float], sizes: list[float], chance: random.Random
) -> None:
    """Put into each tier what is likely to be there, the most popular last.

    Asked at a rate r, a picture that lives for L is there with the chance rL / (1 + rL); those who find it missing
    are the rate of the next tier. It has some part of its life left.
    """
    total = weights[-1]
    for picture in range(scene.pictures - 1, -1, -1):
        rate = (picture + 1) ** -scene.zipf / total * scene.rate
        size = sizes[picture * _SCATTER % _SIZES]
        for setup, instances in zip(scene.tiers, tiers, strict=True):
            expected = rate / setup.instances * setup.lifetime
            there = expected / (1 + expected)
            for cache in instances:
                if chance.random() < there:
                    cache.put(picture, size, 0.0, chance.random() * setup.lifetime)
            rate *= 1 - there


def _counted(scene: Scene, hits: list[int]) -> Simulated:
    asked = sum(hits)
    found, left = [], asked
    for setup, count in zip(scene.tiers, hits, strict=False):
        found.append(Found(name=setup.name, asked=left, hits=count))
        left -= count
    return Simulated(requests=asked, made=left, tiers=tuple(found))
