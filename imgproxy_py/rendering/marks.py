"""The originals of watermarks that URLs name: many pictures share one, so it is fetched once and kept for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import BaseModel, Field

from imgproxy_py.caches.purges import Purges
from imgproxy_py.kinds import Count
from imgproxy_py.recipe.model import Recipe
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.rendering.originals import Originals
from imgproxy_py.sources.port import Source


class MarkSettings(BaseModel):
    """Watermarks that URLs name (`watermark_url`)."""

    watermarks_ttl: Count = Field(
        default=300, description="For how many seconds the bytes of a watermark that a URL names are kept. 0 = not."
    )
    watermarks_max_bytes: Count = Field(
        default=32 * 1024 * 1024, description="How many such bytes are kept, by each process."
    )


class MarkOriginals:
    """Fetches the originals of watermarks, each once for all pictures that need it at a time, and forgets them when purged.

    `max_bytes` is the largest that is fetched, 0 for no limit; `clock` gives seconds.
    """

    def __init__(
        self,
        sources: Source,
        settings: MarkSettings | None = None,
        *,
        max_bytes: int = 0,
        purges: Purges | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        settings = settings or MarkSettings()
        self.originals = Originals(
            sources,
            max_bytes=settings.watermarks_max_bytes,
            seconds=settings.watermarks_ttl,
            purges=purges,
            clock=clock,
        )
        self._max_bytes = max_bytes

    def __repr__(self) -> str:
        return f"<MarkOriginals {self.originals!r}>"

    async def of(self, recipe: Recipe) -> dict[SourceRef, bytes]:
        """Give the bytes of every watermark that a recipe names; raises the errors of sources."""
        named = {one.watermark.source for one in recipe.stages if one.watermark and one.watermark.source}
        return {source: await self._bytes(source) for source in named}

    async def _bytes(self, source: SourceRef) -> bytes:
        async with self.originals.held(source, max_bytes=self._max_bytes) as (original, _):
            return original.data
