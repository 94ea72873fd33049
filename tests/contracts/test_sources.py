"""What every source keeps, whichever it is. The web server is aiohttp's own file handler, so it judges ranges and
conditions independently of our code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from imgproxy_py.errors import SourceMissing, SourceTooLarge
from imgproxy_py.recipe.picture import Original, Validators
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.sources.http import HttpSettings, HttpSource
from imgproxy_py.sources.port import NotModified, Source
from imgproxy_py.sources.router import SourceRouter
from imgproxy_py.sources.settings import DownloadSettings
from imgproxy_py.sources.stored import Buckets, OneStore, StoredSource
from imgproxy_py.stores.cloud import google
from imgproxy_py.stores.cloud_settings import GcsSettings
from imgproxy_py.stores.local import LocalStore
from imgproxy_py.stores.memory import MemoryStore
from imgproxy_py.stores.port import Store
from imgproxy_py.stores.s3 import S3, S3Settings
from tests.buckets import make_bucket
from tests.servers import GcsServer

DATA = bytes(range(256)) * 40
SETTINGS = DownloadSettings(download_timeout=60)


@dataclass(frozen=True)
class Origin:
    """A source, and how to put an original where it looks for it."""

    source: Source
    put: Callable[[str, bytes], Awaitable[SourceRef]]


@pytest.fixture(params=["http", "local", "memory", "s3", "gcs", "router"])
async def origin(request: Any, tmp_path: Path, aws_credentials: None) -> AsyncIterator[Origin]:
    async with AsyncExitStack() as opening:
        match request.param:
            case "http":
                yield await _http(tmp_path, opening)
            case "s3":
                yield await _s3(request.getfixturevalue("moto_server").url, opening)
            case "gcs":
                yield _gcs(request.getfixturevalue("gcs_server"))
            case "router":
                yield _stored(MemoryStore(), "local", route=True)
            case "memory":
                yield _stored(MemoryStore(), "local")
            case _:
                yield _stored(await opening.enter_async_context(LocalStore(tmp_path)), "local")


async def _http(directory: Path, opening: AsyncExitStack) -> Origin:
    app = web.Application()
    app.router.add_static("/", directory)
    server = TestServer(app)
    await server.start_server()
    opening.push_async_callback(server.close)
    source = await opening.enter_async_context(HttpSource(HttpSettings(allow_loopback_source_addresses=True)))

    async def put(name: str, data: bytes) -> SourceRef:
        (directory / name).write_bytes(data)
        return SourceRef(scheme="http", location=f"{server.host}:{server.port}/{name}")

    return Origin(source, put)


async def _s3(url: str, opening: AsyncExitStack) -> Origin:
    s3 = await opening.enter_async_context(S3(S3Settings(s3_endpoint=url)))
    await make_bucket(s3, "sources")

    async def put(name: str, data: bytes) -> SourceRef:
        await s3.bucket("sources").put(name, data, media_type="image/png")
        return SourceRef(scheme="s3", location=f"sources/{name}")

    return Origin(StoredSource(Buckets(s3), SETTINGS), put)


def _gcs(server: GcsServer) -> Origin:
    async def put(name: str, data: bytes) -> SourceRef:
        await asyncio.to_thread(server.put, name, data)
        return SourceRef(scheme="gs", location=f"{server.bucket}/{name}")

    return Origin(StoredSource(Buckets(google(GcsSettings(gcs_endpoint=server.url))), SETTINGS), put)


def _stored(store: Store, scheme: str, *, route: bool = False) -> Origin:
    stored = StoredSource(OneStore(store), SETTINGS)

    async def put(name: str, data: bytes) -> SourceRef:
        await store.put(name, data, media_type="image/png")
        return SourceRef(scheme=scheme, location=f"/{name}")

    return Origin(SourceRouter({scheme: stored}) if route else stored, put)


async def fetched(origin: Origin, ref: SourceRef, **options: Any) -> Original:
    found = await origin.source.fetch(ref, **options)
    assert isinstance(found, Original)
    return found


async def relayed(origin: Origin, ref: SourceRef, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
    asked = {name.replace("_", "-"): value for name, value in headers.items()}
    async with origin.source.raw(ref, asked) as answer:
        return answer.status, answer.headers, b"".join([chunk async for chunk in answer.chunks])


async def test_an_original_is_fetched_whole(origin: Origin) -> None:
    found = await fetched(origin, await origin.put("a.png", DATA))
    assert found.data == DATA
    assert found.media_type == "image/png"
    assert found.validators.etag
    assert found.validators.modified_at is not None


async def test_a_missing_original_is_missing(origin: Origin) -> None:
    ref = await origin.put("a.png", DATA)
    missing = SourceRef(scheme=ref.scheme, location=ref.location.replace("a.png", "none.png"))
    with pytest.raises(SourceMissing) as caught:
        await origin.source.fetch(missing)
    assert caught.value.upstream_status == 404
    with pytest.raises(SourceMissing):
        await origin.source.validators(missing)


async def test_the_size_limit_holds(origin: Origin) -> None:
    ref = await origin.put("a.png", DATA)
    assert (await fetched(origin, ref, max_bytes=len(DATA))).data == DATA
    with pytest.raises(SourceTooLarge):
        await origin.source.fetch(ref, max_bytes=len(DATA) - 1)


async def test_what_is_unchanged_is_not_fetched_again(origin: Origin) -> None:
    ref = await origin.put("a.png", DATA)
    known = (await fetched(origin, ref)).validators
    for unless in (known, Validators(etag=known.etag), Validators(modified_at=known.modified_at)):
        answer = await origin.source.fetch(ref, unless=unless)
        assert isinstance(answer, NotModified)
    assert (await fetched(origin, ref, unless=Validators(etag='"other"'))).data == DATA


async def test_validators_are_had_without_the_body(origin: Origin) -> None:
    ref = await origin.put("a.png", DATA)
    known = (await fetched(origin, ref)).validators
    assert await origin.source.validators(ref) == known


async def test_an_original_is_relayed(origin: Origin) -> None:
    status, headers, body = await relayed(origin, await origin.put("a.png", DATA))
    assert (status, body) == (200, DATA)
    assert headers["content-length"] == str(len(DATA))
    assert headers["content-type"] == "image/png"
    assert headers["accept-ranges"] == "bytes"
    assert headers["etag"]
    assert headers["last-modified"].endswith("GMT")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-9", 0, 9), ("bytes=10-", 10, 10239), ("bytes=-5", 10235, 10239), ("bytes=10-99999", 10, 10239)],
)
async def test_a_range_is_relayed(origin: Origin, asked: str, first: int, last: int) -> None:
    status, headers, body = await relayed(origin, await origin.put("a.png", DATA), range=asked)
    assert (status, body) == (206, DATA[first : last + 1])
    assert headers["content-range"] == f"bytes {first}-{last}/{len(DATA)}"
    assert headers["content-length"] == str(last - first + 1)


async def test_a_range_beyond_the_end_is_416(origin: Origin) -> None:
    status, headers, _ = await relayed(origin, await origin.put("a.png", DATA), range="bytes=10240-")
    assert status == 416
    assert headers["content-range"] == f"bytes */{len(DATA)}"


async def test_a_condition_that_holds_is_304(origin: Origin) -> None:
    ref = await origin.put("a.png", DATA)
    _, headers, _ = await relayed(origin, ref)
    assert (await relayed(origin, ref, if_none_match=headers["etag"]))[::2] == (304, b"")
    assert (await relayed(origin, ref, if_modified_since=headers["last-modified"]))[0] == 304
    assert (await relayed(origin, ref, if_none_match='"other"'))[::2] == (200, DATA)


async def test_a_range_of_another_state_is_the_whole(origin: Origin) -> None:
    ref = await origin.put("a.png", DATA)
    _, headers, _ = await relayed(origin, ref)
    old = "Sat, 01 Jan 2000 00:00:00 GMT"
    assert (await relayed(origin, ref, range="bytes=0-9", if_range=headers["last-modified"]))[0] == 206
    assert (await relayed(origin, ref, range="bytes=0-9", if_range=old))[::2] == (200, DATA)


async def test_the_source_answers(origin: Origin) -> None:
    await origin.source.ping()
