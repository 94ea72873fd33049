"""The store of results that is out of order, in one way or another, and its folder within bounds."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from imgproxy_py.caches.stored import ResultStoreSettings, StoredCache
from imgproxy_py.caches.sweeper import Sweeper
from imgproxy_py.errors import SourceFailed
from imgproxy_py.stores.local import LocalStore
from imgproxy_py.stores.memory import MemoryStore
from imgproxy_py.stores.port import ObjectInfo
from tests.factories import make_picture
from tests.fakes import until

KEY = "ab" * 32


class Full(MemoryStore):
    """A store on a disk that is full, when it is."""

    full = False
    asked = 0

    async def put(self, key: str, data: bytes, *, media_type: str = "") -> ObjectInfo:
        self.asked += 1
        if self.full:
            raise SourceFailed(private="No space left on device")
        return await super().put(key, data, media_type=media_type)


async def test_from_a_full_disk_pictures_are_read_as_ever() -> None:
    store = Full()
    cache = StoredCache(store, ResultStoreSettings())
    await cache.put(KEY, make_picture())
    store.full = True
    with capture_logs() as logs:
        for _ in range(10):
            await cache.put("cd" * 32, make_picture())
            assert await cache.get(KEY) == make_picture()
            assert await cache.get("cd" * 32) is None
    assert [(one["event"], one["work"], one["detail"]) for one in logs] == [
        ("result_store_lost", "writing", "No space left on device")
    ]
    assert (store.asked, cache.stats.errors, cache.stats.hits) == (4, 10, 10)
    store.full = False
    cache._writing._opened_until = 0.0  # its pause is over
    with capture_logs() as logs:
        await cache.put("cd" * 32, make_picture())
    assert [(one["event"], one["work"]) for one in logs] == [("result_store_returned", "writing")]
    assert await cache.get("cd" * 32) == make_picture()


async def test_what_is_over_is_found_for_as_long_as_stale_pictures_count() -> None:
    now = 1000.0
    settings = ResultStoreSettings(result_store_expiration_seconds=60)
    cache = StoredCache(MemoryStore(clock=lambda: now), settings, beyond=30, clock=lambda: now)
    await cache.put(KEY, make_picture())
    now += 89
    assert await cache.get(KEY) is not None
    now += 1
    assert await cache.get(KEY) is None


@pytest.mark.parametrize("bound", ["result_store_max_bytes", "result_store_max_age"])
def test_bounds_are_refused_for_s3(bound: str) -> None:
    given: dict[str, Any] = {"result_store": "s3://bucket", bound: "1"}
    with pytest.raises(ValidationError, match="lifecycle rules"):
        ResultStoreSettings(**given)
    assert ResultStoreSettings(**given | {"result_store": "local:///results"})


def settings_of(**given: Any) -> ResultStoreSettings:
    return ResultStoreSettings(result_store="local:///results", **given)


async def stored(root: Path, key: str) -> Path:
    async with LocalStore(root) as store:
        await StoredCache(store, settings_of()).put(key, make_picture())
    path = root / key[:2] / key[2:4] / key
    os.utime(path, (0, time.time() - 1000))
    return path


async def test_a_folder_is_swept_at_the_start_and_at_every_interval(tmp_path: Path) -> None:
    first = await stored(tmp_path, KEY)
    with capture_logs() as logs:
        async with Sweeper(tmp_path, settings_of(result_store_max_age=500, result_store_sweep_interval=0.05)):
            await until(lambda: not first.exists())
            second = await stored(tmp_path, "cd" * 32)
            await until(lambda: not second.exists())
    assert {one["event"] for one in logs} == {"results_swept"}
    assert sum(one["removed"] for one in logs) >= 1


async def test_without_bounds_nothing_is_swept(tmp_path: Path) -> None:
    path = await stored(tmp_path, KEY)
    async with Sweeper(tmp_path, settings_of()) as sweeper:
        assert sweeper._task is None
    assert path.exists()
    assert not (tmp_path / ".sweeping").exists()


async def test_a_folder_that_cannot_be_swept_is_a_warning_and_is_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    with capture_logs() as logs:
        async with Sweeper(folder, settings_of(result_store_max_age=500, result_store_sweep_interval=0.05)):
            await until(lambda: logs)
            folder.mkdir()
            path = await stored(folder, KEY)
            await until(lambda: not path.exists())
    assert {one["event"] for one in logs} >= {"sweep_failed"}
