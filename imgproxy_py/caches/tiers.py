"""Several caches as one: the fastest first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

import structlog

from imgproxy_py.caches.memory import MemoryCache
from imgproxy_py.caches.port import Cache
from imgproxy_py.caches.purges import Purges
from imgproxy_py.recipe.picture import Picture, Rendered

_log: structlog.stdlib.BoundLogger = structlog.get_logger("imgproxy_py.caches")


_MOST_UNDER_WAY = 256


class TieredCache:
    """Tiers that are asked in order; a find refills the tiers above it (delivery §6). No tier can make it fail.

    What `purges` void is never given, kept, or passed on to another tier; `tags` where they are taken are those of the URL
    asked with, which may be others than the URL had that the picture was made for.
    Opened as an async context manager, whose end waits for what is being kept.
    """

    def __init__(self, tiers: Sequence[Cache], purges: Purges | None = None) -> None:
        self.tiers = tuple(tiers)
        self.purges = Purges() if purges is None else purges
        self._keeping: set[asyncio.Task[None]] = set()
        self._front = front = tiers[0] if tiers and isinstance(tiers[0], MemoryCache) else None
        if front is not None:
            self.purges.heard_by(lambda learned: front.forget(learned.tags, learned.prefixes))

    def __repr__(self) -> str:
        return f"<TieredCache: {', '.join(tier.outcome for tier in self.tiers) or 'none'}>"

    def peek(self, key: str, tags: tuple[str, ...] = ()) -> Rendered | None:
        """Give the picture under a key if the first tier is memory and has it: at once, without a task."""
        picture = self._front.peek(key) if self._front is not None else None
        if picture is None or self.purges.void(picture, tags):
            return None
        return Rendered(picture=picture, outcome=MemoryCache.outcome)

    async def get(self, key: str, tags: tuple[str, ...] = ()) -> Rendered | None:
        """Give the picture under a key from the first tier that has it, and which one that was."""
        for depth, tier in enumerate(self.tiers):
            if tier is not self._front and not self.purges.complete:
                break
            picture = await _get(tier, key)
            if picture is not None and not self.purges.void(picture, tags):
                await self._fill(self.tiers[:depth], key, picture)
                return Rendered(picture=picture, outcome=tier.outcome)
        return None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.settle()

    async def put(self, key: str, picture: Picture, shared: Callable[[], Awaitable[None]] | None = None) -> None:
        """Keep a complete picture: in memory before this returns, in the other tiers while its answer leaves.

        `shared` is awaited as soon as other processes find it, or when it is certain that they will not.
        """
        if not picture.complete or self.purges.void(picture):
            await _told(shared)
            return
        others = self.tiers
        if self._front is not None:
            await _put(self._front, key, picture)
            others = self.tiers[1:]
        if len(self._keeping) >= _MOST_UNDER_WAY:  # tiers that are too slow slow us down, rather than fill our memory
            await self._share(others, key, picture, shared)
        elif others:
            task = asyncio.create_task(self._share(others, key, picture, shared))
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
        self, tiers: Sequence[Cache], key: str, picture: Picture, shared: Callable[[], Awaitable[None]] | None
    ) -> None:
        """Keep a picture in tiers that other processes see as well, and tell when the first of them has it."""
        if len(tiers) > 1:
            await asyncio.gather(self._share(tiers[:1], key, picture, shared), self._fill(tiers[1:], key, picture))
        else:
            await self._fill(tiers, key, picture)
            await _told(shared)

    async def _fill(self, tiers: Sequence[Cache], key: str, picture: Picture) -> None:
        if len(tiers) == 1:
            await _put(tiers[0], key, picture)
        elif tiers:
            await asyncio.gather(*(_put(tier, key, picture) for tier in tiers))


async def _told(shared: Callable[[], Awaitable[None]] | None) -> None:
    if shared is not None:
        await shared()


async def _get(tier: Cache, key: str) -> Picture | None:
    try:
        return await tier.get(key)
    except Exception as error:
        _failed(tier, error)
        return None


async def _put(tier: Cache, key: str, picture: Picture) -> None:
    try:
        await tier.put(key, picture)
    except Exception as error:
        _failed(tier, error)


def _failed(tier: Cache, error: Exception) -> None:
    # Tiers keep their troubles to themselves; whatever still comes out of one is a defect, and costs no picture.
    tier.stats.errors += 1
    _log.error("cache_tier_failed", tier=str(tier.outcome), error=repr(error))
