"""Google Cloud Storage and Azure Blob Storage, by way of obstore (the extra `cloud`)."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import obstore
from obstore import exceptions
from obstore.store import AzureStore, GCSStore, ObjectStore

from imgproxy_py.errors import (
    SourceError,
    SourceFailed,
    SourceIncomplete,
    SourceMissing,
    SourceNotReached,
    SourceTimeout,
    SourceUnreachable,
)
from imgproxy_py.recipe.picture import Validators
from imgproxy_py.stores.cloud_settings import AbsSettings, GcsSettings
from imgproxy_py.stores.conditions import unchanged
from imgproxy_py.stores.keys import check_key, check_size, clip
from imgproxy_py.stores.port import CHUNK_BYTES, ByteRange, ObjectInfo, OpenObject

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ObjectMeta
    from obstore.store import ClientConfig, RetryConfig

_CONNECT_SECONDS, _SILENT_SECONDS = 2, 5
_MOST_BUCKETS = 64
_STATUS = re.compile(r"status code: (\d{3})")
_JSON_API = re.compile(r"/storage/v1/?\Z")
_RETRIES: RetryConfig = {"max_retries": 1, "retry_timeout": timedelta(seconds=5)}


class CloudBuckets:
    """The buckets of one cloud; `make` gives the connection to one of them.

    Connections are made when first needed and kept for the buckets that were asked for last.
    """

    def __init__(
        self, make: Callable[[str], ObjectStore], *, allowed: tuple[str, ...] = (), denied: tuple[str, ...] = ()
    ) -> None:
        self._make = make
        self._allowed = frozenset(allowed)
        self._denied = frozenset(denied)
        self._made: OrderedDict[str, CloudBucket] = OrderedDict()

    def __repr__(self) -> str:
        return f"<CloudBuckets: {len(self._made)} connected>"

    def bucket(self, name: str) -> CloudBucket:
        """Give the store of a bucket; `SourceUnreachable` for one that must not be read (dialect §12)."""
        if (name not in self._allowed) if self._allowed else (name in self._denied):
            raise SourceUnreachable("the bucket is not permitted")
        made = self._made.pop(name, None)
        if made is None:
            with _translated():
                made = CloudBucket(self._make(name))
        self._made[name] = made
        if len(self._made) > _MOST_BUCKETS:
            self._made.popitem(last=False)
        return made

    async def ping(self) -> None:
        """Return: these clouds have nothing that may be asked without naming a bucket."""


def google(settings: GcsSettings) -> CloudBuckets:
    """Give the buckets of Google Cloud Storage."""
    endpoint, key = _JSON_API.sub("", settings.gcs_endpoint), settings.gcs_key.get_secret_value()
    config: dict[str, Any] = {"service_account_key": key} if key else {}
    if endpoint:
        config |= {"base_url": endpoint} | ({} if key else {"skip_signature": True})
    return CloudBuckets(
        lambda name: GCSStore(name, config=config, client_options=_client(endpoint), retry_config=_RETRIES),  # type: ignore[arg-type]
        allowed=settings.gcs_allowed_buckets,
        denied=settings.gcs_denied_buckets,
    )


def azure(settings: AbsSettings) -> CloudBuckets:
    """Give the containers of an account of Azure Blob Storage."""
    given = {
        "account_name": settings.abs_name,
        "account_key": settings.abs_key.get_secret_value(),
        "endpoint": settings.abs_endpoint,
    }
    config: Any = {name: value for name, value in given.items() if value}
    options = _client(settings.abs_endpoint)
    return CloudBuckets(
        lambda name: AzureStore(name, config=config, client_options=options, retry_config=_RETRIES),
        allowed=settings.abs_allowed_buckets,
        denied=settings.abs_denied_buckets,
    )


def _client(endpoint: str) -> ClientConfig:
    return {
        "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
        "read_timeout": timedelta(seconds=_SILENT_SECONDS),
        "allow_http": urlsplit(endpoint).scheme == "http",
    }


class CloudBucket:
    """The `Store` of one bucket, as obstore knows it. Keys are literal, but have no empty parts; versions are generations.

    A cloud that ignores conditions is asked for no body all the same: what is unchanged is seen from its headers.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"<CloudBucket: {self._store!r}>"

    async def stat(self, key: str, *, version: str = "") -> ObjectInfo:
        """Give what is known of an object (`HEAD`)."""
        return _info(key, await self._asked(key, version, {"head": True}))

    @asynccontextmanager
    async def open(
        self, key: str, *, version: str = "", byte_range: ByteRange | None = None
    ) -> AsyncIterator[OpenObject]:
        """Read an object in chunks as they come."""
        span: GetOptions = {"range": (byte_range.first, byte_range.last + 1)} if byte_range else {}
        result = await self._asked(key, version, span)
        info = _info(key, result)
        clipped = clip(byte_range, info.size)
        yield OpenObject(info, clipped, _chunks(result, clipped.length if clipped else info.size))

    async def get(self, key: str, *, version: str = "", max_bytes: int = 0) -> tuple[ObjectInfo, bytes]:
        """Read an object whole."""
        result = await self._asked(key, version, {})
        return _info(key, result), await _whole(result, max_bytes)

    async def get_changed(
        self, key: str, unless: Validators, *, version: str = "", max_bytes: int = 0
    ) -> tuple[ObjectInfo, bytes | None]:
        """Read an object whole unless it is unchanged."""
        try:
            result = await self._asked(key, version, _conditions(unless))
        except exceptions.NotModifiedError:
            return ObjectInfo(key=key, size=0, validators=unless), None
        info = _info(key, result)
        if unchanged(info.validators, unless):
            return info, None
        return info, await _whole(result, max_bytes)

    async def put(self, key: str, data: bytes, *, media_type: str = "") -> ObjectInfo:
        """Store bytes under a key."""
        attributes: Any = {"Content-Type": media_type} if media_type else None
        with _translated():
            put = await obstore.put_async(self._store, _path(key), data, attributes=attributes)
        return ObjectInfo(
            key=key,
            size=len(data),
            media_type=media_type,
            validators=Validators(etag=_quoted(put["e_tag"])),
            version=put["version"] or "",
        )

    async def delete(self, key: str) -> None:
        """Remove an object."""
        try:
            with _translated():
                await obstore.delete_async(self._store, _path(key))
        except SourceMissing as error:
            if error.upstream_status != 404:
                raise

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        """Give the objects whose keys begin with `prefix`, without media types, which clouds do not list."""
        with _translated():
            # Prefixes are whole folders here; the rest of one is judged by us.
            async for page in obstore.list(self._store, prefix.rpartition("/")[0] or None):
                for one in page:
                    if one["path"].startswith(prefix):
                        yield _listed(one)

    async def ping(self) -> None:
        """Raise a `SourceError` unless the bucket answers; that nothing lies under a name is an answer, as is a refusal."""
        try:
            await self.stat("ping")
        except SourceMissing:
            return

    async def _asked(self, key: str, version: str, options: GetOptions) -> GetResult:
        versioned: GetOptions = {**options, "version": version} if version else options
        with _translated():
            result = await obstore.get_async(self._store, _path(key), options=versioned)
        if version and result.meta["version"] != version:  # where there are no versions they are ignored
            raise SourceMissing("there is no such version")
        return result


def _path(key: str) -> str:
    if "" in check_key(key).split("/"):
        raise SourceMissing("keys with empty parts cannot be asked for here")
    return key


def _info(key: str, result: GetResult) -> ObjectInfo:
    meta, attributes = result.meta, result.attributes
    return ObjectInfo(
        key=key,
        size=meta["size"],
        media_type=str(attributes.get("Content-Type", "")),
        validators=_validators(meta),
        version=meta["version"] or "",
        cache_control=str(attributes.get("Cache-Control", "")),
    )


def _listed(meta: ObjectMeta) -> ObjectInfo:
    return ObjectInfo(key=meta["path"], size=meta["size"], validators=_validators(meta), version=meta["version"] or "")


def _validators(meta: ObjectMeta) -> Validators:
    return Validators(etag=_quoted(meta["e_tag"]), modified_at=meta["last_modified"].timestamp())


def _quoted(etag: str | None) -> str:
    return f'"{etag}"' if etag and not etag.endswith('"') else etag or ""


def _conditions(unless: Validators) -> GetOptions:
    if unless.etag:
        return {"if_none_match": unless.etag}
    if unless.modified_at is None:
        return {}
    return {"if_modified_since": datetime.fromtimestamp(unless.modified_at, UTC)}


async def _whole(result: GetResult, max_bytes: int) -> bytes:
    check_size(result.meta["size"], max_bytes)
    with _translated_body():
        data = bytes(await result.bytes_async())
    if len(data) != result.meta["size"]:
        raise SourceIncomplete(private=f"{len(data)} of {result.meta['size']} bytes")
    return data


async def _chunks(result: GetResult, announced: int) -> AsyncIterator[bytes]:
    read = 0
    with _translated_body():
        async for piece in result.stream(min_chunk_size=CHUNK_BYTES):
            view = memoryview(piece)
            read += len(view)
            for at in range(0, len(view), CHUNK_BYTES):
                yield bytes(view[at : at + CHUNK_BYTES])
    if read != announced:
        raise SourceIncomplete(private=f"{read} of {announced} bytes")


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what obstore raises into the errors of the `Store` port; only that nothing changed passes."""
    try:
        yield
    except exceptions.NotModifiedError:
        raise
    except (exceptions.NotFoundError, FileNotFoundError) as error:
        raise SourceMissing(private=_brief(error)) from error
    except exceptions.PermissionDeniedError as error:
        raise SourceMissing(upstream_status=403, private=_brief(error)) from error
    except exceptions.UnauthenticatedError as error:
        raise SourceMissing(upstream_status=401, private=_brief(error)) from error
    except exceptions.BaseError as error:
        raise _refusal(error) from error
    except (OSError, ValueError, TypeError) as error:
        raise SourceUnreachable(private=_brief(error)) from error


@contextmanager
def _translated_body() -> Iterator[None]:
    try:
        with _translated():
            yield
    except SourceUnreachable as error:
        if isinstance(error, SourceFailed):
            raise
        raise SourceIncomplete(private=error.private) from error


def _refusal(error: exceptions.BaseError) -> SourceError:
    # A status has no field of its own; it stands in the text.
    text = str(error)
    found = _STATUS.search(text)
    status = int(found[1]) if found else 416 if "StartTooLarge" in text else 0
    if status >= 500:
        return SourceFailed(private=_brief(error))
    if status >= 400:
        return SourceMissing(upstream_status=status, private=_brief(error))
    if "kind: Timeout" in text or "TimedOut" in text:
        return SourceTimeout(private=_brief(error))
    return SourceNotReached(private=_brief(error))


def _brief(error: BaseException) -> str:
    return str(error).partition("\n")[0][:300]
