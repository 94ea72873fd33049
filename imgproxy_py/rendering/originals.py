"""Originals in memory: whoever wants one at the same time or shortly after gets the same bytes, fetched once."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, Field

from imgproxy_py.caches.purges import Learned, Purges
from imgproxy_py.deadline import Deadline
from imgproxy_py.kinds import Count, Number
from imgproxy_py.recipe.identity import original_state
from imgproxy_py.recipe.picture import Original, Validators
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.recipe.tags import source_tag
from imgproxy_py.rendering.flight import Flight
from imgproxy_py.sources.port import Source, whole

_PATIENCE: Final = 300.0  # seconds; sources have time-outs of their own, far below
_OVERHEAD_BYTES: Final = 1024
_numbers = itertools.count(1)


class OriginalSettings(BaseModel):
    """Originals in memory."""

    originals_cache_bytes: Count = Field(
        default=32 * 1024 * 1024,
        description="Bytes of originals kept by each process for further pictures of them. 0 = none; then each picture fetches "
        "and decodes for itself.",
    )
    originals_cache_seconds: Number = Field(
        default=10.0,
        description="Seconds that an original, and pixels decoded from it, may be used for further pictures after it was "
        "fetched; a change of it is seen so much later. 0 = only by those who want it at the same time.",
    )


@dataclass(slots=True)
class OriginalStats:
    """What was counted: originals that were there or on their way, fetched, and dropped for room."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0


_Name = tuple[SourceRef, int]


@dataclass(slots=True, eq=False)
class Held:
    """An original that somebody wants, or that is kept.

    Its `number` is that of no other in this process. `asked` counts who wanted it, `users` who does now; `generation` is the
    newest purge that was known before its fetch began, `begun` when that was by the `clock`.
    """

    name: _Name
    number: int
    generation: int
    clock: Callable[[], float]
    begun: float
    original: Original | None = None
    asked: int = 0
    users: int = 0
    kept_until: float | None = None
    timer: asyncio.TimerHandle | None = None

    @property
    def wanted_again(self) -> bool:
        """Whether more than one has asked for it."""
        return self.asked > 1

    @property
    def age(self) -> float:
        """Seconds since its fetch began."""
        return self.clock() - self.begun

    @property
    def cost(self) -> int:
        """How many bytes it takes."""
        return _OVERHEAD_BYTES + (len(self.original.data) if self.original else 0)


class Originals:
    """Fetches originals, each once for all who want it at a time, and keeps them for `seconds`, up to `max_bytes`.

    What a purge names whose fetch had begun before is fetched anew. `forgotten` hears the number of each original that is
    neither used nor kept any longer. `clock` gives seconds and never goes back. Not for several threads.
    """

    def __init__(
        self,
        sources: Source,
        *,
        max_bytes: int,
        seconds: float,
        purges: Purges | None = None,
        forgotten: Callable[[int], None] = lambda number: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_bytes = max_bytes if seconds else 0
        self.bytes = 0
        self.stats = OriginalStats()
        self._sources = sources
        self._seconds = seconds
        self._purges = Purges() if purges is None else purges
        self._purges.heard_by(self._forget_purged)
        self._forgotten = forgotten
        self._clock = clock
        self._held: dict[_Name, Held] = {}
        self._kept: OrderedDict[int, Held] = OrderedDict()
        self._flight: Flight[Original] = Flight()

    def __repr__(self) -> str:
        return f"<Originals: {len(self)} kept, {self.bytes} of {self.max_bytes} bytes>"

    def __len__(self) -> int:
        return len(self._kept)

    @asynccontextmanager
    async def held(
        self, ref: SourceRef, *, max_bytes: int = 0, tags: tuple[str, ...] = ()
    ) -> AsyncIterator[tuple[Original, Held]]:
        """Hold an original of at most `max_bytes` (0 = no limit) for the length of the block; raises the errors of sources.

        `tags` are those of the picture that it is wanted for: a purge of one of them asks for a new original, too.
        """
        held = self._wanted((ref, max_bytes), tags)
        held.asked += 1
        held.users += 1
        try:
            yield held.original or await self._fetched(held), held
        finally:
            held.users -= 1
            self._let_go(held)

    def drop(self, held: Held) -> None:
        """Give an original to nobody else than those who have it."""
        if self._held.get(held.name) is held:
            del self._held[held.name]
        if self._kept.pop(held.number, None) is not None:
            self.bytes -= held.cost
            held.kept_until = None
            if held.timer is not None:
                held.timer.cancel()  # it would hold the bytes until its time comes
        self._let_go(held)

    def _wanted(self, name: _Name, tags: tuple[str, ...]) -> Held:
        held = self._held.get(name)
        if held is not None and self._is_good(held, tags):
            self.stats.hits += 1
            if held.kept_until is not None:
                self._kept.move_to_end(held.number)
            return held
        if held is not None:
            self.drop(held)
        self.stats.misses += 1
        held = self._held[name] = Held(name, next(_numbers), self._purges.newest, self._clock, self._clock())
        return held

    def _is_good(self, held: Held, tags: tuple[str, ...]) -> bool:
        if held.kept_until is not None and held.kept_until <= self._clock():
            return False
        ref = held.name[0]
        return held.generation >= self._purges.since(ref.url, tags or (source_tag(ref),))

    async def _fetched(self, held: Held) -> Original:
        original, _ = await self._flight.join(str(held.number), lambda: self._fetch(held), Deadline.after(_PATIENCE))
        return original

    async def _fetch(self, held: Held) -> Original:
        ref, max_bytes = held.name
        original = held.original = whole(await self._sources.fetch(ref, max_bytes=max_bytes))
        if self._held.get(held.name) is held and held.cost <= self.max_bytes:
            self._keep(held)
        return original

    def _keep(self, held: Held) -> None:
        held.kept_until = self._clock() + self._seconds
        self._kept[held.number] = held
        self.bytes += held.cost
        held.timer = asyncio.get_running_loop().call_later(self._seconds, self.drop, held)
        while self.bytes > self.max_bytes:
            self.drop(next(iter(self._kept.values())))
            self.stats.evictions += 1

    def _let_go(self, held: Held) -> None:
        if held.users or held.kept_until is not None:
            return
        if self._held.get(held.name) is held:
            del self._held[held.name]
        self._forgotten(held.number)

    def changed(self, ref: SourceRef) -> None:
        """Give what is held of an original to nobody else: it is another now, or gone."""
        for held in [held for (one, _), held in self._held.items() if one == ref]:
            self.drop(held)

    def seen(self, ref: SourceRef, validators: Validators) -> None:
        """Give what is held of an original to nobody else if these validators, which it has now, are not its own."""
        state = original_state(validators)
        for held in [held for (one, _), held in self._held.items() if one == ref]:
            if state and held.original is not None and original_state(held.original.validators) != state:
                self.drop(held)

    def _forget_purged(self, learned: Learned) -> int:
        for held in [held for (ref, _), held in self._held.items() if learned.concerns(ref.url, (source_tag(ref),))]:
            self.drop(held)
        return 0  # no pictures
