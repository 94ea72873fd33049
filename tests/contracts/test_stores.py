"""What every store keeps, whichever it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from obstore.store import MemoryStore as ObstoreMemory
from pydantic import SecretStr

from imgproxy_py.errors import SourceForbidden, SourceMissing, SourceTooLarge
from imgproxy_py.recipe.picture import Validators
from imgproxy_py.stores.cloud import CloudBucket, azure
from imgproxy_py.stores.cloud_settings import AbsSettings
from imgproxy_py.stores.local import LocalStore
from imgproxy_py.stores.memory import MemoryStore
from imgproxy_py.stores.port import CHUNK_BYTES, ByteRange, Store
from imgproxy_py.stores.s3 import S3, S3Settings
from tests.buckets import make_bucket
from tests.servers import AZURITE, AZURITE_ACCOUNT, AZURITE_KEY, AzureServer

DATA = bytes(range(256)) * 40
BUCKET = "contract"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def connections() -> AsyncIterator[_Connections]:
    """One connection to each server, since making one reads megabytes of AWS' definitions."""
    async with AsyncExitStack() as opening:
        yield (kept := _Connections(opening))
        kept.clear()


class _Connections(dict[str, S3]):
    def __init__(self, opening: AsyncExitStack) -> None:
        super().__init__()
        self._opening = opening

    async def bucket(self, url: str) -> Store:
        if url not in self:
            self[url] = await self._opening.enter_async_context(S3(S3Settings(s3_endpoint=url)))
            await make_bucket(self[url], BUCKET)
        return await _emptied(self[url].bucket(BUCKET))


async def _emptied(store: Store) -> Store:
    for key in [info.key async for info in store.list()]:
        await store.delete(key)
    return store


def azure_container(server: AzureServer) -> Store:
    settings = AbsSettings(abs_name=AZURITE_ACCOUNT, abs_key=SecretStr(AZURITE_KEY), abs_endpoint=server.url)
    return azure(settings).bucket(server.container)


EVERY = ["memory", "local", "obstore", "moto", "weed", *(["azurite"] if AZURITE.exists() else [])]


@pytest_asyncio.fixture(params=EVERY, loop_scope="module")
async def store(request: Any, tmp_path: Path, aws_credentials: None, connections: _Connections) -> AsyncIterator[Store]:
    match request.param:
        case "memory":
            yield MemoryStore()
        case "obstore":
            yield CloudBucket(ObstoreMemory())
        case "azurite":
            yield await _emptied(azure_container(request.getfixturevalue("azure_server")))
        case "local":
            async with LocalStore(tmp_path) as local:
                yield local
        case name:
            yield await connections.bucket(request.getfixturevalue(f"{name}_server").url)


async def read(store: Store, key: str, byte_range: ByteRange | None = None) -> bytes:
    async with store.open(key, byte_range=byte_range) as opened:
        return b"".join([chunk async for chunk in opened.chunks])


async def test_what_is_put_is_what_is_read(store: Store) -> None:
    put = await store.put("a/b.png", DATA, media_type="image/png")
    info, data = await store.get("a/b.png")
    assert data == DATA == await read(store, "a/b.png")
    assert (info.key, info.size, info.media_type) == ("a/b.png", len(DATA), "image/png")
    assert info.validators.etag == put.validators.etag
    assert info.validators.etag.startswith('"')
    assert info.validators.etag.endswith('"')
    assert info.validators.modified_at is not None


async def test_stat_tells_what_get_tells(store: Store) -> None:
    await store.put("a.jpg", DATA, media_type="image/jpeg")
    info, _ = await store.get("a.jpg")
    assert await store.stat("a.jpg") == info


async def test_an_empty_object_is_an_object(store: Store) -> None:
    await store.put("empty.png", b"")
    assert (await store.get("empty.png"))[1] == b"" == await read(store, "empty.png")
    assert (await store.stat("empty.png")).size == 0


@pytest.mark.parametrize(
    "key", ["100%.png", "a%2Fb.png", "a#b.png", "a b/c d.png", "größe/图片.png", "a+b&c=d?e.png", "~!$'()*,;:@.png"]
)
async def test_keys_are_literal(store: Store, key: str) -> None:
    await store.put(key, key.encode())
    assert (await store.get(key))[1] == key.encode()
    assert (await store.stat(key)).key == key
    assert [info.key async for info in store.list()] == [key]


@pytest.mark.parametrize("key", ["../a.png", "a/../../b.png", "a/./b.png", "..", "a\0b.png", "a\\b.png", "\udce4.png"])
async def test_keys_that_are_not_permitted_are_refused(store: Store, key: str) -> None:
    with pytest.raises(SourceForbidden):
        await store.get(key)
    with pytest.raises(SourceForbidden):
        await store.stat(key)
    with pytest.raises(SourceForbidden):
        await store.put(key, DATA)
    with pytest.raises(SourceForbidden):
        await store.delete(key)
    with pytest.raises(SourceForbidden):
        await read(store, key)


@pytest.mark.parametrize("key", ["none.png", "", "/", "x" * 1025, "dir"])
async def test_what_is_not_there_is_missing(store: Store, key: str) -> None:
    await store.put("dir/file.png", DATA)
    with pytest.raises(SourceMissing):
        await store.get(key)
    with pytest.raises(SourceMissing):
        await store.stat(key)
    with pytest.raises(SourceMissing):
        await read(store, key)


async def test_a_version_that_is_not_there_is_missing(store: Store) -> None:
    await store.put("a.png", DATA)
    with pytest.raises(SourceMissing):
        await store.get("a.png", version="3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY")


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(0, 0, DATA[:1]), (10, 19, DATA[10:20]), (10, 10**9, DATA[10:]), (len(DATA) - 1, len(DATA), DATA[-1:])],
)
async def test_a_range_is_read(store: Store, first: int, last: int, expected: bytes) -> None:
    await store.put("a.png", DATA)
    async with store.open("a.png", byte_range=ByteRange(first=first, last=last)) as opened:
        assert b"".join([chunk async for chunk in opened.chunks]) == expected
        assert opened.byte_range == ByteRange(first=first, last=first + len(expected) - 1)
        assert opened.info.size == len(DATA)


async def test_a_range_beyond_the_end_is_missing(store: Store) -> None:
    await store.put("a.png", DATA)
    with pytest.raises(SourceMissing) as caught:
        await read(store, "a.png", ByteRange(first=len(DATA), last=len(DATA) + 5))
    assert caught.value.upstream_status == 416


async def test_large_objects_come_in_chunks(store: Store) -> None:
    data = bytes(range(256)) * (5 * CHUNK_BYTES // 512)
    await store.put("a.png", data)
    async with store.open("a.png") as opened:
        chunks = [chunk async for chunk in opened.chunks]
    assert b"".join(chunks) == data
    assert max(map(len, chunks)) <= CHUNK_BYTES


async def test_a_reader_may_leave_before_the_end(store: Store) -> None:
    await store.put("a.png", DATA * 200)
    async with store.open("a.png") as opened:
        await anext(opened.chunks)
    assert (await store.get("a.png"))[1] == DATA * 200


async def test_the_size_limit_holds(store: Store) -> None:
    await store.put("a.png", DATA)
    assert (await store.get("a.png", max_bytes=len(DATA)))[1] == DATA
    with pytest.raises(SourceTooLarge):
        await store.get("a.png", max_bytes=len(DATA) - 1)


async def test_what_is_unchanged_is_not_read_again(store: Store) -> None:
    await store.put("a.png", DATA)
    info, _ = await store.get("a.png")
    now = info.validators
    assert now.modified_at is not None
    assert (await store.get_changed("a.png", now))[1] is None
    assert (await store.get_changed("a.png", Validators(etag=now.etag)))[1] is None
    assert (await store.get_changed("a.png", Validators(modified_at=now.modified_at + 1)))[1] is None
    assert (await store.get_changed("a.png", Validators(etag='"other"', modified_at=now.modified_at)))[1] == DATA
    assert (await store.get_changed("a.png", Validators(modified_at=now.modified_at - 5)))[1] == DATA
    assert (await store.get_changed("a.png", Validators()))[1] == DATA


async def test_the_unchanged_keep_their_validators(store: Store) -> None:
    await store.put("a.png", DATA)
    info, _ = await store.get("a.png")
    again, _ = await store.get_changed("a.png", info.validators)
    assert again.validators.etag == info.validators.etag


async def test_other_bytes_have_another_etag(store: Store) -> None:
    before = await store.put("a.png", DATA)
    after = await store.put("a.png", DATA + b"x")
    assert before.validators.etag != after.validators.etag
    assert (await store.get("a.png"))[1] == DATA + b"x"


async def test_delete_removes_and_may_be_repeated(store: Store) -> None:
    await store.put("a/b.png", DATA)
    await store.delete("a/b.png")
    with pytest.raises(SourceMissing):
        await store.stat("a/b.png")
    await store.delete("a/b.png")
    await store.delete("never/was.png")


async def test_list_gives_what_begins_with_the_prefix_in_order(store: Store, request: pytest.FixtureRequest) -> None:
    if request.node.callspec.params["store"] == "weed":
        pytest.skip("SeaweedFS lists directory by directory: b/a before b-c")
    keys = ["a.png", "b-c.png", "b/a.png", "b/b/c.png", "b0.png", "ba.png"]
    for key in reversed(keys):
        await store.put(key, key.encode())
    assert [info.key async for info in store.list()] == keys
    assert [info.key async for info in store.list("b")] == keys[1:]
    assert [(info.key, info.size) async for info in store.list("b/")] == [("b/a.png", 7), ("b/b/c.png", 9)]
    assert [info.key async for info in store.list("c")] == []


async def test_list_gives_every_key_once(store: Store) -> None:
    keys = [f"d{number // 10}/{number:03}.png" for number in range(60)]
    for key in keys:
        await store.put(key, b"x")
    assert [info.key async for info in store.list("d")] == keys
    assert len([info async for info in store.list("d1")]) == 10


async def test_the_store_answers(store: Store) -> None:
    await store.ping()
