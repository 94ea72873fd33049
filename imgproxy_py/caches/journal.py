"""The order of purges: given in one process, known to all of them.

In Redis purges are the members of one sorted set, `tag:…` and `prefix:…`, with their generations as scores: microseconds
of Redis' clock, or one more than the last. A message on a channel wakes every process, which then reads what is new; since
each reads at intervals as well, one that misses the message is late by an interval at most. The set is bounded by age,
when nothing is left that could be void, and by number: then all that is older than what is dropped becomes void.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, Self

import structlog
from pydantic import BaseModel, Field

from imgproxy_py.caches.connection import RedisConnection
from imgproxy_py.caches.purges import FLOOR, PREFIX, TAG, Purges
from imgproxy_py.caches.subscription import Subscription
from imgproxy_py.errors import CapacityError, PurgeUnavailable
from imgproxy_py.kinds import Positive, Seconds

MOST_NAMES = 1000
"""How many names one purge may have."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger("imgproxy_py.caches")
_PAGE = 10 * MOST_NAMES  # holds a whole purge in any case
_MICROSECONDS = 1_000_000

_RECORD = f"""
local now = redis.call('TIME')
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
local generation = math.max(now[1] * {_MICROSECONDS} + now[2], tonumber(last or 0) + 1, tonumber(ARGV[2]) + 1)
local score = string.format('%.0f', generation)
for i = 5, #ARGV do redis.call('ZADD', KEYS[1], score, ARGV[i]) end
if tonumber(ARGV[3]) > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', generation - tonumber(ARGV[3])))
end
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[4])
if over > 0 then
  local out = over + math.floor(tonumber(ARGV[4]) / 10)
  local floor = redis.call('ZRANGE', KEYS[1], out - 1, out - 1, 'WITHSCORES')[2]
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, out - 1)
  redis.call('ZADD', KEYS[1], score, '{FLOOR}' .. string.format('%.0f', tonumber(floor)))
end
return {{score, redis.call('PUBLISH', ARGV[1], score)}}
"""


class JournalSettings(BaseModel):
    """Settings of how purges reach every process."""

    purge_interval: Seconds = Field(
        5.0, description="Seconds after which a process looks for purges that it was not told of."
    )
    purge_records: Positive = Field(
        100_000,
        description="Purged names that are remembered at most; beyond it, whatever is older than the oldest tenth is void.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A purge that is in force.

    `forgotten` is how much this process had in memory; `processes` how many were told at once, `None` if nobody can tell.
    """

    generation: int
    forgotten: int
    processes: int | None


class Journal(Protocol):
    """Where purges are given."""

    async def record(self, tags: Sequence[str], prefixes: Sequence[str]) -> Recorded:
        """Void what carries one of the tags or whose original's URL begins with one of the prefixes.

        At most `MOST_NAMES` names. Raises `PurgeUnavailable` if it cannot be made to hold.
        """


class LocalJournal:
    """The `Journal` of a process that shares its pictures with no other; with a `refusal` it does, and says so."""

    def __init__(self, purges: Purges, refusal: str = "", *, clock: Callable[[], float] = time.time) -> None:
        self._purges = purges
        self._refusal = refusal
        self._clock = clock

    async def record(self, tags: Sequence[str], prefixes: Sequence[str]) -> Recorded:
        """Void in this process' memory, which is all there is."""
        if self._refusal:
            raise PurgeUnavailable(self._refusal)
        generation = max(self._purges.newest + 1, int(self._clock() * _MICROSECONDS))
        forgotten = self._purges.learn((name, generation) for name in _names(tags, prefixes))
        return Recorded(generation=generation, forgotten=forgotten, processes=1)


class RedisJournal:
    """The `Journal` of all processes that share a Redis.

    `lifetime` is the seconds that a picture may be found in some cache after it was made, 0 for no end.
    """

    def __init__(
        self, connection: RedisConnection, purges: Purges, settings: JournalSettings, *, lifetime: float = 0.0
    ) -> None:
        self._connection = connection
        self._purges = purges
        self._interval = settings.purge_interval
        self._most = settings.purge_records
        self._lifetime = int(lifetime * _MICROSECONDS)
        self._key = f"{connection.settings.redis_key_prefix}purges"
        self._read_to = 0
        self._reading = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<RedisJournal: {self._connection!r}, {self._purges!r}>"

    async def record(self, tags: Sequence[str], prefixes: Sequence[str]) -> Recorded:
        """Void in every process and in what they share."""
        names = tuple(_names(tags, prefixes))
        async with self._reading:  # the count is ours, not that of who reads what we wrote
            try:
                score, processes = await self._connection.execute(
                    *("EVAL", _RECORD, 1, self._key, self._key, self._purges.newest, self._lifetime, self._most),
                    *map(_written, names),
                )
            except CapacityError as error:
                raise PurgeUnavailable("Redis does not answer", private=error.private) from error
            forgotten = self._purges.learn((name, int(score)) for name in names)
        return Recorded(generation=int(score), forgotten=forgotten, processes=int(processes))

    async def catch_up(self) -> None:
        """Read what is new; raises `CapacityError`."""
        async with self._reading:
            forgotten, before = 0, self._read_to
            while page := await self._page():
                forgotten += self._purges.learn(page)
                self._read_to = page[-1][1]
            if len(self._purges) > self._most:
                await self._drop_old()
        first, self._purges.complete = not self._purges.complete, True
        if self._read_to > before and not first:
            _log.info("purge_heard", generation=self._read_to, forgotten=forgotten)

    @asynccontextmanager
    async def following(self, subscription: Subscription) -> AsyncIterator[Self]:
        """Follow all purges until the end of the block; what was recorded before is known at its beginning, if it can be."""
        await self._try_to_catch_up()
        task = asyncio.create_task(self._follow(subscription))
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _follow(self, subscription: Subscription) -> None:
        woken, me = asyncio.Event(), asyncio.current_task()
        with subscription.listening(self._key, lambda _: woken.set()):
            while me is not None and not me.cancelling():  # a cancellation may get lost in the client of Redis
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._interval):
                        await woken.wait()
                woken.clear()
                await self._try_to_catch_up()

    async def _try_to_catch_up(self) -> None:
        try:
            await self.catch_up()
        except CapacityError:
            pass  # the connection tells of its troubles itself, and the next time comes soon
        except Exception as error:  # whatever it is, purges are followed as long as the process lives
            _log.error("purges_unread", exc_info=error)

    async def _page(self) -> list[tuple[str, int]]:
        """Give names that are new, in the order of their generations, the last of them whole."""
        found = await self._connection.execute(
            *("ZRANGEBYSCORE", self._key, f"({self._read_to}", "+inf", "WITHSCORES", "LIMIT", 0, _PAGE)
        )
        names = [(_read(name), int(float(score))) for name, score in _pairs(found)]
        if len(names) == _PAGE and names[0][1] < names[-1][1]:  # the last one may go on beyond this page
            names = [one for one in names if one[1] < names[-1][1]]
        return names

    async def _drop_old(self) -> None:
        found = await self._connection.execute("ZRANGE", self._key, 0, 0, "WITHSCORES")
        for _, score in _pairs(found):
            self._purges.drop_before(int(float(score)))


def _names(tags: Iterable[str], prefixes: Iterable[str]) -> Iterator[str]:
    yield from (f"{TAG}{tag}" for tag in tags)
    yield from (f"{PREFIX}{prefix}" for prefix in prefixes)


def _written(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")  # a URL's odd bytes are purged as well


def _read(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _pairs(found: Any) -> Iterator[tuple[bytes, Any]]:
    """Give members with their scores, which the older of Redis' protocols lists in turn and the newer in pairs."""
    if found and isinstance(found[0], bytes):
        return zip(found[::2], found[1::2], strict=True)
    return iter(found or ())
