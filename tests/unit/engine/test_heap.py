"""What is freed goes back to the system."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

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


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    heap.set_up()
