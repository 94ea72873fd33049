"""Messages of Redis' channels, heard on one connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self, TypeAlias

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from imgproxy_py.caches.connection import RedisSettings, redis_options, single_url

Heard: TypeAlias = Callable[[bytes | None], None]
"""Called with each message of a channel, and with `None` when some may have been missed."""


class Subscription:
    """One process's ear for Redis' channels; opened as an async context manager.

    Nothing is connected until somebody listens, and nobody who listens waits or fails: a connection that is lost is made
    anew after `redis_pause` seconds, and again. Of a cluster one node is enough: it hears what is published at any.
    """

    def __init__(self, settings: RedisSettings) -> None:
        self._settings = settings
        self._ears: dict[str, list[Heard]] = {}
        self._open: set[str] = set()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Subscription: {len(self._ears)} channels>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        task, self._task = self._task, None
        while task is not None and not task.done():
            task.cancel()  # again, if the client of Redis has taken it for an error of its own
            await asyncio.wait([task], timeout=0.2)

    @contextmanager
    def listening(self, channel: str, heard: Heard) -> Iterator[None]:
        """Hear a channel in the block, from some moment after its beginning.

        `heard(None)` tells of that moment, and of each at which the connection is lost or there again: whoever then looks
        for himself misses nothing.
        """
        self._ears.setdefault(channel, []).append(heard)
        if channel in self._open:
            heard(None)
        self._changed.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            ears = self._ears[channel]
            ears.remove(heard)
            if not ears:
                del self._ears[channel]
                self._changed.set()

    async def _run(self) -> None:
        while True:
            with suppress(Exception):  # whatever is wrong with Redis, others say it, and here it is tried again
                await self._converse()
            self._open.clear()
            for channel in tuple(self._ears):
                self._tell(channel, None)
            await asyncio.sleep(self._settings.redis_pause)

    async def _converse(self) -> None:
        options = dict(redis_options(self._settings)) | {"socket_timeout": None, "max_connections": 1}
        retry = Retry(NoBackoff(), 0)
        async with (
            Redis.from_url(single_url(self._settings), **options, retry=retry) as client,
            client.pubsub() as wire,
        ):
            await wire.connect()
            async with asyncio.TaskGroup() as talking:
                talking.create_task(self._say(wire))
                talking.create_task(self._hear(wire))

    async def _say(self, wire: Any) -> None:
        """Tell Redis which channels are listened to, whenever that changes."""
        told: set[str] = set()
        while True:
            self._changed.clear()
            wanted = set(self._ears)
            self._open &= wanted
            for command, channels in (("SUBSCRIBE", wanted - told), ("UNSUBSCRIBE", told - wanted)):
                if channels:
                    await wire.execute_command(command, *channels)
            told = wanted
            await self._changed.wait()

    async def _hear(self, wire: Any) -> None:
        while True:
            kind, channel, *rest = await wire.parse_response()
            if kind == b"message":
                self._tell(channel.decode(), rest[0])
            elif kind == b"subscribe":
                self._open.add(channel.decode())
                self._tell(channel.decode(), None)

    def _tell(self, channel: str, message: bytes | None) -> None:
        for heard in tuple(self._ears.get(channel, ())):
            heard(message)
