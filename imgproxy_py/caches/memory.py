"""Pictures in this process's memory, the least recently used leaving first."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import NamedTuple

from pydantic import BaseModel, Field

from imgproxy_py.caches.port import CacheStats
from imgproxy_py.kinds import Count, Seconds
from imgproxy_py.recipe.picture import Outcome, Picture, Rendered

OVERHEAD_BYTES = 1280
"""What an entry costs beside its data, key and texts: measured with tracemalloc on CPython 3.11, rounded up."""


class MemoryCacheSettings(BaseModel):
    """Settings of the cache in memory."""

    memory_cache_bytes: Count = Field(
        128 * 1024 * 1024, description="Bytes of finished pictures kept in each process's memory; 0 for none."
    )
    memory_cache_expiration_seconds: Seconds = Field(
        300.0, description="Seconds that a picture is kept in each process's memory."
    )


class _Entry(NamedTuple):
    picture: Picture
    rendered: Rendered  # made once: it is given for every hit
    cost: int
    fresh_until: float
    kept_until: float


class MemoryCache:
    """A `Cache` bounded by bytes, which also answers at once, without a task (`peek`).

    What is not fresh any more is kept for a while, for whoever asks for it as `stale`. `clock` gives seconds and never goes
    back. Not for several threads.
    """

    outcome = Outcome.MEMORY

    def __init__(self, settings: MemoryCacheSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.stats = CacheStats()
        self.bytes = 0
        self._limit = settings.memory_cache_bytes
        self.lifetime = settings.memory_cache_expiration_seconds
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._tagged: dict[str, set[str]] = {}

    def __repr__(self) -> str:
        return f"<MemoryCache: {len(self._entries)} pictures, {self.bytes} of {self._limit} bytes>"

    def __len__(self) -> int:
        return len(self._entries)

    def peek(self, key: str) -> Rendered | None:
        """Give the picture under a key now: a look-up and a move. A miss is not counted: `get` comes next."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.fresh_until > (now := self._clock()):
            self._entries.move_to_end(key)
            self.stats.hits += 1
            return entry.rendered
        if entry.kept_until <= now:
            self._drop(key)
        return None

    def stale(self, key: str) -> Picture | None:
        """Give the picture under a key if it is kept, but not fresh any more."""
        entry = self._entries.get(key)
        return entry.picture if entry is not None and entry.fresh_until <= self._clock() < entry.kept_until else None

    async def get(self, key: str) -> Picture | None:
        """Give the picture under a key."""
        found = self.peek(key)
        if found is not None:
            return found.picture
        self.stats.misses += 1
        return None

    async def put(
        self, key: str, picture: Picture, seconds: float | None = None, *, fresh: float | None = None
    ) -> None:
        """Keep a picture, `fresh` for all of its seconds or for so many of them.

        One that is larger than the whole cache is not kept, nor what was there before.
        """
        self._drop(key)
        cost = _cost(key, picture)
        if not picture.complete or cost > self._limit:
            return
        now, kept = self._clock(), self.lifetime if seconds is None else seconds
        rendered = Rendered(picture=picture, outcome=self.outcome)
        self._entries[key] = _Entry(picture, rendered, cost, now + (kept if fresh is None else fresh), now + kept)
        for tag in picture.tags:
            self._tagged.setdefault(tag, set()).add(key)
        self.bytes += cost
        self.stats.puts += 1
        while self.bytes > self._limit:
            self._drop(next(iter(self._entries)))
            self.stats.evictions += 1

    async def delete(self, key: str) -> None:
        """Forget a picture."""
        self._drop(key)

    def forget(self, tags: Collection[str], prefixes: tuple[str, ...] = ()) -> int:
        """Forget at once what carries one of the tags or whose original's URL begins so; give how many that were.

        Tags cost a look-up each, prefixes a walk through all entries.
        """
        keys = {key for tag in tags for key in self._tagged.get(tag, ())}
        if prefixes:
            keys |= {key for key, entry in self._entries.items() if entry.picture.source.startswith(prefixes)}
        for key in keys:
            self._drop(key)
        return len(keys)

    async def ping(self) -> None:
        """Return; memory always answers."""

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry.cost
            self._untag(key, entry.picture.tags)

    def _untag(self, key: str, tags: tuple[str, ...]) -> None:
        for tag in tags:
            keys = self._tagged[tag]
            keys.discard(key)
            if not keys:
                del self._tagged[tag]


def _cost(key: str, picture: Picture) -> int:
    texts = (key, picture.etag, picture.origin_etag, picture.cache_control, picture.source, *picture.tags)
    return OVERHEAD_BYTES + len(picture.data) + sum(map(len, texts))
