"""The use case: a request becomes a picture, made or found made."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from imgproxy_py.caches.tiers import TieredCache
from imgproxy_py.deadline import Deadline
from imgproxy_py.errors import (
    CallerError,
    DeadlineExceeded,
    ImageError,
    ImgproxyError,
    SourceError,
)
from imgproxy_py.recipe.identity import cache_key, entity_tag, original_state
from imgproxy_py.recipe.picture import Outcome, Picture, Rendered, Validators
from imgproxy_py.recipe.request import ImageRequest
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.recipe.tags import cache_tags
from imgproxy_py.rendering.flight import Flight
from imgproxy_py.rendering.lease import Failure
from imgproxy_py.rendering.leases import Lease, Leases, OtherFailed
from imgproxy_py.rendering.making import Maker, NoOriginal
from imgproxy_py.rendering.negative import NegativeCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """Makes pictures, once each: flight → caches → lease → maker → caches.

    `etag_buster` is the operator's way to make all keys and entity tags new. The maker's fallback is shown in place of what
    cannot be fetched, unless the request names one itself. With `leases`, of all processes one makes a picture that is kept.
    """

    maker: Maker
    caches: TieredCache
    etag_buster: str = ""
    leases: Leases | None = None
    negative: NegativeCache | None = None
    flight: Flight[Rendered] = field(default_factory=Flight)

    def key(self, request: ImageRequest) -> str:
        """Give the cache key of a request whose formats are negotiated."""
        return cache_key(request.source, request.recipe, self.maker.transformer.epoch + self.etag_buster)

    def cached(self, key: str, tags: tuple[str, ...] = ()) -> Rendered | None:
        """Give the picture if it is in memory and none of the request's tags was purged since, without waiting."""
        return self.caches.peek(key, tags)

    async def render(self, request: ImageRequest, key: str, deadline: Deadline) -> Rendered:
        """Give the picture, found in a lower cache or made now, or the fallback with its `failure`.

        Raises the errors of sources and engine, `Overloaded`, and `DeadlineExceeded`.
        """
        try:
            return await self._joined(request, key, deadline)
        except NoOriginal as error:
            reason = error.reason
        configured = self.maker.fallback.ref if self.maker.fallback else None
        ref = request.delivery.fallback or configured
        try:
            if ref is None:
                raise reason
            return await self._instead(request, ref, reason, deadline)
        finally:
            del reason  # it knows this frame: the circle would keep the original in memory

    async def _instead(
        self, request: ImageRequest, ref: SourceRef, reason: ImgproxyError, deadline: Deadline
    ) -> Rendered:
        """Give the fallback as a picture of its own, so that many failures cost one; if it fails too, raise `reason`."""
        try:
            request = replace(request, source=ref)
            key = self.key(request)
            rendered = self._peeked(request, key) or await self._joined(request, key, deadline)
            return replace(rendered, failure=reason)
        except (NoOriginal, ImgproxyError):
            raise reason from None
        finally:
            del reason

    def _peeked(self, request: ImageRequest, key: str) -> Rendered | None:
        return None if request.past_caches else self.cached(key, cache_tags(request))

    async def _joined(self, request: ImageRequest, key: str, deadline: Deadline) -> Rendered:
        """Find or make a picture with whoever else wants it; `NoOriginal` for what a fallback may stand in for."""
        if request.past_caches:
            # Who goes past the caches must not be given what somebody found in them.
            rendered, _ = await self.flight.join(
                f"bypass {key}", lambda: self._past_caches(request, key, deadline), deadline
            )
            return rendered
        # Who asks after a purge must not be given what began before it.
        since = self.caches.purges.since(request.source.url, cache_tags(request))
        rendered, shared = await self.flight.join(
            f"{key} {since}", lambda: self._find_or_make(request, key, since, deadline), deadline
        )
        return replace(rendered, outcome=Outcome.SHARED) if shared else rendered

    async def current(self, request: ImageRequest, key: str, deadline: Deadline) -> Validators:
        """Give the validators that the picture would have, by its original's alone; blank ones if nobody can tell.

        Raises the errors of sources, and `DeadlineExceeded`.
        """
        if (failure := self._known_failure(request, key)) and isinstance(failure.error, SourceError):
            raise failure.error
        try:
            async with asyncio.timeout(deadline.remaining()):
                found = await self.maker.sources.validators(request.source)
        except TimeoutError:
            raise DeadlineExceeded from None
        state = original_state(found)
        return Validators(etag=entity_tag(key, state) if state else "", modified_at=found.modified_at)

    async def _find_or_make(self, request: ImageRequest, key: str, since: int, deadline: Deadline) -> Rendered:
        if found := await self.caches.get(key, cache_tags(request)):
            return found
        self._check_known(request, key)
        if self.leases is None:
            return await self._make_and_keep(request, key, deadline)
        try:
            return await self.leases.once(
                # Who asks after a purge does not wait for what began before it.
                f"{key}:{since}" if since else key,
                find=lambda: self._find_shared(request, key),
                make=lambda lease: self._make_and_keep(request, key, deadline, lease),
                failure=_passed_on,
            )
        except OtherFailed as error:
            failure = error.failure
        try:
            raise NoOriginal(failure.error) if failure.replaceable else failure.error
        finally:
            del failure

    def _check_known(self, request: ImageRequest, key: str) -> None:
        """Raise the failure that making this picture is known to come to."""
        if failure := self._known_failure(request, key):
            raise NoOriginal(failure.error) if failure.replaceable else failure.error

    def _known_failure(self, request: ImageRequest, key: str) -> Failure | None:
        return None if self.negative is None or request.past_caches else self.negative.known(request, key)

    async def _find_shared(self, request: ImageRequest, key: str) -> Rendered | None:
        found = await self.caches.get(key, cache_tags(request))
        return replace(found, outcome=Outcome.SHARED) if found else None

    async def _make_and_keep(
        self, request: ImageRequest, key: str, deadline: Deadline, lease: Lease | None = None
    ) -> Rendered:
        picture = await self._make(request, key, deadline)
        if picture.complete:
            await self.caches.put(key, picture, lease.kept if lease else None)
        elif lease:
            await lease.alone()
        return Rendered(picture=picture, outcome=Outcome.MADE)

    async def _past_caches(self, request: ImageRequest, key: str, deadline: Deadline) -> Rendered:
        return Rendered(picture=await self._make(request, key, deadline), outcome=Outcome.BYPASSED)

    async def _make(self, request: ImageRequest, key: str, deadline: Deadline) -> Picture:
        """Fetch and transform; what it came to is remembered if it is the original's fault."""
        generation = self.caches.purges.newest
        if self.negative is None:
            return await self.maker.make(request, key, generation, deadline)
        try:
            picture = await self.maker.make(request, key, generation, deadline)
        except (NoOriginal, ImgproxyError) as error:
            if failure := _passed_on(error):
                self.negative.failed(request, key, failure, generation)
            raise
        self.negative.succeeded(request, key)
        return picture


def _passed_on(error: BaseException) -> Failure | None:
    """Give what of an error is no process's own, so that others would meet it too."""
    if isinstance(error, NoOriginal):
        return Failure(error.reason, replaceable=True)
    return Failure(error) if isinstance(error, (CallerError, SourceError, ImageError)) else None
