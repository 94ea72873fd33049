"""Sparing the servers of originals, and ourselves those that are out of order.

Each origin (a web server by scheme, host and port; a bucket) is asked for so many originals at once; who comes beyond that
waits in order. One that fails several times in a row is left alone for a while, and what is asked of it meanwhile is
refused at once, so that neither its queue nor ours fills with what cannot come to anything.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from pydantic import BaseModel, Field

from imgproxy_py.breaker import Breaker
from imgproxy_py.errors import (
    ImgproxyError,
    Overloaded,
    SourceFailed,
    SourceForbidden,
    SourceIncomplete,
    SourceLeftAlone,
    SourceNotReached,
    SourceTimeout,
    SourceUnreachable,
)
from imgproxy_py.kinds import Count, Seconds

MOST_ORIGINS = 1000
"""Origins that are remembered; beyond them the longest unused leave, unless they are being asked."""

_FAILURES = (SourceTimeout, SourceFailed, SourceIncomplete, SourceNotReached)
_SAY_NOTHING = (SourceForbidden, SourceUnreachable)  # refused by us, or not to be asked so

_log: structlog.stdlib.BoundLogger = structlog.get_logger("imgproxy_py.sources")


class OriginSettings(BaseModel):
    """Settings of how much one origin may be asked, and when it is left alone."""

    origin_max_fetches: Count = Field(
        64,
        description="Originals that each process fetches at once from one host or bucket; others wait. 0 = no limit.",
    )
    origin_max_waiting: Count = Field(
        0, description="Fetches that may wait for one host or bucket in each process; more are refused. 0 = no limit."
    )
    origin_failures: Count = Field(
        10,
        description="Failures in a row (no connection, time-outs, 5xx, bodies that break off) after which a host or bucket is "
        "left alone for a while. 0 = never.",
    )
    origin_pause: Seconds = Field(
        1.0, description="Seconds that it is left alone before one fetch tries it, doubled each time that this fails."
    )
    origin_max_pause: Seconds = Field(30.0, description="Seconds that it is left alone at most before it is tried.")


@dataclass(slots=True)
class OriginStats:
    """What came of asking for turns since the start: origins given up for a while, and fetches not begun."""

    lost: int = 0
    left_alone: int = 0
    turned_away: int = 0


@dataclass(slots=True)
class Turn:
    """A fetch under way; `failed` is set by who sees that the origin failed although nothing is raised."""

    failed: bool = False


class _Origin:
    """One origin: its breaker, how many ask it, and who waits, in order."""

    def __init__(self, name: str, breaker: Breaker) -> None:
        self.name = name
        self.breaker = breaker
        self.busy = 0
        self.waiting: deque[asyncio.Future[None]] = deque()

    def leave(self) -> None:
        """Hand the place to the next who waits, or give it back."""
        while self.waiting:
            future = self.waiting.popleft()
            if not future.done():
                future.set_result(None)
                return
        self.busy -= 1

    def refuse(self, error: Callable[[], Exception]) -> int:
        """Refuse all who wait, and tell how many those were."""
        refused = [future for future in self.waiting if not future.done()]
        self.waiting.clear()
        for future in refused:
            future.set_exception(error())
        return len(refused)


class Origins:
    """Gives turns at origins, for which one waits `patience` seconds at most.

    `clock` gives seconds and never goes back. Not for several threads.
    """

    def __init__(
        self, settings: OriginSettings, *, patience: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._patience = patience
        self._limit = settings.origin_max_fetches or sys.maxsize
        self._most_waiting = settings.origin_max_waiting or sys.maxsize
        self._clock = clock
        self._known: OrderedDict[str, _Origin] = OrderedDict()
        self.stats = OriginStats()

    def __repr__(self) -> str:
        return f"<Origins: {len(self._known)}, {self.fetching} fetches, {self.waiting} waiting, {self.lost} left alone>"

    @property
    def fetching(self) -> int:
        """How many fetches are under way."""
        return sum(one.busy for one in self._known.values())

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return sum(len(one.waiting) for one in self._known.values())

    @property
    def lost(self) -> int:
        """How many origins are being left alone, or tried for the first time since."""
        return sum(not one.breaker.closed for one in self._known.values())

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[Turn]:
        """Wait for one's turn at an origin and hold it; what is raised within tells how the origin is.

        Raises `SourceLeftAlone` while it is left alone, `Overloaded` if too many wait, and `SourceTimeout` if the turn
        does not come in time.
        """
        origin = self._origin(name)
        await self._take_place(origin)
        try:
            if not origin.breaker.lets_through():
                raise self._left_alone(origin)
            turn = Turn()
            with _Judged(self, origin, turn):
                yield turn
        finally:
            origin.leave()

    def _origin(self, name: str) -> _Origin:
        origin = self._known.get(name)
        if origin is None:
            origin = self._known[name] = _Origin(name, self._breaker())
            self._forget_one()
        self._known.move_to_end(name)
        return origin

    def _breaker(self) -> Breaker:
        settings = self._settings
        return Breaker(
            failures=settings.origin_failures or sys.maxsize,
            pause=settings.origin_pause,
            longest=settings.origin_max_pause,
            clock=self._clock,
        )

    def _forget_one(self) -> None:
        if len(self._known) > MOST_ORIGINS:
            idle = next((name for name, one in self._known.items() if not one.busy), None)
            if idle is not None:
                del self._known[idle]

    async def _take_place(self, origin: _Origin) -> None:
        if origin.busy < self._limit:
            origin.busy += 1
            return
        if not origin.breaker.closed:
            raise self._left_alone(origin)
        if len(origin.waiting) >= self._most_waiting:
            self.stats.turned_away += 1
            raise Overloaded("too many wait for the original's server")
        try:
            async with asyncio.timeout(self._patience):
                await _wait(origin)
        except TimeoutError:
            raise SourceTimeout("too many ask the original's server") from None

    def _left_alone(self, origin: _Origin) -> SourceLeftAlone:
        self.stats.left_alone += 1
        return SourceLeftAlone(retry_after=max(1, math.ceil(origin.breaker.left())))

    def succeeded(self, origin: _Origin) -> None:
        """Note that an origin answers."""
        if origin.breaker.succeeded():
            _log.info("origin_returned", origin=origin.name)

    def failed(self, origin: _Origin, error: str) -> None:
        """Note that an origin failed; who waits for one that is left alone from now on is refused."""
        if origin.breaker.failed():
            self.stats.lost += 1
            _log.warning("origin_lost", origin=origin.name, error=error, pause=self._settings.origin_pause)
            origin.refuse(lambda: self._left_alone(origin))


async def _wait(origin: _Origin) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    origin.waiting.append(future)
    try:
        await future
    except asyncio.CancelledError:
        if future.done() and not future.cancelled() and future.exception() is None:
            origin.leave()  # the place came at the same moment
        elif future in origin.waiting:
            origin.waiting.remove(future)
        raise


class _Judged:
    """Reports to the breaker how what happens within the block came out."""

    def __init__(self, origins: Origins, origin: _Origin, turn: Turn) -> None:
        self._origins = origins
        self._origin = origin
        self._turn = turn

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, _FAILURES) or (error is None and self._turn.failed):
            self._origins.failed(self._origin, type(error).__name__ if error else SourceFailed.__name__)
        elif isinstance(error, _SAY_NOTHING) or (error is not None and not isinstance(error, ImgproxyError)):
            self._origin.breaker.gave_up()
        else:
            self._origins.succeeded(self._origin)
