"""Stale pictures: how they are made fresh behind the backs of those they are given to, and what excuses giving them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Self

import structlog

from imgproxy_py.deadline import Deadline
from imgproxy_py.errors import CapacityError, ImgproxyError, SourceMissing, SourceTimeout, SourceUnreachable

_log: structlog.stdlib.BoundLogger = structlog.get_logger("imgproxy_py.rendering")
_PATIENCE: Final = 60.0
"""Seconds that a refresh may take: sources and the pool have bounds of their own, far below."""
_PASSING = frozenset({408, 429})


@dataclass(slots=True)
class StaleStats:
    """What was counted since the process began; plain numbers that telemetry reads.

    `given` counts stale pictures that were given while they were refreshed, `excused` those in place of an error. Of what was
    refreshed, for a caller or behind his back, `confirmed` is what had not changed, `remade` what had; `failed` counts
    refreshes that came to nothing, `put_off` those that were not begun because too many were under way.
    """

    given: int = 0
    excused: int = 0
    confirmed: int = 0
    remade: int = 0
    failed: int = 0
    put_off: int = 0


class Refreshes:
    """Refreshes under way that nobody waits for, at most `most`, each picture once.

    Opened as an async context manager, whose end breaks them off.
    """

    def __init__(self, most: int = 0) -> None:
        self.stats = StaleStats()
        self.most = most
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def __repr__(self) -> str:
        return f"<Refreshes: {len(self)} under way, at most {self.most}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = set(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def start(self, key: str, work: Callable[[Deadline], Awaitable[object]]) -> None:
        """Start the refresh of a picture, unless it is under way or there is no room: then it is left for the next caller."""
        if key in self._tasks:
            return
        if len(self._tasks) >= self.most:
            self.stats.put_off += 1
            return
        task = self._tasks[key] = asyncio.create_task(self._run(key, work))
        task.add_done_callback(lambda _: self._tasks.pop(key))

    async def _run(self, key: str, work: Callable[[Deadline], Awaitable[object]]) -> None:
        try:
            await work(Deadline.after(_PATIENCE, "refreshes"))
        except ImgproxyError:
            self.stats.failed += 1
        except Exception as error:
            self.stats.failed += 1
            _log.error("refresh_failed", key=key, exc_info=error)


def may_pass(error: ImgproxyError) -> bool:
    """Tell whether a stale picture is better than this error: its cause says nothing of the original (RFC 5861 §4)."""
    if isinstance(error, SourceMissing):
        return error.upstream_status in _PASSING
    return isinstance(error, (SourceUnreachable, SourceTimeout, CapacityError))
