"""glibc's allocator, told to give back what pictures took.

By default it keeps an arena for every thread, and after the first large buffers are freed it takes the next ones from
arenas as well, where the holes between long-lived objects stay. Another allocator in its place does not hear of this.
"""

from __future__ import annotations

import ctypes
import os

_MEGABYTE = 1024 * 1024

# mallopt(3): its parameter, and the variable by which an operator sets the same.
_CHOSEN = (
    (-8, 2, "MALLOC_ARENA_MAX"),
    (-3, 4 * _MEGABYTE, "MALLOC_MMAP_THRESHOLD_"),  # larger buffers are mapped, and gone when they are freed
    (-1, 4 * _MEGABYTE, "MALLOC_TRIM_THRESHOLD_"),  # so much free memory at an arena's end is given back
)


def set_up() -> None:
    """Set what no variable of the environment sets; where the C library is another than glibc, nothing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or "GLIBC_TUNABLES" in os.environ:
        return
    for parameter, value, variable in _CHOSEN:
        if variable not in os.environ:
            mallopt(parameter, value)
