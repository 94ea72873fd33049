"""To run without Linux' capabilities, as containers do."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

_VERSION_3 = 0x20080522  # linux/capability.h


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Set(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextmanager
def without_capabilities() -> Iterator[None]:
    """Take this thread's capabilities away until the end of the block."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(_VERSION_3, 0), (_Set * 2)()

    def call(name: str) -> None:
        if getattr(libc, name)(ctypes.byref(header), ctypes.byref(sets)):
            raise OSError(ctypes.get_errno(), name)

    call("capget")
    had = [one.effective for one in sets]
    try:
        for one in sets:
            one.effective = 0
        call("capset")
        yield
    finally:
        for one, effective in zip(sets, had, strict=True):
            one.effective = effective
        call("capset")


def dropping() -> list[str]:
    """The beginning of a command that runs the rest of it without capabilities: nothing where we have none."""
    if os.geteuid():
        return []
    setpriv = shutil.which("setpriv")
    assert setpriv, "setpriv, of util-linux, is not there"
    return [setpriv, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
