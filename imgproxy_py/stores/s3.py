"""Bytes under keys in S3 and what speaks like it.

One client and one pool of connections serve all buckets. The client is made when it is first needed: AWS' chain of
credentials may have to ask a metadata service, and neither a slow one nor missing credentials may hold up the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, Self

from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
from aiobotocore.session import AioSession  # type: ignore[import-untyped]
from aiohttp import ClientError as BodyError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    IncompleteReadError,
    ParamValidationError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from pydantic import BaseModel, Field

from imgproxy_py.errors import (
    SourceError,
    SourceFailed,
    SourceIncomplete,
    SourceMissing,
    SourceNotReached,
    SourceTimeout,
    SourceUnreachable,
)
from imgproxy_py.kinds import Flag, Positive, Seconds, Texts
from imgproxy_py.recipe.picture import Validators
from imgproxy_py.stores.conditions import read_date
from imgproxy_py.stores.keys import check_key, check_size, clip, read_whole
from imgproxy_py.stores.port import CHUNK_BYTES, ByteRange, ObjectInfo, OpenObject

_DEFAULT_REGION = "us-east-1"
_NO_CREDENTIALS_PAUSE = 5.0


class S3Settings(BaseModel):
    """Settings of S3; credentials come from AWS' usual chain (environment, files, roles)."""

    use_s3: Flag = Field(False, description="Serve `s3://bucket/key` sources.")
    s3_region: str = Field("", description="Region of the buckets; blank takes AWS' own configuration.")
    s3_endpoint: str = Field("", description="URL of an endpoint that speaks S3; blank for AWS.")
    s3_endpoint_use_path_style: Flag = Field(
        True, description="Put the bucket into the path of the endpoint's URLs instead of its host name."
    )
    s3_allowed_buckets: Texts = Field((), description="The only buckets that may be read; blank for all.")
    s3_denied_buckets: Texts = Field((), description="Buckets that may not be read, unless allowed ones are given.")
    s3_max_connections: Positive = Field(64, description="Connections to S3 that are kept at most.")
    s3_connect_timeout: Seconds = Field(2.0, description="Seconds that connecting to S3 may take.")
    s3_read_timeout: Seconds = Field(5.0, description="Seconds that S3 may be silent before and amid an answer.")
    s3_max_attempts: Positive = Field(2, description="How often a request to S3 is made in all when it fails.")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Credentials:
    """Who asks: an access key, or a named profile of AWS' files; blank for AWS' usual chain."""

    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    profile: str = ""


_USUAL = S3Credentials()


class S3:
    """A connection to S3 that gives a store for each bucket.

    Opened as an async context manager, which reaches nothing yet.
    """

    def __init__(self, settings: S3Settings, credentials: S3Credentials = _USUAL) -> None:
        self._settings = settings
        self._credentials = credentials
        self._closing = AsyncExitStack()
        self._making = asyncio.Lock()
        self._made: Any = None
        self._poor_until = 0.0

    def __repr__(self) -> str:
        return f"<S3: {self._settings.s3_endpoint or 'AWS'}, {'connected' if self._made else 'idle'}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._closing.aclose()
        self._made = None

    def bucket(self, name: str) -> S3Bucket:
        """Give the store of a bucket; `SourceUnreachable` for one that must not be read (dialect §12)."""
        allowed, denied = self._settings.s3_allowed_buckets, self._settings.s3_denied_buckets
        if (name not in allowed) if allowed else (name in denied):
            raise SourceUnreachable("the bucket is not permitted")
        return S3Bucket(name, self)

    async def ping(self) -> None:
        """Raise a `SourceError` unless S3 answers; that it grants nothing is an answer."""
        with _granted_or_not():
            await self.call("list_buckets")

    async def call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Make one request and give its parsed answer; errors are those of the `Store` port."""
        client = await self.client()
        with translated():
            answer: Mapping[str, Any] = await getattr(client, operation)(**parameters)
            return answer

    async def client(self) -> Any:
        """Give the aiobotocore client, made at the first call; `SourceUnreachable` while there are no credentials."""
        if self._made is None:
            async with self._making:
                if self._made is None:
                    self._made = await self._make()
        return self._made

    async def _make(self) -> Any:
        now = asyncio.get_running_loop().time()
        if now < self._poor_until:
            raise SourceUnreachable(private="no AWS credentials")
        with translated():
            session = AioSession(profile=self._credentials.profile or None)
            if not self._credentials.access_key_id and await session.get_credentials() is None:
                # The chain may wait for a metadata service that is not there: not with every request.
                self._poor_until = now + _NO_CREDENTIALS_PAUSE
                raise SourceUnreachable(private="no AWS credentials")
            return await self._closing.enter_async_context(self._context(session))

    def _context(self, session: AioSession) -> Any:
        return session.create_client(
            "s3",
            region_name=self._settings.s3_region or session.get_config_variable("region") or _DEFAULT_REGION,
            endpoint_url=self._settings.s3_endpoint or None,
            aws_access_key_id=self._credentials.access_key_id or None,
            aws_secret_access_key=self._credentials.secret_access_key or None,
            aws_session_token=self._credentials.session_token or None,
            config=self._config(),
        )

    def _config(self) -> AioConfig:
        own_endpoint = bool(self._settings.s3_endpoint)
        path_style = own_endpoint and self._settings.s3_endpoint_use_path_style
        return AioConfig(
            max_pool_connections=self._settings.s3_max_connections,
            connect_timeout=self._settings.s3_connect_timeout,
            read_timeout=self._settings.s3_read_timeout,
            retries={"total_max_attempts": self._settings.s3_max_attempts, "mode": "standard"},
            s3={"addressing_style": "path" if path_style else "virtual" if own_endpoint else "auto"},
            # Checksums that are not required are refused by many who speak S3, and TLS guards the bytes anyway.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )


class S3Bucket:
    """The `Store` of one bucket. Keys are literal; versions are S3's version ids."""

    def __init__(self, name: str, s3: S3) -> None:
        self._name = name
        self._s3 = s3

    def __repr__(self) -> str:
        return f"<S3Bucket: {self._name}>"

    async def stat(self, key: str, *, version: str = "") -> ObjectInfo:
        """Give what is known of an object (`HEAD`)."""
        answer = await self._s3.call("head_object", **self._object(key, version))
        _check_version(answer, version)
        return _info(key, answer)

    @asynccontextmanager
    async def open(
        self, key: str, *, version: str = "", byte_range: ByteRange | None = None
    ) -> AsyncIterator[OpenObject]:
        """Read an object in chunks as they come."""
        extra = {"Range": f"bytes={byte_range.first}-{byte_range.last}"} if byte_range else {}
        answer = await self._s3.call("get_object", **self._object(key, version), **extra)
        try:
            _check_version(answer, version)
            info = _info(key, answer)
            clipped = clip(byte_range, info.size)
            yield OpenObject(info, clipped, _chunks(answer["Body"], clipped.length if clipped else info.size))
        finally:
            answer["Body"].close()

    async def get(self, key: str, *, version: str = "", max_bytes: int = 0) -> tuple[ObjectInfo, bytes]:
        """Read an object whole."""
        return await self._read(key, self._object(key, version), max_bytes)

    async def get_changed(
        self, key: str, unless: Validators, *, version: str = "", max_bytes: int = 0
    ) -> tuple[ObjectInfo, bytes | None]:
        """Read an object whole unless S3 finds it unchanged."""
        try:
            return await self._read(key, self._object(key, version) | _conditions(unless), max_bytes)
        except _NotModified as answer:
            return _unchanged(key, unless, answer.headers), None

    async def put(self, key: str, data: bytes, *, media_type: str = "") -> ObjectInfo:
        """Store bytes under a key."""
        extra = {"ContentType": media_type} if media_type else {}
        answer = await self._s3.call("put_object", **self._object(key, ""), Body=data, **extra)
        return ObjectInfo(
            key=key,
            size=len(data),
            media_type=media_type,
            validators=Validators(etag=answer.get("ETag", "")),
            version=answer.get("VersionId", ""),
        )

    async def delete(self, key: str) -> None:
        """Remove an object; in a versioned bucket its older versions stay."""
        await self._s3.call("delete_object", **self._object(key, ""))

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        """Give the objects whose keys begin with `prefix`, without media types, which S3 does not list.

        The order is the server's: AWS' is that of the keys, SeaweedFS' that of its directories.
        """
        pages = (await self._s3.client()).get_paginator("list_objects_v2")
        with translated():
            async for page in pages.paginate(Bucket=self._name, Prefix=prefix):
                for one in page.get("Contents", ()):
                    yield _listed(one)

    async def ping(self) -> None:
        """Raise a `SourceError` unless the bucket is there; that it may not be looked at is an answer."""
        with _granted_or_not():
            await self._s3.call("head_bucket", Bucket=self._name)

    def _object(self, key: str, version: str) -> dict[str, Any]:
        named = {"Bucket": self._name, "Key": check_key(key)}
        return named | {"VersionId": version} if version else named

    async def _read(self, key: str, wanted: Mapping[str, Any], max_bytes: int) -> tuple[ObjectInfo, bytes]:
        answer = await self._s3.call("get_object", **wanted)
        body = answer["Body"]
        try:
            _check_version(answer, wanted.get("VersionId", ""))
            info = _info(key, answer)
            check_size(info.size, max_bytes)
            return info, await read_whole(_chunks(body, info.size), max_bytes)
        finally:
            body.close()


class _Body(Protocol):
    async def read(self, amt: int | None = None) -> bytes: ...


class _NotModified(SourceUnreachable):
    """S3 answered 304, with these headers; an odd answer to whoever did not ask for it."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(private="status 304")
        self.headers = headers


async def _chunks(body: _Body, announced: int) -> AsyncIterator[bytes]:
    read = 0
    while read <= announced:
        with _translated_body():
            chunk = await body.read(CHUNK_BYTES)
        if not chunk:
            break
        read += len(chunk)
        yield chunk
    if read != announced:
        raise SourceIncomplete(private=f"{read} of {announced} bytes")


def _info(key: str, answer: Mapping[str, Any]) -> ObjectInfo:
    modified = answer.get("LastModified")
    return ObjectInfo(
        key=key,
        size=_total(answer),
        media_type=answer.get("ContentType", ""),
        validators=Validators(
            etag=answer.get("ETag", ""), modified_at=modified.timestamp() if isinstance(modified, datetime) else None
        ),
        version=answer.get("VersionId", "") if answer.get("VersionId") != "null" else "",
        cache_control=answer.get("CacheControl", ""),
        expires_at=read_date(answer.get("ExpiresString", "")),
    )


def _check_version(answer: Mapping[str, Any], version: str) -> None:
    # Some who speak S3 give the newest, whatever version is asked for, where they keep none.
    if version and answer.get("VersionId") != version:
        raise SourceMissing("there is no such version")


def _total(answer: Mapping[str, Any]) -> int:
    whole = str(answer.get("ContentRange", "")).rpartition("/")[2]
    return int(whole) if whole.isascii() and whole.isdigit() else int(answer.get("ContentLength", 0))


def _listed(one: Mapping[str, Any]) -> ObjectInfo:
    return ObjectInfo(
        key=one["Key"],
        size=one["Size"],
        validators=Validators(etag=one.get("ETag", ""), modified_at=one["LastModified"].timestamp()),
    )


def _conditions(unless: Validators) -> dict[str, Any]:
    if unless.etag:
        return {"IfNoneMatch": unless.etag}
    if unless.modified_at is None:
        return {}
    return {"IfModifiedSince": datetime.fromtimestamp(int(unless.modified_at), UTC)}


def _unchanged(key: str, unless: Validators, headers: Mapping[str, str]) -> ObjectInfo:
    modified = read_date(headers.get("last-modified", ""))
    return ObjectInfo(
        key=key,
        size=0,
        validators=Validators(
            etag=headers.get("etag", unless.etag), modified_at=unless.modified_at if modified is None else modified
        ),
        cache_control=headers.get("cache-control", ""),
        expires_at=read_date(headers.get("expires", "")),
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turn what botocore raises into the errors of the `Store` port."""
    try:
        yield
    except ClientError as error:
        raise _refusal(error) from error
    except (ConnectTimeoutError, ReadTimeoutError, TimeoutError) as error:
        raise SourceTimeout(private=str(error)) from error
    except (IncompleteReadError, ResponseStreamingError) as error:
        raise SourceIncomplete(private=str(error)) from error
    except ParamValidationError as error:
        raise SourceMissing("there can be no such bucket or key", private=str(error)) from error
    except (BotoCoreError, BodyError, OSError, ValueError) as error:
        raise SourceNotReached(private=str(error)) from error


@contextmanager
def _translated_body() -> Iterator[None]:
    with translated():
        try:
            yield
        except BodyError as error:
            raise SourceIncomplete(private=str(error)) from error


@contextmanager
def _granted_or_not() -> Iterator[None]:
    try:
        yield
    except SourceMissing as error:
        if error.upstream_status not in (401, 403):
            raise


def _refusal(error: ClientError) -> SourceError:
    answer: Mapping[str, Any] = error.response
    metadata = answer.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode", 0))
    private = str(error)
    if status == 304:
        return _NotModified(metadata.get("HTTPHeaders", {}))
    if status >= 500:
        return SourceFailed(private=private)
    if status == 408 or answer.get("Error", {}).get("Code") == "RequestTimeout":
        return SourceTimeout(private=private)
    if status >= 400:
        return SourceMissing(upstream_status=status, private=private)
    return SourceUnreachable(private=private)
