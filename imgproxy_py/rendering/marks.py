"""The originals of watermarks that URLs name: many pictures share one, so it is fetched once and kept for a while."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, Field

from imgproxy_py.deadline import Deadline
from imgproxy_py.errors import SourceUnreachable
from imgproxy_py.kinds import Count
from imgproxy_py.recipe.model import Recipe
from imgproxy_py.recipe.picture import Original
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.rendering.flight import Flight
from imgproxy_py.sources.port import Source

_PATIENCE = 300.0  # seconds; sources have time-outs of their own, far below


class MarkSettings(BaseModel):
    """Watermarks that URLs name (`watermark_url`)."""

    watermarks_ttl: Count = Field(
        default=300, description="For how many seconds the bytes of a watermark that a URL names are kept. 0 = not."
    )
    watermarks_max_bytes: Count = Field(
        default=32 * 1024 * 1024, description="How many such bytes are kept, by each process."
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    data: bytes
    until: float


class MarkOriginals:
    """Fetches the originals of watermarks, each once for all pictures that need it at a time.

    `max_bytes` is the largest that is fetched, 0 for no limit; `clock` gives seconds.
    """

    def __init__(
        self,
        sources: Source,
        settings: MarkSettings | None = None,
        *,
        max_bytes: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings or MarkSettings()
        self.bytes = 0
        self._sources = sources
        self._max_bytes = max_bytes
        self._clock = clock
        self._kept: OrderedDict[SourceRef, _Kept] = OrderedDict()
        self._flight: Flight[bytes] = Flight()

    def __repr__(self) -> str:
        return f"<MarkOriginals {len(self._kept)} of {self.bytes} bytes>"

    async def of(self, recipe: Recipe) -> dict[SourceRef, bytes]:
        """Give the bytes of every watermark that a recipe names; raises the errors of sources."""
        named = {one.watermark.source for one in recipe.stages if one.watermark and one.watermark.source}
        return {source: await self._bytes(source) for source in named}

    async def _bytes(self, source: SourceRef) -> bytes:
        kept = self._kept.get(source)
        if kept is not None and kept.until > self._clock():
            self._kept.move_to_end(source)
            return kept.data
        key = f"{source.url} {source.version}"
        data, _ = await self._flight.join(key, lambda: self._fetched(source), Deadline.after(_PATIENCE))
        return data

    async def _fetched(self, source: SourceRef) -> bytes:
        original = await self._sources.fetch(source, max_bytes=self._max_bytes)
        if not isinstance(original, Original):
            raise SourceUnreachable("the watermark's origin answered 304 to an unconditional request")
        self._keep(source, original.data)
        return original.data

    def _keep(self, source: SourceRef, data: bytes) -> None:
        self._drop(source)
        if not self.settings.watermarks_ttl or len(data) > self.settings.watermarks_max_bytes:
            return
        self._kept[source] = _Kept(data, self._clock() + self.settings.watermarks_ttl)
        self.bytes += len(data)
        while self.bytes > self.settings.watermarks_max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, source: SourceRef) -> None:
        dropped = self._kept.pop(source, None)
        if dropped is not None:
            self.bytes -= len(dropped.data)
