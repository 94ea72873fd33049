"""The short way from an original's profile to sRGB or standard grey (dialect §10).

Profiles are known by what they do: the transform of each is made once, remembered under the profile's bytes, and tried on
a grid of colours. One that moves none of them by more than a step of 255 is sRGB under another name, and there is
nothing to do. Every other gives the very pixels of libvips' `icc_transform`, without its cost of making the transform; and
where the processor's vectors come to the same on that grid, they do it.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product

import pyvips

from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.lcms import RGB, Transform, open_transform
from imgproxy_py.engine.libvips import address_of_pixels
from imgproxy_py.engine.matrix_shaper import MatrixShaper, open_shaper

_REMEMBERED = 64  # transforms, of up to 200 KB each
_LARGEST_PROFILE = 64 * 1024
_LARGEST_PICTURE = 4_000_000  # pixels; of larger ones the transform is made in no time beside theirs, and they stream
_AT_ONCE = 500_000  # pixels between two looks at the interrupt: about 5 ms

# The tag table of an ICC profile: how many, then signature, offset, length of each (ICC.1 §7.3).
_TAGS_AT, _TAG = 128, 12
_MATRIX = frozenset({b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"})
_CURVE = frozenset({b"kTRC"})
_TABLES = b"A2B"


Conversion = Transform | MatrixShaper


@dataclass(frozen=True, slots=True)
class Known:
    """A profile whose transform is at hand; `idle` if that moves no colour by more than a step of 255."""

    transform: Conversion
    idle: bool


def standardised(
    image: pyvips.Image, profile: bytes, interrupt: Interrupt, *, even_near: bool = False
) -> pyvips.Image | None:
    """Give an image in sRGB, or grey in standard grey, with its metadata; `None` where only libvips can do it.

    That is all but 8-bit pictures of up to 4 megapixels with a profile of matrix and curves. A profile that is sRGB but
    for a step of 255 is taken for it, unless `even_near`. Raises `pyvips.Error` if the pixels cannot be had, and
    `DeadlineExceeded`.
    """
    if image.format != "uchar" or image.bands > RGB + 1 or len(profile) > _LARGEST_PROFILE:
        return None
    known = _known(profile, image.bands)
    if known is None:
        return None
    if known.idle and not even_near:
        return image
    if image.width * image.height > _LARGEST_PICTURE:
        return None
    return _transformed(image, known.transform, interrupt)


def _transformed(image: pyvips.Image, transform: Conversion, interrupt: Interrupt) -> pyvips.Image:
    made = interrupt.watch(image.copy()).copy_memory()  # of the copy: pixels that are in memory already are shared
    address, count = address_of_pixels(made), made.width * made.height
    for start in range(0, count, _AT_ONCE):
        interrupt.check()
        transform.apply(address + start * transform.bands, min(_AT_ONCE, count - start))
    return made


@lru_cache(maxsize=_REMEMBERED)
def _known(profile: bytes, bands: int) -> Known | None:
    colors = bands - (1 - bands % 2)
    if not _is_simple(profile, grey=colors != RGB):
        return None
    target = _standard(colors)
    transform = open_transform(profile, target, bands)
    if transform is None:
        return None
    before, after = _grid(bands), _converted(_grid(bands), transform)
    idle = all(abs(one - other) <= 1 for one, other in zip(before, after, strict=True))
    shaper = open_shaper(profile, target, bands) if colors == RGB else None
    if shaper is not None and _converted(before, shaper) == after:
        return Known(shaper, idle)
    return Known(transform, idle)


def _is_simple(profile: bytes, *, grey: bool) -> bool:
    """Tell whether a profile is curves, and a matrix for RGB, and nothing else that could be meant."""
    count = int.from_bytes(profile[_TAGS_AT : _TAGS_AT + 4], "big")
    first = _TAGS_AT + 4
    tags = {profile[at : at + 4] for at in range(first, min(first + count * _TAG, len(profile)), _TAG)}
    return tags >= (_CURVE if grey else _MATRIX) and not any(tag.startswith(_TABLES) for tag in tags)


@cache
def _standard(colors: int) -> bytes:
    data: bytes = pyvips.Operation.call("profile_load", "srgb" if colors == RGB else "sgrey")
    return data


def _converted(pixels: bytes, conversion: Conversion) -> bytes:
    converted = bytearray(pixels)
    buffer = (ctypes.c_char * len(converted)).from_buffer(converted)
    conversion.apply(ctypes.addressof(buffer), len(converted) // conversion.bands)
    return bytes(converted)


@cache
def _grid(bands: int) -> bytes:
    """Give pixels of all greys and, for RGB, of all colours in steps of 17."""
    extra = (255,) * (1 - bands % 2)
    colors = bands - len(extra)
    pixels = [(level,) * colors for level in range(256)]
    if colors == RGB:
        pixels += product(range(0, 256, 17), repeat=RGB)
    return bytes(sample for pixel in pixels for sample in (*pixel, *extra))
