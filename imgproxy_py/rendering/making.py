"""An original and a recipe become a picture: fetch → a place in the pool → engine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from imgproxy_py.deadline import Deadline
from imgproxy_py.engine.cost import Priced
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.pool import Pool
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import ImgproxyError, SourceError, SourceForbidden, SourceUnreachable, UnknownImage
from imgproxy_py.recipe.identity import content_state, entity_tag, original_state
from imgproxy_py.recipe.picture import Original, Picture
from imgproxy_py.recipe.request import ImageRequest
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.recipe.tags import cache_tags
from imgproxy_py.rendering.fallback import FallbackImage
from imgproxy_py.rendering.marks import MarkOriginals
from imgproxy_py.sources.port import Source


class NoOriginal(Exception):
    """There is nothing to make a picture of; `reason` says why. Never leaves `rendering`."""

    def __init__(self, reason: ImgproxyError) -> None:
        super().__init__(str(reason))
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes pictures, knowing nothing of caches of them.

    `fallback` is known by its bytes if the operator gave those.
    """

    sources: Source
    pool: Pool
    transformer: Transformer
    marks: MarkOriginals
    fallback: FallbackImage | None = None

    async def make(self, request: ImageRequest, key: str, generation: int, deadline: Deadline) -> Picture:
        """Fetch the original and make the picture, whose validators depend on `key`.

        `generation` is the newest purge that was known before; `deadline` is that of who asked first. Raises `NoOriginal`
        if there is nothing that could be decoded, the errors of the engine, and `Overloaded`.
        """
        async with self.pool.admit(deadline) as place:
            started = time.perf_counter()
            original = await self._fetch(request)
            marks = await self.marks.of(request.recipe)
            fetched = (time.perf_counter() - started) * 1000
            try:
                (picture, state), waited = await place.run(
                    lambda interrupt: self._begun(original, request, interrupt, marks)
                )
            except UnknownImage as error:
                raise NoOriginal(error) from error
        return replace(
            picture,
            etag=entity_tag(key, state),
            modified_at=original.validators.modified_at,
            cache_control=original.cache_control,
            origin_expires_at=original.expires_at,
            headers=original.headers,
            source=request.source.url,
            tags=cache_tags(request),
            generation=generation,
            timings=replace(picture.timings, queue=waited, fetch=fetched),
        )

    def _begun(
        self, original: Original, request: ImageRequest, interrupt: Interrupt, marks: Mapping[SourceRef, bytes]
    ) -> Priced[tuple[Picture, str]]:
        begun = self.transformer.begin(original.data, request.recipe, interrupt, marks)

        def finish() -> tuple[Picture, str]:
            state = original_state(original.validators) or content_state(original.data)  # a digest of all of it
            return begun.finish(), state

        return Priced(begun.cost, finish)

    async def _fetch(self, request: ImageRequest) -> Original:
        if self.fallback and self.fallback.original and request.source == self.fallback.ref:
            return self.fallback.original
        limits = self.transformer.limits.overridden(request.recipe.limits)
        try:
            original = await self.sources.fetch(request.source, max_bytes=limits.max_src_file_size)
        except (SourceError, SourceForbidden) as error:
            raise NoOriginal(error) from error
        if not isinstance(original, Original):
            raise NoOriginal(SourceUnreachable("the origin answered 304 to an unconditional request"))
        return original
