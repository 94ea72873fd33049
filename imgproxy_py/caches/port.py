"""What rendering needs of a cache: pictures by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from imgproxy_py.recipe.picture import Outcome, Picture


@dataclass(slots=True)
class CacheStats:
    """What a cache has counted since it was made; plain numbers that telemetry reads.

    Every look-up is a hit or a miss; `errors` counts how often the cache was out of order, look-ups and puts alike, and
    what it found damaged. `evictions` are pictures dropped for room, not for age.
    """

    hits: int = 0
    misses: int = 0
    puts: int = 0
    errors: int = 0
    evictions: int = 0


class Cache(Protocol):
    """Pictures under keys (hex digests). A cache that is out of order is a miss and a count, never an error."""

    outcome: Outcome
    """How a hit in this cache is called."""

    stats: CacheStats
    """What was counted."""

    lifetime: float
    """Seconds that a picture is kept if nothing else is said; infinite for as long as it is there."""

    async def get(self, key: str) -> Picture | None:
        """Give the picture under a key, `None` if there is none, it has expired, or the cache is out of order."""
        ...

    async def put(self, key: str, picture: Picture, seconds: float | None = None) -> None:
        """Keep a picture for so many seconds, or else for the cache's own lifetime; incomplete ones are not kept.

        A cache that forgets nothing by itself may keep it for longer.
        """
        ...

    async def delete(self, key: str) -> None:
        """Forget a picture, if it is there."""
        ...

    async def ping(self) -> None:
        """Raise an `imgproxy_py.errors.CapacityError` unless the cache answers."""
        ...
