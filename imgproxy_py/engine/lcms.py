"""Little CMS by its own C interface, for what libvips' operations cannot do: make a transform once, use it often.

libvips opens both profiles and computes the tables of their curves for every picture, which costs more than a small
picture's pixels. The library is the one that Pillow brings, of the same version line as libvips' own, and the tables are the
same, so that results equal libvips' to the bit.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

GREY, RGB = 1, 3
"""The samples of a pixel without alpha."""

_SPACES = {GREY: 3, RGB: 4}  # PT_GRAY, PT_RGB
# As libvips' icc_transform; without a cache of one pixel all threads may use a transform.
_RELATIVE, _NOT_CACHED = 1, 0x40

_COLUMNS = tuple(int.from_bytes(tag, "big") for tag in (b"rXYZ", b"gXYZ", b"bXYZ"))
_CURVES = tuple(int.from_bytes(tag, "big") for tag in (b"rTRC", b"gTRC", b"bTRC"))

_HANDLE, _NUMBER = ctypes.c_void_p, ctypes.c_uint32
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "cmsOpenProfileFromMem": (_HANDLE, [ctypes.c_char_p, _NUMBER]),
    "cmsCloseProfile": (ctypes.c_int, [_HANDLE]),
    "cmsCreateTransform": (_HANDLE, [_HANDLE, _NUMBER, _HANDLE, _NUMBER, _NUMBER, _NUMBER]),
    "cmsDeleteTransform": (None, [_HANDLE]),
    "cmsDoTransform": (None, [_HANDLE, _HANDLE, _HANDLE, _NUMBER]),
    "cmsReadTag": (_HANDLE, [_HANDLE, _NUMBER]),
    "cmsReverseToneCurve": (_HANDLE, [_HANDLE]),
    "cmsFreeToneCurve": (None, [_HANDLE]),
    "cmsEvalToneCurveFloat": (ctypes.c_float, [_HANDLE, ctypes.c_float]),
}


class Transform:
    """Takes 8-bit pixels from one profile to another, in place. Serves all threads."""

    __slots__ = ("_handle", "_library", "bands")

    def __init__(self, library: ctypes.CDLL, handle: int, bands: int) -> None:
        self.bands = bands
        self._library = library
        self._handle = handle

    def __del__(self) -> None:
        self._library.cmsDeleteTransform(self._handle)

    def apply(self, address: int, count: int) -> None:
        """Transform so many pixels at an address, alpha apart. The interpreter's lock is free meanwhile."""
        self._library.cmsDoTransform(self._handle, address, address, count)


class Parts:
    """What an RGB profile is made of, there as long as this is.

    `columns` are its colours in XYZ, `curves` the addresses of Little CMS' tone curves, `evaluate` that of the function to
    read them.
    """

    def __init__(self, library: ctypes.CDLL, handle: int) -> None:
        self._library, self._handle = library, handle
        self._made: list[int] = []
        self.evaluate = ctypes.cast(library.cmsEvalToneCurveFloat, ctypes.c_void_p).value or 0
        self.columns = [_xyz(library.cmsReadTag(handle, tag)) for tag in _COLUMNS]
        self.curves = [library.cmsReadTag(handle, tag) for tag in _CURVES]

    def __del__(self) -> None:
        for curve in self._made:
            self._library.cmsFreeToneCurve(curve)
        self._library.cmsCloseProfile(self._handle)

    def reversed(self, color: int) -> int:
        """Give the address of the curve from light to levels of colour 0, 1 or 2."""
        self._made.append(self._library.cmsReverseToneCurve(self.curves[color]))
        return self._made[-1]


def parts_of(profile: bytes) -> Parts | None:
    """Take an RGB profile of curves and a matrix apart; `None` if it is damaged, or where Little CMS cannot be had."""
    library = _library()
    handle = library.cmsOpenProfileFromMem(profile, len(profile)) if library else None
    if library is None or not handle:
        return None
    parts = Parts(library, handle)
    return parts if all(parts.columns) and all(parts.curves) else None


def _xyz(address: int | None) -> tuple[float, ...]:
    return tuple((ctypes.c_double * 3).from_address(address)) if address else ()


def open_transform(profile: bytes, target: bytes, bands: int) -> Transform | None:
    """Give the relative colorimetric transform between two ICC profiles for pixels of 1 to 4 samples, with alpha if even.

    `None` if a profile is damaged or is of other colours, or where Little CMS cannot be had.
    """
    library = _library()
    if library is None:
        return None
    handles = [library.cmsOpenProfileFromMem(data, len(data)) for data in (profile, target)]
    made = None
    if all(handles):
        layout = _layout(bands)
        made = library.cmsCreateTransform(handles[0], layout, handles[1], layout, _RELATIVE, _NOT_CACHED)
    for handle in filter(None, handles):
        library.cmsCloseProfile(handle)
    return Transform(library, made, bands) if made else None


def _layout(bands: int) -> int:
    """Give Little CMS' description of interleaved 8-bit pixels: colour space, extra samples, colours, bytes a sample."""
    extra = 1 - bands % 2
    colors = bands - extra
    return _SPACES[colors] << 16 | extra << 7 | colors << 3 | 1


@cache
def _library() -> ctypes.CDLL | None:
    """Give the library that Pillow's module is linked with: a handle on the module finds what it has loaded."""
    try:
        from PIL import _imagingcms

        library = ctypes.CDLL(_imagingcms.__file__)
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (ImportError, OSError, AttributeError):  # a Pillow without it, or one that holds it hidden inside
        return None
    return library
