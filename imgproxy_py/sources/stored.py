"""Originals from stores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

from imgproxy_py.errors import SourceTimeout
from imgproxy_py.recipe.picture import Original, Validators
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.sources.port import NotModified, RawAnswer
from imgproxy_py.sources.settings import DownloadSettings
from imgproxy_py.stores.conditions import conditions, http_date, range_applies, ranges, unchanged
from imgproxy_py.stores.port import ByteRange, ObjectInfo, OpenObject, Store

_CONDITIONAL = ("range", "if-none-match", "if-modified-since")


class Shelves(Protocol):
    """Says in which store, and under which key, an original lies."""

    def find(self, ref: SourceRef) -> tuple[Store, str]:
        """Give the store and the key."""
        ...

    async def ping(self) -> None:
        """Raise a `SourceError` unless the stores answer."""
        ...


class OneStore:
    """`Shelves` of a single store: the location without its leading slashes is the key."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, ref: SourceRef) -> tuple[Store, str]:
        """Give the store and the key."""
        return self._store, ref.location.lstrip("/")

    async def ping(self) -> None:
        """Ask the store."""
        await self._store.ping()


class Service(Protocol):
    """A service with many buckets."""

    def bucket(self, name: str) -> Store:
        """Give the store of a bucket; `SourceUnreachable` for one that must not be read."""
        ...

    async def ping(self) -> None:
        """Raise a `SourceError` unless the service answers."""
        ...


class Buckets:
    """`Shelves` of a service with many buckets: the location is `bucket/key` (dialect §1.4)."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def find(self, ref: SourceRef) -> tuple[Store, str]:
        """Give the bucket's store and the key; `SourceUnreachable` for a bucket that must not be read."""
        bucket, _, key = ref.location.partition("/")
        return self._service.bucket(bucket), key.lstrip("/")

    async def ping(self) -> None:
        """Ask the service."""
        await self._service.ping()


class StoredSource:
    """A `Source` of what lies in stores, within the download time-out."""

    def __init__(self, shelves: Shelves, settings: DownloadSettings) -> None:
        self._shelves = shelves
        self._seconds = settings.download_timeout

    def __repr__(self) -> str:
        return f"<StoredSource: {self._shelves!r}>"

    async def fetch(
        self, ref: SourceRef, *, max_bytes: int = 0, unless: Validators | None = None
    ) -> Original | NotModified:
        """Fetch an original whole."""
        store, key = self._shelves.find(ref)
        async with self._in_time():
            info, data = await store.get_changed(key, unless or Validators(), version=ref.version, max_bytes=max_bytes)
        if data is None:
            return NotModified(info.validators, info.cache_control, info.expires_at)
        return Original(
            data=data,
            media_type=info.media_type,
            validators=info.validators,
            cache_control=info.cache_control,
            expires_at=info.expires_at,
        )

    async def validators(self, ref: SourceRef) -> Validators:
        """Give an original's validators."""
        return (await self._stat(ref)).validators

    @asynccontextmanager
    async def raw(self, ref: SourceRef, headers: Mapping[str, str]) -> AsyncIterator[RawAnswer]:
        """Relay an object as a web server would: ranges and conditions are judged here (RFC 9110 §13, §14).

        Several ranges at once are answered with the whole, as a server may.
        """
        span = None
        if any(name in headers for name in _CONDITIONAL):
            info = await self._stat(ref)
            if unchanged(info.validators, _conditions(headers)):
                yield RawAnswer(304, _validator_headers(info), _nothing())
                return
            wanted = _ranges(headers, info)
            if wanted == ():
                yield _unsatisfiable(info)
                return
            span = wanted[0] if wanted and len(wanted) == 1 else None
        store, key = self._shelves.find(ref)
        async with AsyncExitStack() as opening:
            async with self._in_time():
                opened = await opening.enter_async_context(store.open(key, version=ref.version, byte_range=span))
            yield _answer(opened)

    async def ping(self) -> None:
        """Raise a `SourceError` unless the stores answer."""
        await self._shelves.ping()

    async def _stat(self, ref: SourceRef) -> ObjectInfo:
        store, key = self._shelves.find(ref)
        async with self._in_time():
            return await store.stat(key, version=ref.version)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._seconds):
                yield
        except TimeoutError as error:
            raise SourceTimeout from error


def _conditions(headers: Mapping[str, str]) -> Validators:
    return conditions(headers.get("if-none-match", ""), headers.get("if-modified-since", ""))


def _ranges(headers: Mapping[str, str], info: ObjectInfo) -> tuple[ByteRange, ...] | None:
    if not range_applies(headers.get("if-range", ""), info.validators):
        return None
    return ranges(headers.get("range", ""), info.size)


def _answer(opened: OpenObject) -> RawAnswer:
    info, span = opened.info, opened.byte_range
    headers = _validator_headers(info) | {
        "content-type": info.media_type or "application/octet-stream",
        "content-length": str(span.length if span else info.size),
        "accept-ranges": "bytes",
    }
    if span is None:
        return RawAnswer(200, headers, opened.chunks)
    headers["content-range"] = f"bytes {span.first}-{span.last}/{info.size}"
    return RawAnswer(206, headers, opened.chunks)


def _unsatisfiable(info: ObjectInfo) -> RawAnswer:
    headers = {"content-range": f"bytes */{info.size}", "content-length": "0", "accept-ranges": "bytes"}
    return RawAnswer(416, headers, _nothing())


def _validator_headers(info: ObjectInfo) -> dict[str, str]:
    modified, expires = info.validators.modified_at, info.expires_at
    found = {
        "etag": info.validators.etag,
        "last-modified": "" if modified is None else http_date(modified),
        "cache-control": info.cache_control,
        "expires": "" if expires is None else http_date(expires),
    }
    return {name: value for name, value in found.items() if value}


async def _nothing() -> AsyncIterator[bytes]:
    chunks: tuple[bytes, ...] = ()
    for chunk in chunks:
        yield chunk
