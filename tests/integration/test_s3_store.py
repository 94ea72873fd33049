"""S3 where it misbehaves: lies, silence, refusals; and what only S3 has: buckets and versions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from imgproxy_py.errors import (
    SourceFailed,
    SourceIncomplete,
    SourceMissing,
    SourceTimeout,
    SourceTooLarge,
    SourceUnreachable,
)
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.sources.settings import DownloadSettings
from imgproxy_py.sources.stored import Buckets, StoredSource
from imgproxy_py.stores.s3 import S3, S3Settings
from tests.buckets import make_bucket
from tests.servers import S3Server

pytestmark = pytest.mark.usefixtures("aws_credentials")

Talk = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def liar(talk: Talk | bytes, **changed: Any) -> AsyncIterator[S3]:
    """Give a connection to an S3 that says exactly what it is told to."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if isinstance(talk, bytes):
                writer.write(talk)
            else:
                await talk(writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    options = {"s3_max_attempts": 1, "s3_read_timeout": 0.3} | changed
    try:
        async with S3(S3Settings(s3_endpoint=f"http://127.0.0.1:{port}", **options)) as s3:
            yield s3
    finally:
        server.close()


def head(length: str, status: str = "200 OK") -> bytes:
    return f'HTTP/1.1 {status}\r\nETag: "1"\r\n{length}\r\nConnection: close\r\n\r\n'.encode()


async def test_a_body_shorter_than_announced_is_incomplete() -> None:
    async with liar(head("Content-Length: 100") + b"x" * 50) as s3:
        with pytest.raises(SourceIncomplete):
            await s3.bucket("b").get("a.png")


async def test_a_chunked_body_that_breaks_off_is_incomplete() -> None:
    async with liar(head("Transfer-Encoding: chunked") + b"5\r\n12345\r\n") as s3:
        with pytest.raises(SourceIncomplete):
            await s3.bucket("b").get("a.png")


async def test_a_body_that_announces_nothing_is_judged_while_read() -> None:
    chunk = b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"
    async with liar(head("Transfer-Encoding: chunked") + chunk * 50 + b"0\r\n\r\n") as s3:
        with pytest.raises((SourceTooLarge, SourceIncomplete)):
            await s3.bucket("b").get("a.png", max_bytes=1000)


async def test_a_large_object_is_refused_before_it_is_read() -> None:
    async with liar(head("Content-Length: 1000000000")) as s3:
        with pytest.raises(SourceTooLarge):
            await s3.bucket("b").get("a.png", max_bytes=1000)


async def _silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


async def _stall(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Content-Length: 100") + b"x")
    await writer.drain()
    await asyncio.sleep(5)


@pytest.mark.parametrize("talk", [_silence, _stall])
async def test_silence_times_out(talk: Talk) -> None:
    async with liar(talk) as s3:
        with pytest.raises(SourceTimeout):
            await s3.bucket("b").get("a.png")


async def test_the_download_timeout_bounds_the_whole() -> None:
    async with liar(_stall, s3_read_timeout=4.0) as s3:
        source = StoredSource(Buckets(s3), DownloadSettings(download_timeout=0.3))
        with pytest.raises(SourceTimeout):
            await source.fetch(SourceRef(scheme="s3", location="b/a.png"))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("304 Not Modified", SourceUnreachable),
        ("403 Forbidden", SourceMissing),
        ("404 Not Found", SourceMissing),
        ("400 Bad Request", SourceMissing),
        ("500 Oops", SourceFailed),
        ("503 Slow Down", SourceFailed),
    ],
)
async def test_refusals_are_translated(status: str, error: type[Exception]) -> None:
    async with liar(head("Content-Length: 0", status)) as s3:
        with pytest.raises(error) as caught:
            await s3.bucket("b").get("a.png")
    if status[0] == "4":
        assert getattr(caught.value, "upstream_status", None) == int(status[:3])


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH\r\n\r\n", head("Content-Length: x")])
async def test_nonsense_is_unreachable(said: bytes) -> None:
    async with liar(said) as s3:
        with pytest.raises(SourceUnreachable):
            await s3.bucket("b").get("a.png")


async def test_nobody_listening_is_unreachable() -> None:
    async with S3(S3Settings(s3_endpoint="http://127.0.0.1:1", s3_max_attempts=1)) as s3:
        with pytest.raises(SourceUnreachable):
            await s3.bucket("b").get("a.png")
        with pytest.raises(SourceUnreachable):
            await s3.ping()
        with pytest.raises(SourceUnreachable):
            await anext(s3.bucket("b").list())


async def test_a_bucket_name_that_is_none_is_missing(moto_server: S3Server) -> None:
    async with S3(S3Settings(s3_endpoint=moto_server.url)) as s3:
        for name in ("no such name", "", "none-of-ours"):
            with pytest.raises(SourceMissing):
                await s3.bucket(name).get("a.png")


async def test_missing_credentials_stop_the_request_and_not_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    async with S3(S3Settings()) as s3:
        for _ in range(2):
            with pytest.raises(SourceUnreachable) as caught:
                await s3.bucket("b").get("a.png")
            assert caught.value.private == "no AWS credentials"


@pytest.mark.parametrize(
    ("allowed", "denied", "refused"),
    [((), (), set()), (("a",), (), {"b", "c"}), ((), ("a",), {"a"}), (("a", "b"), ("a",), {"c"})],
)
def test_buckets_are_allowed_or_denied(allowed: tuple[str, ...], denied: tuple[str, ...], refused: set[str]) -> None:
    s3 = S3(S3Settings(s3_allowed_buckets=allowed, s3_denied_buckets=denied))
    for name in ("a", "b", "c"):
        if name in refused:
            with pytest.raises(SourceUnreachable):
                s3.bucket(name)
        else:
            s3.bucket(name)


async def test_versions_are_read(moto_server: S3Server) -> None:
    async with S3(S3Settings(s3_endpoint=moto_server.url)) as s3:
        await make_bucket(s3, "versions")
        await s3.call("put_bucket_versioning", Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
        bucket = s3.bucket("versions")
        old, new = await bucket.put("a.png", b"old"), await bucket.put("a.png", b"new")
        assert old.version
        assert (await bucket.get("a.png"))[1] == b"new"
        assert (await bucket.get("a.png", version=old.version))[1] == b"old"
        assert (await bucket.stat("a.png", version=new.version)).version == new.version
        source = StoredSource(Buckets(s3), DownloadSettings(download_timeout=60))
        found = await source.fetch(SourceRef(scheme="s3", location="versions/a.png", version=old.version))
        assert getattr(found, "data", None) == b"old"


async def test_what_was_stored_with_an_object_is_told(moto_server: S3Server) -> None:
    async with S3(S3Settings(s3_endpoint=moto_server.url)) as s3:
        await make_bucket(s3, "headers")
        await s3.call(
            "put_object", Bucket="headers", Key="a.png", Body=b"x", CacheControl="max-age=9", ContentType="image/x"
        )
        info = await s3.bucket("headers").stat("a.png")
    assert (info.cache_control, info.media_type) == ("max-age=9", "image/x")


async def test_many_at_once_share_the_pool(weed_server: S3Server) -> None:
    async with S3(S3Settings(s3_endpoint=weed_server.url, s3_max_connections=4)) as s3:
        await make_bucket(s3, "many")
        bucket = s3.bucket("many")
        await asyncio.gather(*(bucket.put(f"{number}.png", b"%d" % number) for number in range(40)))
        found = await asyncio.gather(*(bucket.get(f"{number}.png") for number in range(40)))
        assert [data for _, data in found] == [b"%d" % number for number in range(40)]
        await s3.ping()
