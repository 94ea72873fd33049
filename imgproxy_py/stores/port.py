"""What a use case needs of a store: bytes under keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from imgproxy_py.recipe.picture import Validators

CHUNK_BYTES = 256 * 1024
"""The most that one chunk of an object being read holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """What a store knows of an object without reading it.

    `size` is in bytes; `cache_control` is what was stored with the object, verbatim; `expires_at` is in Unix seconds.
    """

    key: str
    size: int
    media_type: str = ""
    validators: Validators = Validators()
    version: str = ""
    cache_control: str = ""
    expires_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """A resolved range of bytes, both ends inclusive (RFC 9110 §14.1.2)."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many bytes the range holds."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An object being read: its info, the range that `chunks` will give (`None` = all), and the chunks."""

    info: ObjectInfo
    byte_range: ByteRange | None
    chunks: AsyncIterator[bytes]


class Store(Protocol):
    """Bytes under keys. Keys are `/`-separated texts without `.` and `..` segments, NUL or backslash.

    Everything else in a key is literal. Foreign errors are translated at this border: `SourceMissing` for what is not
    there, `SourceForbidden` for a key that is not permitted, `SourceTooLarge`, `SourceTimeout`, `SourceUnreachable`,
    `SourceFailed`, `SourceIncomplete`.
    """

    async def stat(self, key: str, *, version: str = "") -> ObjectInfo:
        """Give what is known of an object without reading it."""
        ...

    def open(
        self, key: str, *, version: str = "", byte_range: ByteRange | None = None
    ) -> AbstractAsyncContextManager[OpenObject]:
        """Read an object in chunks, whole or a range of it; a body shorter than its info raises `SourceIncomplete`.

        A range is given as far as the object reaches; one that begins beyond its end raises `SourceMissing` with
        `upstream_status` 416.
        """
        ...

    async def get(self, key: str, *, version: str = "", max_bytes: int = 0) -> tuple[ObjectInfo, bytes]:
        """Read an object whole, at most `max_bytes` (0 = no limit), judged by its info and again while reading."""
        ...

    async def get_changed(
        self, key: str, unless: Validators, *, version: str = "", max_bytes: int = 0
    ) -> tuple[ObjectInfo, bytes | None]:
        """Read an object as `get` does, but give `None` for its bytes if `unless` still describes it.

        A store that cannot tell gives the bytes. The info that comes with `None` may lack `size`.
        """
        ...

    async def put(self, key: str, data: bytes, *, media_type: str = "") -> ObjectInfo:
        """Store bytes under a key, in place of what was there; a reader sees the old bytes or the new, never a mix."""
        ...

    async def delete(self, key: str) -> None:
        """Remove an object; removing what is not there is no error."""
        ...

    def list(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        """Give the objects whose keys begin with `prefix`, in the order of their keys."""
        ...

    async def ping(self) -> None:
        """Raise a `SourceError` unless the store answers."""
        ...
