"""Several caches as one: the fastest first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

import structlog

from imgproxy_py.caches.memory import MemoryCache
from imgproxy_py.caches.policies import USUAL, Policy
from imgproxy_py.caches.port import Cache
from imgproxy_py.caches.purges import Purges
from imgproxy_py.recipe.picture import Outcome, Picture, Rendered, Staleness

_log: structlog.stdlib.BoundLogger = structlog.get_logger("imgproxy_py.caches")


_MOST_UNDER_WAY = 256


class TieredCache:
    """Tiers that are asked in order; a find refills the tiers above it (delivery §6). No tier can make it fail.

    What `purges` void is never given, kept, or passed on to another tier; `tags` where they are taken are those of the URL
    asked with, which may be others than the URL had that the picture was made for. A `policy` says which tiers are asked and
    filled, and how long pictures are fresh and kept; `clock` gives Unix seconds.
    Opened as an async context manager, whose end waits for what is being kept.
    """

    def __init__(
        self, tiers: Sequence[Cache], purges: Purges | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.tiers = tuple(tiers)
        self._clock = clock
        self.purges = Purges() if purges is None else purges
        self._keeping: set[asyncio.Task[None]] = set()
        self._front = front = tiers[0] if tiers and isinstance(tiers[0], MemoryCache) else None
        if front is not None:
            self.purges.heard_by(lambda learned: front.forget(learned.tags, learned.prefixes))

    def __repr__(self) -> str:
        return f"<TieredCache: {', '.join(tier.outcome for tier in self.tiers) or 'none'}>"

    def peek(self, key: str, tags: tuple[str, ...] = ()) -> Rendered | None:
        """Give the picture under a key if the first tier is memory and has it fresh: at once, without a task."""
        found = self._front.peek(key) if self._front is not None else None
        return None if found is None or self.purges.void(found.picture, tags) else found

    def stale(self, key: str, tags: tuple[str, ...] = (), policy: Policy = USUAL) -> Rendered | None:
        """Give the picture under a key if the first tier is memory and has it stale: at once, without a task."""
        picture = self._front.stale(key) if self._front is not None else None
        if picture is None or self.purges.void(picture, tags):
            return None
        age = self._age(picture)
        # Memory's clock decides: the machine's may have been set back.
        over = Staleness(seconds=max(0.0, age - self._lifetime(policy)), age=age)
        return Rendered(picture=picture, outcome=MemoryCache.outcome, stale=over)

    async def get(self, key: str, tags: tuple[str, ...] = (), policy: Policy = USUAL) -> Rendered | None:
        """Give the picture under a key from the first tier that has it fresh, or else stale, and which one that was."""
        stale = self.stale(key, tags, policy)
        tiers = self._used(policy)
        for depth, tier in enumerate(tiers):
            if tier is not self._front and not self.purges.complete:
                break
            picture = await _get(tier, key)
            if picture is None or self.purges.void(picture, tags):
                continue
            found = self._judged(picture, tier.outcome, policy)
            if found.stale is None:
                await self._fill(tiers[:depth], key, picture, policy)
                return found
            if found.stale.seconds < policy.beyond and (stale is None or _is_newer(picture, stale.picture)):
                stale = found
        if stale is not None and self._front in tiers[:1]:  # from where it is given at once
            await self._fill(tiers[:1], key, stale.picture, policy)
        return stale

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.settle()

    async def put(
        self,
        key: str,
        picture: Picture,
        shared: Callable[[], Awaitable[None]] | None = None,
        policy: Policy = USUAL,
    ) -> None:
        """Keep a complete picture: in memory before this returns, in the other tiers while its answer leaves.

        `shared` is awaited as soon as other processes find it, or when it is certain that they will not.
        """
        if not picture.complete or self.purges.void(picture):
            await _told(shared)
            return
        others = self._used(policy)
        if self._front in others[:1]:
            await self._fill(others[:1], key, picture, policy)
            others = others[1:]
        if len(self._keeping) >= _MOST_UNDER_WAY:  # tiers that are too slow slow us down, rather than fill our memory
            await self._share(others, key, picture, policy, shared)
        elif others:
            task = asyncio.create_task(self._share(others, key, picture, policy, shared))
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)
        else:
            await _told(shared)

    async def settle(self) -> None:
        """Wait until all that was put is kept; tiers bound the time themselves."""
        if self._keeping:
            await asyncio.wait(set(self._keeping))

    async def delete(self, key: str) -> None:
        """Forget a picture in all tiers, the lowest first, so that no look-up in between refills an upper one."""
        for tier in reversed(self.tiers):
            try:
                await tier.delete(key)
            except Exception as error:
                _failed(tier, error)

    async def ping(self) -> None:
        """Raise the `CapacityError` of the first tier that does not answer."""
        for tier in self.tiers:
            await tier.ping()

    async def _share(
        self,
        tiers: Sequence[Cache],
        key: str,
        picture: Picture,
        policy: Policy,
        shared: Callable[[], Awaitable[None]] | None,
    ) -> None:
        """Keep a picture in tiers that other processes see as well, and tell when the first of them has it."""
        if len(tiers) > 1:
            first = self._share(tiers[:1], key, picture, policy, shared)
            await asyncio.gather(first, self._fill(tiers[1:], key, picture, policy))
        else:
            await self._fill(tiers, key, picture, policy)
            await _told(shared)

    async def _fill(self, tiers: Sequence[Cache], key: str, picture: Picture, policy: Policy) -> None:
        if len(tiers) == 1:
            await self._keep(tiers[0], key, picture, policy)
        elif tiers:
            await asyncio.gather(*(self._keep(tier, key, picture, policy) for tier in tiers))

    async def _keep(self, tier: Cache, key: str, picture: Picture, policy: Policy) -> None:
        left = self._lifetime(policy) - self._age(picture)
        fresh = left if policy.seconds is not None and not self._is_bounded(tier, policy) else min(left, tier.lifetime)
        # What leaves a tier while it is fresh is found below; what is stale is kept for a while.
        seconds = fresh if fresh < left else left + policy.beyond
        if seconds <= 0:
            return
        try:
            if tier is self._front:
                await self._front.put(key, picture, seconds, fresh=fresh)
            else:
                await tier.put(key, picture, seconds)
        except Exception as error:
            _failed(tier, error)

    def _is_bounded(self, tier: Cache, policy: Policy) -> bool:
        """Tell whether a tier is memory above others: its own time bounds for how long it misses a purge."""
        return tier is self._front and len(self._used(policy)) > 1

    def _used(self, policy: Policy) -> tuple[Cache, ...]:
        if policy.tiers is None:
            return self.tiers
        return tuple(tier for tier in self.tiers if policy.uses(tier.outcome))

    def _lifetime(self, policy: Policy) -> float:
        if policy.seconds is not None:
            return policy.seconds
        return max((tier.lifetime for tier in self._used(policy)), default=0.0)

    def _age(self, picture: Picture) -> float:
        return 0.0 if picture.checked_at is None else max(0.0, self._clock() - picture.checked_at)

    def _judged(self, picture: Picture, outcome: Outcome, policy: Policy) -> Rendered:
        age = self._age(picture)
        over = age - self._lifetime(policy)
        return Rendered(picture=picture, outcome=outcome, stale=None if over < 0 else Staleness(seconds=over, age=age))


def _is_newer(picture: Picture, other: Picture) -> bool:
    return (picture.checked_at or 0.0) > (other.checked_at or 0.0)


async def _told(shared: Callable[[], Awaitable[None]] | None) -> None:
    if shared is not None:
        await shared()


async def _get(tier: Cache, key: str) -> Picture | None:
    try:
        return await tier.get(key)
    except Exception as error:
        _failed(tier, error)
        return None


def _failed(tier: Cache, error: Exception) -> None:
    # Tiers keep their troubles to themselves; whatever still comes out of one is a defect, and costs no picture.
    tier.stats.errors += 1
    _log.error("cache_tier_failed", tier=str(tier.outcome), error=repr(error))
