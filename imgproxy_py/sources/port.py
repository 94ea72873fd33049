"""What rendering needs of a source: originals by reference."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from imgproxy_py.errors import SourceUnreachable
from imgproxy_py.recipe.picture import Original, Validators
from imgproxy_py.recipe.source import SourceRef

PASSED_ON = ("range", "if-range", "accept-encoding", "if-none-match", "if-modified-since")
"""The caller's headers that an origin gets when it is relayed."""

PASSED_BACK = (
    "content-type",
    "content-length",
    "content-encoding",
    "content-range",
    "accept-ranges",
    "last-modified",
    "etag",
    "cache-control",
    "expires",
)
"""The origin's headers that a relay gives back (dialect §13.6, and two for the cache rules of §13.4)."""


@dataclass(frozen=True, slots=True)
class NotModified:
    """The origin says that the caller's copy is still good."""

    validators: Validators
    cache_control: str = ""
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An original being relayed untouched: the origin's status, the headers worth passing on, and the body's chunks.

    The header names are lower-case; a body that breaks off raises from `chunks`.
    """

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


def whole(fetched: Original | NotModified) -> Original:
    """Give an original that was fetched without conditions; raises `SourceUnreachable` for a 304 all the same."""
    if isinstance(fetched, NotModified):
        raise SourceUnreachable("the origin answered 304 to an unconditional request")
    return fetched


class Source(Protocol):
    """Originals by reference. Raises only the `SourceError`s and `SourceForbidden` of `imgproxy_py.errors`."""

    async def fetch(
        self, ref: SourceRef, *, max_bytes: int = 0, unless: Validators | None = None
    ) -> Original | NotModified:
        """Fetch an original whole, at most `max_bytes` (0 = no limit).

        With `unless`, an origin that can tell answers `NotModified` instead when nothing changed since; an origin that
        cannot tell gives the original.
        """
        ...

    async def validators(self, ref: SourceRef) -> Validators:
        """Give an original's validators without its body (`HEAD` or the like), blank ones if its origin has none."""
        ...

    def raw(self, ref: SourceRef, headers: Mapping[str, str]) -> AbstractAsyncContextManager[RawAnswer]:
        """Relay an original as its origin gives it (dialect §13.6).

        Of the caller's `headers` (lower-case names) `range`, `if-range`, `accept-encoding`, `if-none-match` and
        `if-modified-since` are passed on. An origin's statuses are not turned into errors; one that cannot be reached
        raises, and so does a store that has no such object, because it has no answer that could be relayed. The total
        time-out bounds what comes before the headers, the idle time-out the rest.
        """
        ...

    async def ping(self) -> None:
        """Raise a `SourceError` unless the source is ready to be asked."""
        ...
