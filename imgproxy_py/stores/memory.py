"""Bytes under keys in this process's memory: the store of tests and of the product without a disk."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import blake2b

from imgproxy_py.errors import SourceMissing
from imgproxy_py.recipe.picture import Validators
from imgproxy_py.stores.conditions import unchanged
from imgproxy_py.stores.keys import check_key, check_size, clip
from imgproxy_py.stores.port import CHUNK_BYTES, ByteRange, ObjectInfo, OpenObject


class MemoryStore:
    """A `Store` in a dictionary. Only the newest version of an object is kept; `clock` gives Unix seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._objects: dict[str, tuple[ObjectInfo, bytes]] = {}
        self._puts = 0

    def __repr__(self) -> str:
        return f"<MemoryStore: {len(self._objects)} objects>"

    async def stat(self, key: str, *, version: str = "") -> ObjectInfo:
        """Give what is known of an object."""
        return self._find(key, version)[0]

    @asynccontextmanager
    async def open(
        self, key: str, *, version: str = "", byte_range: ByteRange | None = None
    ) -> AsyncIterator[OpenObject]:
        """Read an object in chunks."""
        info, data = self._find(key, version)
        clipped = clip(byte_range, info.size)
        yield OpenObject(info, clipped, _chunks(data[clipped.first : clipped.last + 1] if clipped else data))

    async def get(self, key: str, *, version: str = "", max_bytes: int = 0) -> tuple[ObjectInfo, bytes]:
        """Read an object whole."""
        info, data = self._find(key, version)
        check_size(info.size, max_bytes)
        return info, data

    async def get_changed(
        self, key: str, unless: Validators, *, version: str = "", max_bytes: int = 0
    ) -> tuple[ObjectInfo, bytes | None]:
        """Read an object whole unless it is unchanged."""
        info, data = self._find(key, version)
        if unchanged(info.validators, unless):
            return info, None
        check_size(info.size, max_bytes)
        return info, data

    async def put(self, key: str, data: bytes, *, media_type: str = "") -> ObjectInfo:
        """Store bytes under a key."""
        self._puts += 1
        info = ObjectInfo(
            key=check_key(key),
            size=len(data),
            media_type=media_type,
            validators=Validators(etag=f'"{blake2b(data, digest_size=16).hexdigest()}"', modified_at=self._clock()),
            version=str(self._puts),
        )
        self._objects[key] = info, bytes(data)
        return info

    async def delete(self, key: str) -> None:
        """Remove an object."""
        self._objects.pop(check_key(key), None)

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        """Give the objects whose keys begin with `prefix`, as they were when the listing began."""
        for key in sorted(key for key in self._objects if key.startswith(prefix)):
            if key in self._objects:
                yield self._objects[key][0]

    async def ping(self) -> None:
        """Return; memory always answers."""

    def _find(self, key: str, version: str) -> tuple[ObjectInfo, bytes]:
        found = self._objects.get(check_key(key))
        if found is None or (version and version != found[0].version):
            raise SourceMissing
        return found


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), CHUNK_BYTES):
        yield data[at : at + CHUNK_BYTES]
