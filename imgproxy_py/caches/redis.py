"""Pictures in Redis, shared by all processes."""

from __future__ import annotations

from math import ceil
from typing import Any

from imgproxy_py.caches.codec import decode, encode
from imgproxy_py.caches.connection import RedisConnection
from imgproxy_py.caches.port import CacheStats
from imgproxy_py.errors import CapacityError
from imgproxy_py.recipe.picture import Outcome, Picture


class RedisCache:
    """A `Cache` in Redis; its lifetime is `redis_cache_expiration_seconds` (delivery §6)."""

    outcome = Outcome.REDIS

    def __init__(self, connection: RedisConnection) -> None:
        self.stats = CacheStats()
        self._connection = connection
        self._prefix = f"{connection.settings.redis_key_prefix}picture:"
        self.lifetime: float = connection.settings.redis_cache_expiration_seconds

    def __repr__(self) -> str:
        return f"<RedisCache: {self._connection!r}>"

    async def get(self, key: str) -> Picture | None:
        """Give the picture under a key."""
        found = await self._execute("GET", self._prefix + key)
        picture = decode(found) if isinstance(found, bytes) else None
        if picture is not None:
            self.stats.hits += 1
            return picture
        self.stats.misses += 1
        if found is not None:
            self.stats.errors += 1
        return None

    async def put(self, key: str, picture: Picture, seconds: float | None = None) -> None:
        """Keep a picture."""
        if not picture.complete:
            return
        expires_in = max(1, ceil(self.lifetime if seconds is None else seconds))
        if await self._execute("SET", self._prefix + key, encode(picture), "EX", expires_in):
            self.stats.puts += 1

    async def delete(self, key: str) -> None:
        """Forget a picture."""
        await self._execute("DEL", self._prefix + key)

    async def ping(self) -> None:
        """Raise `CapacityError` unless Redis answers."""
        await self._connection.ping()

    async def _execute(self, *command: str | bytes | int) -> Any:
        try:
            return await self._connection.execute(*command)
        except CapacityError:
            self.stats.errors += 1
            return None
