"""A folder of results within bounds: what goes, what stays, and who does it."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import time
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgproxy_py.stores.local import LocalStore
from imgproxy_py.stores.sweeping import Bounds, Swept, sweep

HOUR = 3600


class Folder:
    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, name: str, size: int = 100, *, unused: float = 0.0, read: float | None = None) -> Path:
        key = sha256(name.encode()).hexdigest()
        path = self.root / key[:2] / key[2:4] / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
        now = time.time()
        os.utime(path, (now - (unused if read is None else read), now - unused))
        return path


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_what_is_unused_for_too_long_goes(folder: Folder) -> None:
    old, young = folder.add("old", unused=3 * HOUR), folder.add("young", unused=HOUR)
    assert sweep(folder.root, Bounds(age=2 * HOUR)) == Swept(files=1, bytes=100, removed=1, removed_bytes=100)
    assert (old.exists(), young.exists()) == (False, True)


def test_what_was_read_lately_stays(folder: Folder) -> None:
    read = folder.add("read", unused=30 * HOUR, read=HOUR)
    assert sweep(folder.root, Bounds(age=2 * HOUR)) == Swept(files=1, bytes=100)
    assert read.exists()


def test_the_longest_unused_go_first_and_no_more_than_need_be(folder: Folder) -> None:
    paths = [folder.add(str(hours), unused=hours * HOUR) for hours in range(10)]
    assert sweep(folder.root, Bounds(bytes=450)) == Swept(files=4, bytes=400, removed=6, removed_bytes=600)
    assert [path.exists() for path in paths] == [True] * 4 + [False] * 6


def test_of_what_was_used_in_the_same_minute_no_more_goes_than_need_be(folder: Folder) -> None:
    for number in range(10):
        folder.add(str(number))
    assert sweep(folder.root, Bounds(bytes=850)) == Swept(files=8, bytes=800, removed=2, removed_bytes=200)


def test_both_bounds_hold(folder: Folder) -> None:
    for hours in range(10):
        folder.add(str(hours), unused=hours * HOUR)
    assert sweep(folder.root, Bounds(bytes=200, age=4.5 * HOUR)) == Swept(
        files=2, bytes=200, removed=8, removed_bytes=800
    )


def test_without_bounds_everything_stays(folder: Folder) -> None:
    folder.add("old", unused=10**6)
    assert sweep(folder.root, Bounds()) == Swept(files=1, bytes=100)


def test_what_is_no_result_is_left_alone(folder: Folder) -> None:
    strangers = [folder.root / "photo.jpg", folder.root / "ab" / "notes.txt", folder.root / "ab" / "cd" / ("e" * 63)]
    for path in strangers:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"mine")
        os.utime(path, (0, 0))
    outside = folder.root.parent / f"{folder.root.name}-outside"
    (outside / "cd").mkdir(parents=True)
    (target := outside / "cd" / ("0" * 64)).write_bytes(b"not ours")
    os.utime(target, (0, 0))
    (folder.root / "0f").symlink_to(outside)
    (folder.root / "ab" / "cd" / ("1" * 64)).symlink_to(target)
    sweep(folder.root, Bounds(bytes=1, age=1))
    assert all(path.exists() for path in (*strangers, target))


def test_what_was_never_finished_goes_when_nobody_can_be_at_it(folder: Folder) -> None:
    place = folder.add("a").parent
    old, young = place / ".unfinished-1", place / ".unfinished-2"
    old.write_bytes(b"x")
    young.write_bytes(b"x")
    os.utime(old, (0, 0))
    sweep(folder.root, Bounds(bytes=10**6))
    assert (old.exists(), young.exists()) == (False, True)


async def test_a_store_reads_what_is_left_and_misses_nothing_else(folder: Folder) -> None:
    async with LocalStore(folder.root) as store:
        key = sha256(b"a").hexdigest()
        await store.put(f"{key[:2]}/{key[2:4]}/{key}", b"data")
        assert sweep(folder.root, Bounds(bytes=4, age=60)) == Swept(files=1, bytes=4)
        assert (await store.get(f"{key[:2]}/{key[2:4]}/{key}"))[1] == b"data"
        assert sweep(folder.root, Bounds(bytes=3)) == Swept(removed=1, removed_bytes=4)


def test_one_sweeps_at_a_time(folder: Folder) -> None:
    folder.add("old", unused=10**6)
    with (folder.root / ".sweeping").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert sweep(folder.root, Bounds(age=1)) is None
    assert sweep(folder.root, Bounds(age=1)) == Swept(removed=1, removed_bytes=100)


def test_one_sweep_is_enough_for_a_while(folder: Folder) -> None:
    assert sweep(folder.root, Bounds(age=1), every=60) == Swept()
    assert sweep(folder.root, Bounds(age=1), every=60) is None
    os.utime(folder.root / ".sweeping", (0, time.time() - 61))
    assert sweep(folder.root, Bounds(age=1), every=60) == Swept()
    os.utime(folder.root / ".sweeping", (0, time.time() + 10**6))  # the clock was set back since
    assert sweep(folder.root, Bounds(age=1), every=60) == Swept()


def test_of_several_processes_one_sweeps(folder: Folder) -> None:
    for number in range(200):
        folder.add(str(number), unused=10**6)
    with multiprocessing.get_context("spawn").Pool(4) as processes:
        done = processes.starmap(_sweep_for_long, [(folder.root,)] * 8)
    assert [one.removed for one in done if one is not None] == [200]


def _sweep_for_long(root: Path) -> Swept | None:
    return sweep(root, Bounds(age=1), every=3600)


def test_it_stops_when_told(folder: Folder) -> None:
    for number in range(20):
        folder.add(str(number), unused=10**6)
    answers = iter([False] * 3 + [True] * 100)
    swept = sweep(folder.root, Bounds(age=1), stopped=lambda: next(answers))
    assert swept is not None
    assert 0 < swept.removed < 20


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        sweep(tmp_path / "nowhere", Bounds(age=1))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 20)), max_size=12, unique_by=lambda one: one[1]),
    st.integers(1, 2000),
    st.integers(0, 20),
)
def test_the_bounds_hold_whatever_is_there(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[int, int]], most: int, hours: int
) -> None:
    folder = Folder(tmp_path_factory.mktemp("results"))
    paths = {unused: folder.add(str(unused), size, unused=unused * HOUR + 60) for size, unused in files}
    swept = sweep(folder.root, Bounds(bytes=most, age=hours * HOUR))
    assert swept is not None
    left = {unused for unused, path in paths.items() if path.exists()}
    sizes = {unused: size for size, unused in files}
    assert swept.bytes == sum(sizes[unused] for unused in left) <= most
    assert swept.files == len(left)
    assert swept.removed == len(files) - len(left)
    young = {unused for unused in paths if not hours or unused * HOUR + 60 <= hours * HOUR}
    assert left <= young
    if left != young:  # something went for room: nothing younger than what stays, and not more than need be
        gone = young - left
        assert max(left, default=-1) < min(gone)
        assert swept.bytes + sizes[min(gone)] > most
