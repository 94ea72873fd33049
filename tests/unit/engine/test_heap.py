"""What is freed goes back to the system."""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from imgproxy_py.engine import heap

# Blocks are taken and freed while a small one above them stays, as in a server that has long-lived objects.
_WORK = """
import ctypes, threading
from pathlib import Path
from imgproxy_py.engine import heap

if {chosen}:
    heap.set_up()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
size = 20 * 1024 * 1024
libc.free(libc.malloc(size + 4096))  # after which glibc takes blocks of that size for usual
blocks = [libc.malloc(size) for _ in range(10)]
for block in blocks:
    ctypes.memset(block, 1, size)
above = libc.malloc(100_000)
for block in blocks:
    libc.free(block)
pages = int(Path("/proc/self/statm").read_text().split()[1])
print(pages * 4096)
"""


def resident(*, chosen: bool, **environment: str) -> int:
    """The bytes that a process holds after it has freed 200 MB."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "LD_PRELOAD"))}
    done = subprocess.run(
        [sys.executable, "-c", _WORK.format(chosen=chosen)],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="the C library is not glibc")
def test_large_buffers_are_given_back_although_something_lies_above_them() -> None:
    kept = 100 * 1024 * 1024
    assert resident(chosen=False) > kept
    assert resident(chosen=True) < kept


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="the C library is not glibc")
def test_what_the_environment_sets_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[int, int]] = []

    class Library:
        def mallopt(self, parameter: int, value: int) -> None:
            said.append((parameter, value))

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Library())
    for variable in ("GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MALLOC_ARENA_MAX", "8")
    heap.set_up()
    assert [parameter for parameter, _ in said] == [-3, -1]
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=4")
    heap.set_up()
    assert len(said) == 2
    monkeypatch.setenv("GLIBC_TUNABLES", heap.HUGE_PAGES)
    heap.set_up()
    assert len(said) == 4


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    heap.set_up()


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="the system has no huge pages")
@pytest.mark.parametrize(
    ("megabytes", "before", "asked"), [(8, 1, True), (8, 100, True), (8, 4096, True), (3, 1, False)]
)
def test_huge_pages_are_asked_for_within_a_large_buffer(megabytes: int, before: int, asked: bool) -> None:
    length = megabytes * 1024 * 1024
    room = mmap.mmap(-1, length + 2 * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    start = ctypes.addressof(ctypes.c_char.from_buffer(room))
    heap.ask_for_huge_pages(start + before, length)
    advised = _advised(start, start + len(room))
    room.close()
    assert len(advised) == asked
    for first, last in advised:
        assert start + before <= first < start + before + mmap.PAGESIZE
        assert start + before + length - mmap.PAGESIZE < last <= start + before + length


def _advised(start: int, end: int) -> list[tuple[int, int]]:
    """The ranges between two addresses for which huge pages were asked (proc(5): `hg`)."""
    found, here = [], (0, 0)
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if match := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            here = (int(match[1], 16), int(match[2], 16))
        elif line.startswith("VmFlags:") and " hg" in line and start <= here[0] and here[1] <= end:
            found.append(here)
    return found


def test_a_system_without_huge_pages_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_advise", lambda: None)
    heap.ask_for_huge_pages(0, 2**30)
