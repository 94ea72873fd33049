"""An original and a recipe become a picture: fetch → a place in the pool → engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TypeVar

from imgproxy_py.deadline import Deadline
from imgproxy_py.engine.cost import Priced
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.pool import Admission, Pool
from imgproxy_py.engine.sharing import Postponed, Share, SharedPixels
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import (
    ImageError,
    ImgproxyError,
    SourceError,
    SourceForbidden,
    SourceMissing,
    SourceTooLarge,
    SourceUnreachable,
    UnknownImage,
)
from imgproxy_py.recipe.identity import content_state, entity_tag, original_state
from imgproxy_py.recipe.picture import Original, Picture, Timings, Validators
from imgproxy_py.recipe.request import ImageRequest
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.recipe.tags import cache_tags
from imgproxy_py.rendering.fallback import FallbackImage
from imgproxy_py.rendering.marks import MarkOriginals
from imgproxy_py.rendering.originals import Held, Originals
from imgproxy_py.sources.port import NotModified, Source, whole

T = TypeVar("T")


class NoOriginal(Exception):
    """There is nothing to make a picture of; `reason` says why. Never leaves `rendering`."""

    def __init__(self, reason: ImgproxyError) -> None:
        super().__init__(str(reason))
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _State:
    """Of when a picture is: the newest purge known before its original was fetched, and when that was in Unix seconds."""

    generation: int
    checked_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes pictures, knowing nothing of caches of them.

    `fallback` is known by its bytes if the operator gave those; `clock` gives Unix seconds. `originals` and `pixels` are
    what pictures of one original share, `None` for nothing.
    """

    sources: Source
    pool: Pool
    transformer: Transformer
    marks: MarkOriginals
    fallback: FallbackImage | None = None
    clock: Callable[[], float] = time.time
    originals: Originals | None = None
    pixels: SharedPixels | None = None

    async def make(
        self, request: ImageRequest, key: str, generation: int, deadline: Deadline, known: Picture | None = None
    ) -> Picture:
        """Fetch the original and make the picture, whose validators depend on `key`.

        `generation` is the newest purge that was known before; `deadline` is that of who asked first. A `known` picture,
        made before, is given again with the same data and brought up to date if its original has not changed. Raises
        `NoOriginal` if there is nothing that could be decoded, the errors of the engine, and `Overloaded`.
        """
        anew, known = known is not None, None if _has_marks_of_its_own(request) else known
        async with self.pool.admit(deadline) as place, AsyncExitStack() as stack:
            started, state = time.perf_counter(), _State(generation, self.clock())
            found, held = await self._original(request, known, stack, anew=anew)
            if known and await _is_confirmed(known, key, found):
                return _renewed(known, found, request, state, _milliseconds_since(started))
            original = self._new(request, found, anew=anew)
            if held is not None:
                state = _State(held.generation, self.clock() - held.age)
            share = self._share(held, stack)
            marks = await self.marks.of(request.recipe)
            fetched = _milliseconds_since(started)
            (picture, name), waited = await self._worked(
                place, held, lambda interrupt: self._begun(original, request, interrupt, marks, share)
            )
        timings = replace(picture.timings, queue=waited, fetch=fetched)
        return _of_original(picture, original, request, state, etag=entity_tag(key, name), timings=timings)

    def _new(self, request: ImageRequest, found: Original | NotModified, *, anew: bool) -> Original:
        """Give an original that is not the one known before; raises `NoOriginal` for a 304."""
        if anew and self.originals is not None:
            self.originals.changed(request.source)
        try:
            return whole(found)
        except SourceUnreachable as error:
            raise NoOriginal(error) from error

    async def _worked(
        self, place: Admission, held: Held | None, begin: Callable[[Interrupt], Priced[tuple[Picture, str]]]
    ) -> tuple[tuple[Picture, str], float]:
        """Give the picture, its original's state by name, and the milliseconds of waiting.

        An original that is broken or incomplete is used for nobody else: it may be mended any time.
        """
        try:
            (picture, name), waited = await _run(place, begin)
        except (ImageError, SourceTooLarge) as error:
            self._drop(held)
            if isinstance(error, UnknownImage):
                raise NoOriginal(error) from error
            raise
        if not picture.complete:
            self._drop(held)
        return (picture, name), waited

    def _drop(self, held: Held | None) -> None:
        if held is not None and self.originals is not None:
            self.originals.drop(held)

    def _begun(
        self,
        original: Original,
        request: ImageRequest,
        interrupt: Interrupt,
        marks: Mapping[SourceRef, bytes],
        share: Share | None,
    ) -> Priced[tuple[Picture, str]]:
        begun = self.transformer.begin(original.data, request.recipe, interrupt, marks, share)

        def finish() -> tuple[Picture, str]:
            name = original_state(original.validators) or content_state(original.data)  # a digest of all of it
            return begun.finish(), name

        return Priced(begun.cost, finish)

    async def _original(
        self, request: ImageRequest, known: Picture | None, stack: AsyncExitStack, *, anew: bool
    ) -> tuple[Original | NotModified, Held | None]:
        """Give the original, and if others may have the same one, that for as long as the stack is open.

        `anew` asks its server in any case.
        """
        if self.fallback and self.fallback.original and request.source == self.fallback.ref:
            return self.fallback.original, None
        most = self.transformer.limits.overridden(request.recipe.limits).max_src_file_size
        try:
            if self.originals is None or anew or request.past_caches:
                unless = _validators(known) if known else None
                return await self.sources.fetch(request.source, max_bytes=most, unless=unless), None
            return await stack.enter_async_context(
                self.originals.held(request.source, max_bytes=most, tags=cache_tags(request))
            )
        except (SourceError, SourceForbidden) as error:
            if self.originals is not None and isinstance(error, SourceMissing):
                self.originals.changed(request.source)
            raise NoOriginal(error) from error

    def _share(self, held: Held | None, stack: AsyncExitStack) -> Share | None:
        if held is None or self.pixels is None:
            return None
        share = self.pixels.share(held.number, lambda: held.wanted_again)
        stack.callback(share.close)
        return share


async def _run(place: Admission, begin: Callable[[Interrupt], Priced[T]]) -> tuple[T, float]:
    """Run work in a thread, again whenever it was postponed; give its result and the milliseconds it has waited in all."""
    waited = 0.0
    while True:
        try:
            result, more = await place.run(begin)
            return result, waited + more
        except Postponed as postponed:
            ended = postponed.ended
        since = time.perf_counter()
        if ended is not None:
            await asyncio.wrap_future(ended)
        waited += _milliseconds_since(since)


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _has_marks_of_its_own(request: ImageRequest) -> bool:
    """Tell whether a picture depends on more originals than one, of which only that one would be asked about."""
    return any(stage.watermark and stage.watermark.source for stage in request.recipe.stages)


def _validators(known: Picture) -> Validators | None:
    found = Validators(etag=known.origin_etag, modified_at=known.modified_at)
    return found if found != Validators() else None


async def _is_confirmed(known: Picture, key: str, told: Original | NotModified) -> bool:
    return isinstance(told, NotModified) or await _is_same(known, key, told)


async def _is_same(known: Picture, key: str, original: Original) -> bool:
    """Tell whether an original that was sent is the one that the picture was made of.

    Its entity tag says so, or its bytes if it has no validators; its time of change does not, which counts whole seconds.
    """
    if original.validators.etag:
        return entity_tag(key, original.validators.etag) == known.etag
    if original.validators.modified_at is not None or known.origin_etag:
        return False
    state = await asyncio.to_thread(content_state, original.data)
    return entity_tag(key, state) == known.etag


def _of_original(
    picture: Picture, original: Original, request: ImageRequest, state: _State, *, etag: str, timings: Timings
) -> Picture:
    """Give a picture with its own entity tag and times, and with what is to be told of its original."""
    return replace(
        picture,
        etag=etag,
        timings=timings,
        modified_at=original.validators.modified_at,
        cache_control=original.cache_control,
        origin_expires_at=original.expires_at,
        headers=original.headers,
        source=request.source.url,
        tags=cache_tags(request),
        generation=state.generation,
        origin_etag=original.validators.etag,
        checked_at=state.checked_at,
    )


def _renewed(
    known: Picture, told: Original | NotModified, request: ImageRequest, state: _State, fetched: float
) -> Picture:
    """Give a picture that was made before, as if it were made now."""
    renewed = replace(
        known,
        tags=cache_tags(request),
        generation=state.generation,
        checked_at=state.checked_at,
        timings=Timings(fetch=fetched),
    )
    return _brought_up_to_date(renewed, told)


def _brought_up_to_date(picture: Picture, told: Original | NotModified) -> Picture:
    """Give a picture with what its original's server says now; a 304 repeats only what has changed (RFC 9110 §15.4.5)."""
    if told.validators.modified_at is not None:
        picture = replace(picture, modified_at=told.validators.modified_at)
    if isinstance(told, Original):
        picture = replace(picture, headers=told.headers)
    elif not told.cache_control and told.expires_at is None:
        return picture
    return replace(picture, cache_control=told.cache_control, origin_expires_at=told.expires_at)
