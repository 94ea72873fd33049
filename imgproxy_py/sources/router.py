"""Which source gives an original: by its scheme."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from imgproxy_py.errors import SourceForbidden, SourceUnreachable
from imgproxy_py.recipe.picture import Original, Validators
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.sources.allowed import AllowedSources
from imgproxy_py.sources.digests import check_digest, checked
from imgproxy_py.sources.port import NotModified, RawAnswer, Source


class SourceRouter:
    """A `Source` that asks the one for a reference's scheme, and compares what it gives with the reference's hashsum.

    The allow-list is judged by `check` alone, which doors call for what their callers ask: what the operator configures
    himself (a fallback image, a watermark) need not be on it.
    """

    def __init__(self, sources: Mapping[str, Source], *, allowed: AllowedSources | None = None) -> None:
        self._sources = dict(sources)
        self._allowed = allowed or AllowedSources()

    def __repr__(self) -> str:
        return f"<SourceRouter: {' '.join(sorted(self._sources))}>"

    def check(self, ref: SourceRef) -> None:
        """Raise `SourceForbidden` unless the original is on the allow-list; nothing is fetched."""
        if not self._allowed.permit(ref.url):
            raise SourceForbidden("the source is not on the list of allowed sources")

    async def fetch(
        self, ref: SourceRef, *, max_bytes: int = 0, unless: Validators | None = None
    ) -> Original | NotModified:
        """Fetch an original whole; `SourceUnreachable` for a scheme that is not served (dialect §13.2)."""
        fetched = await self._source(ref).fetch(ref, max_bytes=max_bytes, unless=unless)
        if ref.hashsum and isinstance(fetched, Original):
            await check_digest(fetched.data, ref.hashsum)
        return fetched

    async def validators(self, ref: SourceRef) -> Validators:
        """Give an original's validators."""
        return await self._source(ref).validators(ref)

    def raw(self, ref: SourceRef, headers: Mapping[str, str]) -> AbstractAsyncContextManager[RawAnswer]:
        """Relay an original; one that has a hashsum only whole, and never to its end if it is another."""
        relayed = self._source(ref).raw(ref, _asking_for_all(headers) if ref.hashsum else headers)
        return _verified(relayed, ref.hashsum) if ref.hashsum else relayed

    async def ping(self) -> None:
        """Ask all sources at once; raise what the first that is not ready says."""
        await asyncio.gather(*(source.ping() for source in set(self._sources.values())))

    def _source(self, ref: SourceRef) -> Source:
        source = self._sources.get(ref.scheme)
        if source is None:
            raise SourceUnreachable(f"sources of the scheme {ref.scheme[:20]!r} are not served")
        return source


def _asking_for_all(headers: Mapping[str, str]) -> dict[str, str]:
    # A part and an encoded body have digests of their own.
    return {name: value for name, value in headers.items() if name not in ("range", "if-range", "accept-encoding")}


@asynccontextmanager
async def _verified(relayed: AbstractAsyncContextManager[RawAnswer], hashsum: str) -> AsyncIterator[RawAnswer]:
    async with relayed as answer:
        chunks = checked(answer.chunks, hashsum) if answer.status == 200 else answer.chunks
        yield RawAnswer(answer.status, answer.headers, chunks)
