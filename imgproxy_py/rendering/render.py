"""The use case: a request becomes a picture, made or found made."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from imgproxy_py.caches.policies import Policies, Policy, PolicySettings
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
from imgproxy_py.rendering.negative import NegativeCache, is_lasting
from imgproxy_py.rendering.refreshing import Refreshes, may_pass


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A picture that is wanted: the request, its cache key and tags, and the policy that holds for it."""

    request: ImageRequest
    key: str
    tags: tuple[str, ...]
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """Makes pictures, once each: flight → caches → lease → maker → caches.

    What caches have stale is given while one of the `refreshes` makes it fresh, or in place of an error, as long as the policy
    of the request allows; otherwise it is made fresh first.

    `etag_buster` is the operator's way to make all keys and entity tags new. The maker's fallback is shown in place of what
    cannot be fetched, unless the request names one itself. With `leases`, of all processes one makes a picture that is kept.
    """

    maker: Maker
    caches: TieredCache
    etag_buster: str = ""
    leases: Leases | None = None
    negative: NegativeCache | None = None
    policies: Policies = field(default_factory=lambda: Policies(PolicySettings()))
    refreshes: Refreshes = field(default_factory=Refreshes)
    flight: Flight[Rendered] = field(default_factory=Flight)

    def key(self, request: ImageRequest) -> str:
        """Give the cache key of a request whose formats are negotiated."""
        return cache_key(request.source, request.recipe, self.maker.transformer.epoch + self.etag_buster)

    def cached(self, key: str, tags: tuple[str, ...] = ()) -> Rendered | None:
        """Give the picture if it is in memory and none of the request's tags was purged since, without waiting."""
        return self.caches.peek(key, tags)

    def meanwhile(self, request: ImageRequest, key: str) -> Rendered | None:
        """Give the picture if memory has it stale and it may be given while it is refreshed, which begins; without waiting."""
        policy = self.policies.of(request)
        if not policy.while_revalidate or request.past_caches:
            return None
        wanted = _Wanted(request, key, cache_tags(request), policy)
        found = self.caches.stale(key, wanted.tags, policy)
        return found if found and self._given_meanwhile(wanted, found) else None

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
        wanted = self._wanted(request, key)
        if request.past_caches:
            # Who goes past the caches must not be given what somebody found in them.
            rendered, _ = await self.flight.join(f"bypass {key}", lambda: self._past_caches(wanted, deadline), deadline)
            return rendered
        # Who asks after a purge must not be given what began before it.
        since = self._purged(wanted)
        try:
            rendered, shared = await self.flight.join(
                f"{key} {since}", lambda: self._find_or_make(wanted, since, deadline), deadline
            )
        except DeadlineExceeded as error:
            found = self.caches.stale(key, wanted.tags, wanted.policy)
            if found and (excused := self._excused(found, error, wanted.policy)):
                return excused
            raise
        return replace(rendered, outcome=Outcome.SHARED) if shared and not rendered.stale else rendered

    def _wanted(self, request: ImageRequest, key: str) -> _Wanted:
        return _Wanted(request, key, cache_tags(request), self.policies.of(request))

    def _purged(self, wanted: _Wanted) -> int:
        return self.caches.purges.since(wanted.request.source.url, wanted.tags)

    async def current(self, request: ImageRequest, key: str, deadline: Deadline) -> Validators:
        """Give the validators that the picture would have, by its original's alone; blank ones if nobody can tell.

        Raises the errors of sources, and `DeadlineExceeded`.
        """
        if (failure := self._known_failure(request, key)) and isinstance(failure.error, SourceError):
            raise failure.error
        if self.caches.stale(key, cache_tags(request)):
            return Validators()  # its server is asked once, and that makes the picture fresh
        try:
            async with asyncio.timeout(deadline.remaining()):
                found = await self.maker.sources.validators(request.source)
        except TimeoutError:
            raise DeadlineExceeded from None
        if self.maker.originals is not None:
            self.maker.originals.seen(request.source, found)
        state = original_state(found)
        return Validators(etag=entity_tag(key, state) if state else "", modified_at=found.modified_at)

    async def _find_or_make(self, wanted: _Wanted, since: int, deadline: Deadline) -> Rendered:
        found = await self._found(wanted)
        if found is None:
            return await self._once(wanted, since, deadline)
        if found.stale is None or self._given_meanwhile(wanted, found):
            return found
        try:
            return await self._refreshed(wanted, since, deadline, found.picture)
        except (NoOriginal, ImgproxyError) as error:
            if excused := self._excused(found, error, wanted.policy):
                return excused
            raise

    async def _found(self, wanted: _Wanted) -> Rendered | None:
        return await self.caches.get(wanted.key, wanted.tags, wanted.policy)

    def _given_meanwhile(self, wanted: _Wanted, found: Rendered) -> bool:
        """Tell whether a stale picture is given at once; its refresh is under way then, or the next caller's to begin."""
        if found.stale is None or found.stale.seconds >= wanted.policy.while_revalidate or not self.refreshes.most:
            return False
        self.refreshes.start(wanted.key, lambda deadline: self._refresh(wanted, deadline, found.picture))
        self.refreshes.stats.given += 1
        return True

    async def _refresh(self, wanted: _Wanted, deadline: Deadline, known: Picture) -> None:
        """Make a stale picture fresh, unless another process has; raises the errors of sources and engine."""
        found = await self._found(wanted)
        if found is not None and found.stale is None:
            return
        try:
            await self._refreshed(wanted, self._purged(wanted), deadline, known)
        except NoOriginal as error:
            raise error.reason from None

    async def _refreshed(self, wanted: _Wanted, since: int, deadline: Deadline, known: Picture) -> Rendered:
        """Give a stale picture made fresh, once for all who need that; one whose original is gone or broken is forgotten."""
        try:
            rendered, _ = await self.flight.join(
                f"{wanted.key} {since} refresh",
                lambda: self._once(wanted, since, deadline, known),
                deadline,
            )
        except (NoOriginal, ImgproxyError) as error:
            if is_lasting(_reason(error)):
                await self.caches.delete(wanted.key)
            raise
        stats = self.refreshes.stats
        stats.confirmed += rendered.outcome is Outcome.CONFIRMED
        stats.remade += rendered.outcome is Outcome.MADE
        return rendered

    def _excused(self, found: Rendered, error: NoOriginal | ImgproxyError, policy: Policy) -> Rendered | None:
        """Give a stale picture in place of an error, if it may be."""
        reason = _reason(error)
        if found.stale is None or found.stale.seconds >= policy.if_error or not may_pass(reason):
            return None
        self.refreshes.stats.excused += 1
        # Without the frames that it came through, which hold more than anybody needs.
        return replace(found, stale=replace(found.stale, failure=reason.with_traceback(None)))

    async def _once(self, wanted: _Wanted, since: int, deadline: Deadline, known: Picture | None = None) -> Rendered:
        """Make a picture that caches have not, or only stale as `known`, in one process for all that share a cache."""
        self._check_known(wanted)
        generation = self.caches.purges.newest

        async def make(lease: Lease | None = None) -> Rendered:
            picture = await self._make(wanted, deadline, known)
            return await self._kept(wanted, picture, lease, known)

        if self.leases is None or not wanted.policy.shared:
            return await make()
        try:
            return await self.leases.once(
                # Who asks after a purge does not wait for what began before it.
                f"{wanted.key}:{since}" if since else wanted.key,
                find=lambda: self._find_shared(wanted),
                make=make,
                failure=_passed_on,
                has_room=lambda: self.maker.pool.has_room(deadline),
            )
        except OtherFailed as error:
            failure = error.failure
        try:
            if self.negative is not None:
                self.negative.failed(wanted.request, wanted.key, failure, generation)
            raise _as_raised(failure)
        finally:
            del failure

    def _check_known(self, wanted: _Wanted) -> None:
        """Raise the failure that making this picture is known to come to."""
        if failure := self._known_failure(wanted.request, wanted.key):
            raise _as_raised(failure)

    def _known_failure(self, request: ImageRequest, key: str) -> Failure | None:
        return None if self.negative is None or request.past_caches else self.negative.known(request, key)

    async def _find_shared(self, wanted: _Wanted) -> Rendered | None:
        found = await self._found(wanted)
        return replace(found, outcome=Outcome.SHARED) if found and not found.stale else None

    async def _kept(self, wanted: _Wanted, picture: Picture, lease: Lease | None, known: Picture | None) -> Rendered:
        if picture.complete:
            await self.caches.put(wanted.key, picture, lease.kept if lease else None, wanted.policy)
        elif lease:
            await lease.alone()
        if not wanted.policy.uses_any:
            return Rendered(picture=picture, outcome=Outcome.BYPASSED)
        confirmed = known is not None and picture.data is known.data
        return Rendered(picture=picture, outcome=Outcome.CONFIRMED if confirmed else Outcome.MADE)

    async def _past_caches(self, wanted: _Wanted, deadline: Deadline) -> Rendered:
        return Rendered(picture=await self._make(wanted, deadline), outcome=Outcome.BYPASSED)

    async def _make(self, wanted: _Wanted, deadline: Deadline, known: Picture | None = None) -> Picture:
        """Fetch and transform; what it came to is remembered if it is the original's fault."""
        request, key, generation = wanted.request, wanted.key, self.caches.purges.newest
        if known and self.caches.purges.void(known, wanted.tags):
            known = None  # purged since it was found: that it was so before says nothing
        if self.negative is None:
            return await self.maker.make(request, key, generation, deadline, known)
        try:
            picture = await self.maker.make(request, key, generation, deadline, known)
        except (NoOriginal, ImgproxyError) as error:
            if failure := _passed_on(error):
                self.negative.failed(request, key, failure, generation)
            raise
        self.negative.succeeded(request, key)
        return picture


def _as_raised(failure: Failure) -> NoOriginal | ImgproxyError:
    return NoOriginal(failure.error) if failure.replaceable else failure.error


def _reason(error: NoOriginal | ImgproxyError) -> ImgproxyError:
    return error.reason if isinstance(error, NoOriginal) else error


def _passed_on(error: BaseException) -> Failure | None:
    """Give what of an error is no process's own, so that others would meet it too."""
    if isinstance(error, NoOriginal):
        return Failure(error.reason, replaceable=True)
    return Failure(error) if isinstance(error, (CallerError, SourceError, ImageError)) else None
