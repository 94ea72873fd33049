"""Baseline JPEGs at an eighth of their size, by our own decoder (`engine/native/jpeg_eighth.c`).

A decoder goes through all of a file, and at an eighth most of what it decodes does not show. Ours only finds out where the
blocks end; the pixels are libjpeg-turbo's, and what is not plain is left to that.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Mapping
from functools import cache
from typing import Any

import pyvips

from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.libvips import address_of_pixels, blank_like, size_of
from imgproxy_py.engine.native import library
from imgproxy_py.recipe.jpeg_baseline import QUANTIZERS, TABLES, Baseline, Component, baseline

# `struct jpeg` of jpeg_eighth.h, part after part.
_FRAME, _COMPONENT, _TABLE_BYTES, _MOST_COMPONENTS = "=4i", f"=4i{QUANTIZERS}s", 16 + 256, 3
_DONE = 0


class _Pixels(ctypes.Structure):
    """`struct jpeg_pixels`."""

    _fields_ = (
        ("first", ctypes.c_void_p),
        ("stride", ctypes.c_size_t),
        ("columns", ctypes.c_int32),
        ("lines", ctypes.c_int32),
    )


@cache
def _decoder() -> Any:
    compiled = library()
    if compiled is None:
        return None
    function = compiled.imgproxy_jpeg_eighth
    function.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t, _Pixels, ctypes.POINTER(ctypes.c_int32)]
    function.restype = ctypes.c_int
    return function


def decoded(image: pyvips.Image, data: bytes, interrupt: Interrupt) -> pyvips.Image | None:
    """Give an image that libvips has opened at an eighth of its size, with all its pixels in memory.

    `None` if libvips or libjpeg-turbo has to decode it: there is no compiled part, or the file is damaged or not plain.
    Raises `DeadlineExceeded` if the work is to stop, which is looked at with each row of blocks.
    """
    frame = baseline(data) if _decoder() else None
    if frame is None or len(frame.components) != image.bands or image.format != "uchar":
        return None
    made, stop = blank_like(image), ctypes.c_int32(0)
    with interrupt.stopping(lambda: _raise(stop)):
        outcome = _decoder()(_packed(frame), _address(data) + frame.scan, len(data) - frame.scan, _place(made), stop)
    interrupt.check()
    return made if outcome == _DONE else None


def _raise(flag: ctypes.c_int32) -> None:
    flag.value = 1


def _address(data: bytes) -> int:
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0


def _place(image: pyvips.Image) -> _Pixels:
    size = size_of(image)
    return _Pixels(address_of_pixels(image), size.width * image.bands, size.width, size.height)


def _packed(frame: Baseline) -> bytes:
    head = struct.pack(_FRAME, frame.width, frame.height, len(frame.components), frame.restart_interval)
    components = b"".join(map(_component, frame.components)).ljust(
        _MOST_COMPONENTS * struct.calcsize(_COMPONENT), b"\0"
    )
    return head + components + _tables(frame.dc) + _tables(frame.ac)


def _component(one: Component) -> bytes:
    return struct.pack(_COMPONENT, one.across, one.down, one.dc, one.ac, one.quantizers)


def _tables(tables: Mapping[int, bytes]) -> bytes:
    return b"".join(tables.get(number, b"").ljust(_TABLE_BYTES, b"\0") for number in range(TABLES))
