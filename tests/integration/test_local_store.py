"""The local store against links, races and odd files."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imgproxy_py.errors import SourceForbidden, SourceIncomplete, SourceMissing, SourceUnreachable
from imgproxy_py.stores.local import LocalStore
from imgproxy_py.stores.port import CHUNK_BYTES, ByteRange


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
async def store(root: Path) -> AsyncIterator[LocalStore]:
    async with LocalStore(root) as opened:
        yield opened


@pytest.mark.parametrize("target", ["../secret.png", "{outside}/secret.png", "/etc/passwd", "/proc/self/environ"])
async def test_a_link_out_of_the_root_is_refused(store: LocalStore, root: Path, target: str) -> None:
    (root / "link.png").symlink_to(target.replace("{outside}", str(root.parent)))
    with pytest.raises(SourceForbidden):
        await store.get("link.png")
    with pytest.raises(SourceForbidden):
        await store.stat("link.png")


async def test_a_linked_directory_out_of_the_root_is_refused(store: LocalStore, root: Path) -> None:
    (root / "up").symlink_to("..")
    (root / "self").symlink_to("../root")
    (root / "a.png").write_bytes(b"a")
    for key in ("up/secret.png", "self/up/secret.png"):
        with pytest.raises(SourceForbidden):
            await store.get(key)
        with pytest.raises(SourceForbidden):
            await store.put(key, b"x")
        with pytest.raises(SourceForbidden):
            await store.delete(key)
    assert (root.parent / "secret.png").read_bytes() == b"secret"
    with pytest.raises(SourceForbidden):
        await store.put("up/made/here.png", b"x")
    assert not (root.parent / "made").exists()


async def test_a_sibling_whose_name_begins_alike_is_outside(store: LocalStore, root: Path) -> None:
    sibling = root.with_name("root-of-others")
    sibling.mkdir()
    (sibling / "a.png").write_bytes(b"a")
    (root / "link").symlink_to(sibling)
    with pytest.raises(SourceForbidden):
        await store.get("link/a.png")


async def test_a_link_within_the_root_is_followed(store: LocalStore, root: Path) -> None:
    (root / "data").mkdir()
    (root / "data/a.png").write_bytes(b"a")
    (root / "current").symlink_to("data")
    assert (await store.get("current/a.png"))[1] == b"a"
    await store.put("current/b.png", b"b")
    assert (root / "data/b.png").read_bytes() == b"b"


async def test_a_root_that_is_a_link_is_followed(root: Path, tmp_path: Path) -> None:
    (root / "a.png").write_bytes(b"a")
    (tmp_path / "alias").symlink_to(root)
    async with LocalStore(tmp_path / "alias") as store:
        assert (await store.get("a.png"))[1] == b"a"


async def test_a_loop_of_links_is_missing(store: LocalStore, root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(SourceMissing):
        await store.get("a")


async def test_links_swapped_meanwhile_never_lead_out(store: LocalStore, root: Path) -> None:
    (root / "good.png").write_bytes(b"good")
    link, made = root / "link.png", root / "made"
    stop = threading.Event()

    def swap() -> None:
        targets = ["good.png", "../secret.png"]
        while not stop.is_set():
            targets.reverse()
            made.symlink_to(targets[0])
            made.replace(link)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        seen = [await _content(store, "link.png") for _ in range(1500)]
    finally:
        stop.set()
        swapper.join()
    assert {b"good", None} >= set(seen)
    assert b"good" in seen


async def _content(store: LocalStore, key: str) -> bytes | None:
    try:
        return (await store.get(key))[1]
    except (SourceForbidden, SourceMissing):
        return None


async def test_only_regular_files_are_objects(store: LocalStore, root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "dir").mkdir()
    for key in ("pipe", "dir"):
        with pytest.raises(SourceMissing):
            await asyncio.wait_for(store.get(key), 2)
    assert [info.key async for info in store.list()] == []


async def test_an_object_that_vanishes_while_read_is_read_to_its_end(store: LocalStore, root: Path) -> None:
    data = b"x" * (3 * CHUNK_BYTES)
    (root / "a.png").write_bytes(data)
    async with store.open("a.png") as opened:
        first = await anext(opened.chunks)
        await store.delete("a.png")
        assert first + b"".join([chunk async for chunk in opened.chunks]) == data


async def test_an_object_that_is_replaced_while_read_is_not_mixed(store: LocalStore) -> None:
    await store.put("a.png", b"a" * (3 * CHUNK_BYTES))
    async with store.open("a.png") as opened:
        first = await anext(opened.chunks)
        await store.put("a.png", b"b" * (3 * CHUNK_BYTES))
        assert set(first + b"".join([chunk async for chunk in opened.chunks])) == set(b"a")


async def test_an_object_that_is_cut_while_read_is_incomplete(store: LocalStore, root: Path) -> None:
    (root / "a.png").write_bytes(b"x" * (3 * CHUNK_BYTES))
    async with store.open("a.png") as opened:
        await anext(opened.chunks)
        os.truncate(root / "a.png", 10)
        with pytest.raises(SourceIncomplete):
            await anext(opened.chunks)


async def test_an_object_that_grows_is_read_as_announced(store: LocalStore, root: Path) -> None:
    (root / "a.png").write_bytes(b"a" * 10)
    async with store.open("a.png") as opened:
        with (root / "a.png").open("ab") as file:
            file.write(b"b" * 10)
        assert b"".join([chunk async for chunk in opened.chunks]) == b"a" * 10


async def test_readers_see_the_old_or_the_new(store: LocalStore) -> None:
    old, new = b"o" * 300_000, b"n" * 200_000
    await store.put("a.png", old)

    async def read() -> set[bytes]:
        return {(await store.get("a.png"))[1] for _ in range(40)}

    async def write() -> None:
        for _ in range(10):
            await store.put("a.png", new)
            await store.put("a.png", old)

    seen, _ = await asyncio.gather(read(), write())
    assert seen <= {old, new}


async def test_an_unfinished_put_leaves_nothing(store: LocalStore, root: Path) -> None:
    (root / "taken.png").mkdir()
    with pytest.raises(SourceMissing):
        await store.put("taken.png", b"x")
    assert _names(root) == ["taken.png"]


async def test_unfinished_files_and_foreign_names_are_not_listed(store: LocalStore, root: Path) -> None:
    (root / ".unfinished-1").write_bytes(b"x")
    (root / "back\\slash.png").write_bytes(b"x")
    (root / os.fsdecode(b"\xff.png")).write_bytes(b"x")
    (root / "a.png").write_bytes(b"x")
    assert [info.key async for info in store.list()] == ["a.png"]


async def test_a_caller_who_leaves_leaks_no_descriptor(store: LocalStore, root: Path) -> None:
    (root / "a.png").write_bytes(b"x" * 1000)

    async def read() -> None:
        async with store.open("a.png", byte_range=ByteRange(first=0, last=9)) as opened:
            await anext(opened.chunks)

    before = _descriptors()
    for pause in range(200):
        reading = asyncio.create_task(read())
        await asyncio.sleep(pause / 1_000_000)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    await store.stat("a.png")
    await asyncio.sleep(0.05)
    assert _descriptors() <= before


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_missing_root_is_told(tmp_path: Path) -> None:
    async with LocalStore(tmp_path / "none") as store:
        with pytest.raises(SourceMissing):
            await store.ping()
        with pytest.raises(SourceMissing):
            await store.get("a.png")
        assert [info async for info in store.list()] == []


async def test_a_closed_store_is_unreachable(root: Path) -> None:
    with pytest.raises(SourceUnreachable):
        await LocalStore(root).get("a.png")


async def test_the_root_of_all_is_a_root(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"a")
    async with LocalStore(Path("/")) as store:
        assert (await store.get(f"{tmp_path}/a.png".lstrip("/")))[1] == b"a"


def _names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]
