"""Whether a TIFF structure holds a camera's raw data, told by its tags (TIFF 6.0 §2, DNG 1.7 §4)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_ORDERS = {b"II": "<", b"MM": ">"}
_MOST_DIRECTORIES, _MOST_ENTRIES = 16, 512

_NEW_SUBFILE_TYPE, _PHOTOMETRIC, _MAKE, _SUB_IFDS, _DNG_VERSION = 254, 262, 271, 330, 50706
_REDUCED = 1
_COLOR_FILTER_ARRAY, _LINEAR_RAW = 32803, 34892

_SHORT, _LONG, _IFD = 3, 4, 13

Directory = dict[int, tuple[int, ...]]
"""The values of an image file directory by tag; those that are no unsigned integers are empty."""


def is_camera_raw(head: bytes) -> bool:
    """Tell whether the beginning of a TIFF file is that of a camera's raw file.

    It is if it calls itself CR2 or DNG, if one of its images has a colour filter array or is linear raw data, or if its
    first image is a camera's reduced one beside others in sub-directories. Directories beyond the beginning do not count.
    """
    order = _ORDERS.get(head[:2])
    if order is None:
        return False
    if head[8:10] == b"CR":
        return True
    directories = list(_directories(head, order))
    return any(_holds_raw(one) for one in directories) or _shows_a_preview(directories[:1])


def _holds_raw(directory: Directory) -> bool:
    photometric = directory.get(_PHOTOMETRIC, ())
    return _DNG_VERSION in directory or photometric[:1] in ((_COLOR_FILTER_ARRAY,), (_LINEAR_RAW,))


def _shows_a_preview(first: list[Directory]) -> bool:
    return any(_MAKE in one and _SUB_IFDS in one and one.get(_NEW_SUBFILE_TYPE) == (_REDUCED,) for one in first)


def _directories(head: bytes, order: str) -> Iterator[Directory]:
    waiting, seen = list(struct.unpack_from(f"{order}I", head, 4)) if len(head) >= 8 else [], set[int]()
    while waiting and len(seen) < _MOST_DIRECTORIES:
        at = waiting.pop(0)
        if at == 0 or at in seen or at + 2 > len(head):
            continue
        seen.add(at)
        directory, following = _directory(head, order, at)
        yield directory
        waiting += [*following, *directory.get(_SUB_IFDS, ())]


def _directory(head: bytes, order: str, at: int) -> tuple[Directory, tuple[int, ...]]:
    count = min(struct.unpack_from(f"{order}H", head, at)[0], _MOST_ENTRIES)
    entries, end = {}, at + 2 + 12 * count
    for entry in range(at + 2, min(end, len(head) - 11), 12):
        tag, kind, length = struct.unpack_from(f"{order}HHI", head, entry)
        entries[tag] = _values(head, order, entry + 8, kind, length)
    following = struct.unpack_from(f"{order}I", head, end) if end + 4 <= len(head) else ()
    return entries, following


def _values(head: bytes, order: str, at: int, kind: int, length: int) -> tuple[int, ...]:
    letter = {_SHORT: "H", _LONG: "I", _IFD: "I"}.get(kind)
    if letter is None or not 0 < length <= _MOST_DIRECTORIES:
        return ()
    size = struct.calcsize(letter) * length
    if size > 4:
        at = struct.unpack_from(f"{order}I", head, at)[0]
    return struct.unpack_from(f"{order}{length}{letter}", head, at) if at + size <= len(head) else ()
