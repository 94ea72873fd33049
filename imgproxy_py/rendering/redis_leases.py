"""Leases in Redis."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from imgproxy_py.caches.connection import RedisConnection
from imgproxy_py.caches.subscription import Subscription
from imgproxy_py.rendering.lease import Entry, Held, State

_TAKE: Final = """\
local there = redis.call('GET', KEYS[1])
if there and there ~= ARGV[3] then return {there, redis.call('PTTL', KEYS[1])} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
"""

_HELD: Final = """\
local there = redis.call('GET', KEYS[1])
if there then return {there, redis.call('PTTL', KEYS[1])} end
return false
"""

# A Redis that is full refuses SET, not DEL: then nobody waits for what it could not be told.
_CHANGE: Final = """\
local there = redis.call('GET', KEYS[1])
if not there or string.sub(there, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
local set = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if type(set) == 'table' and set.err then redis.call('DEL', KEYS[1]) end
if ARGV[4] == '1' then redis.call('PUBLISH', KEYS[1], '') end
return 1
"""


class RedisLeases:
    """A `LeaseStore` in Redis. Its scripts touch one key each, which a cluster allows; the channel has the key's name."""

    def __init__(self, connection: RedisConnection, subscription: Subscription) -> None:
        self._connection = connection
        self._subscription = subscription
        self._prefix = f"{connection.settings.redis_key_prefix}lease:"

    def __repr__(self) -> str:
        return f"<RedisLeases: {self._connection!r}>"

    async def take(self, key: str, entry: Entry, seconds: float, over: Entry | None = None) -> Held | None:
        """Write an entry if there is none, or the one that is there is `over`; give what is there otherwise."""
        replaced = "" if over is None else str(over)
        return _read(await self._execute(_TAKE, key, str(entry), _milliseconds(seconds), replaced))

    async def held(self, key: str) -> Held | None:
        """Give what is there."""
        return _read(await self._execute(_HELD, key))

    async def change(self, key: str, entry: Entry, seconds: float) -> bool:
        """Write an entry over its owner's working one, and publish it unless it is working still."""
        working = str(Entry(entry.owner))
        ends = int(entry.state is not State.WORKING)
        return bool(await self._execute(_CHANGE, key, working, str(entry), _milliseconds(seconds), ends))

    def listening(self, key: str, heard: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `heard` whenever an end is published, and whenever one may have been missed."""
        return self._subscription.listening(self._prefix + key, lambda _: heard())

    async def _execute(self, script: str, key: str, *arguments: str | int) -> object:
        return await self._connection.execute("EVAL", script, 1, self._prefix + key, *arguments)


def _read(held: object) -> Held | None:
    return Held(Entry.read(held[0].decode(errors="replace")), held[1] / 1000) if isinstance(held, list) else None


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
