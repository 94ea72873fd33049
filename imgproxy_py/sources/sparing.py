"""A source that spares the origins of what is fetched from another one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from imgproxy_py.recipe.picture import Original, Validators
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.sources.origins import Origins
from imgproxy_py.sources.port import NotModified, RawAnswer, Source

_PORTS = {"http": ":80", "https": ":443"}
_END_OF_AUTHORITY = re.compile(r"[/?#\\]")


def origin_of(ref: SourceRef) -> str:
    """Name the origin of an original: `https://host:port` without a default port, or `s3://bucket`."""
    if ref.scheme not in _PORTS:
        return f"{ref.scheme}://{ref.location.partition('/')[0]}"
    authority = _END_OF_AUTHORITY.split(ref.location, maxsplit=1)[0].rpartition("@")[2].lower()
    return f"{ref.scheme}://{authority.removesuffix(_PORTS[ref.scheme]).rstrip('.')}"


class SparingSource:
    """A `Source` that asks another one, in turns at each origin."""

    def __init__(self, source: Source, origins: Origins) -> None:
        self._source = source
        self._origins = origins

    def __repr__(self) -> str:
        return f"<SparingSource: {self._source!r}>"

    async def fetch(
        self, ref: SourceRef, *, max_bytes: int = 0, unless: Validators | None = None
    ) -> Original | NotModified:
        """Fetch an original whole when it is one's turn."""
        async with self._origins.turn(origin_of(ref)):
            return await self._source.fetch(ref, max_bytes=max_bytes, unless=unless)

    async def validators(self, ref: SourceRef) -> Validators:
        """Give an original's validators when it is one's turn."""
        async with self._origins.turn(origin_of(ref)):
            return await self._source.validators(ref)

    @asynccontextmanager
    async def raw(self, ref: SourceRef, headers: Mapping[str, str]) -> AsyncIterator[RawAnswer]:
        """Relay an original; the turn ends with the answer's headers, or slow clients would keep others waiting."""
        async with AsyncExitStack() as relaying:
            async with self._origins.turn(origin_of(ref)) as turn:
                answer = await relaying.enter_async_context(self._source.raw(ref, headers))
                turn.failed = answer.status >= 500
            yield answer

    async def ping(self) -> None:
        """Ask the source itself, whose origins are not asked one by one."""
        await self._source.ping()
