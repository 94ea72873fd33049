"""Baseline JPEGs at a quarter and an eighth of their size, by our own decoder (`engine/native/jpeg_scaled.c`).

A decoder goes through all of a file, and most of what it decodes does not show in so small a picture. At an eighth ours only
finds out where the blocks end, at a quarter it adds up what counts of them; the pixels are libjpeg-turbo's, and what is not
plain is left to that.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Mapping
from functools import cache
from typing import Any

import pyvips

from imgproxy_py.engine.codecs.jpeg import fits_in_memory
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.libvips import address_of_pixels, blank_like, kind_of, size_of
from imgproxy_py.engine.native import library
from imgproxy_py.recipe.jpeg_baseline import QUANTIZERS, TABLES, Baseline, Component, baseline

# `struct jpeg` of jpeg_scaled.h, part after part.
_FRAME, _COMPONENT, _TABLE_BYTES, _MOST_COMPONENTS = "=4i", f"=4i{QUANTIZERS}s", 16 + 256, 3
_DONE = 0

LEAST_BYTES = {4: 100_000, 8: 0}
"""From which size of a file on it pays, by how many times smaller the picture is to be; at other sizes it cannot be had."""


class _Pixels(ctypes.Structure):
    """`struct jpeg_pixels`."""

    _fields_ = (
        ("first", ctypes.c_void_p),
        ("stride", ctypes.c_size_t),
        ("columns", ctypes.c_int32),
        ("lines", ctypes.c_int32),
        ("denominator", ctypes.c_int32),
    )


@cache
def _decoder() -> Any:
    compiled = library()
    if compiled is None:
        return None
    function = compiled.imgproxy_jpeg_scaled
    function.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t, _Pixels, ctypes.POINTER(ctypes.c_int32)]
    function.restype = ctypes.c_int
    return function


def is_sooner(data: bytes, shrink: int) -> bool:
    """Tell whether a file is decoded sooner by this than by libjpeg-turbo, if at all."""
    return shrink in LEAST_BYTES and len(data) >= LEAST_BYTES[shrink]


def decoded(image: pyvips.Image, data: bytes, shrink: int, interrupt: Interrupt) -> pyvips.Image | None:
    """Give an image that libvips has opened `shrink` times smaller than it is, with all its pixels in memory.

    `None` if libvips or libjpeg-turbo has to decode it: at other sizes, without the compiled part, and if the file is damaged,
    not plain or very large.
    Raises `DeadlineExceeded` if the work is to stop, which is looked at with each row of blocks.
    """
    frame = baseline(data) if shrink in LEAST_BYTES and _decoder() and fits_in_memory(image) else None
    if frame is None or len(frame.components) != kind_of(image).bands:
        return None
    made, stop = blank_like(image), ctypes.c_int32(0)
    with interrupt.stopping(lambda: _raise(stop)):
        outcome = _decoder()(
            _packed(frame), _address(data) + frame.scan, len(data) - frame.scan, _place(made, shrink), stop
        )
    interrupt.check()
    return made if outcome == _DONE else None


def _raise(flag: ctypes.c_int32) -> None:
    flag.value = 1


def _address(data: bytes) -> int:
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0


def _place(image: pyvips.Image, denominator: int) -> _Pixels:
    size = size_of(image)
    return _Pixels(address_of_pixels(image), size.width * kind_of(image).bands, size.width, size.height, denominator)


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
