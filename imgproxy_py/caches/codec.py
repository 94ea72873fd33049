r"""Pictures as bytes, for caches outside this process.

::

    offset  bytes  what
    0       3      b"ipy"
    3       1      version of this format
    4       4      CRC-32 of everything from offset 8
    8       4      length of the header
    12      …      header: the picture's other fields as a JSON object
    …       …      the picture's data, to the end

Integers are big-endian. What does not read back exactly (another version, damaged or foreign bytes) is no picture, which
is a miss; so a new version needs no more than a new number. Timings are not kept: they belong to the making.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import fields
from typing import Any

import orjson

from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Placeholder
from imgproxy_py.recipe.picture import Picture

VERSION = 7
_MAGIC = b"ipy"
_START = struct.Struct(">3sBII")
_LENGTH = struct.Struct(">I")
_CHECKED_FROM = 8

_NUMBER = (int, float)
_OPTIONAL_NUMBER = (int, float, type(None))
_KINDS: dict[str, type | tuple[type, ...]] = {
    "format": str,
    "width": int,
    "height": int,
    "origin_format": str,
    "origin_width": int,
    "origin_height": int,
    "origin_bytes": int,
    "etag": str,
    "modified_at": _OPTIONAL_NUMBER,
    "cache_control": str,
    "origin_expires_at": _OPTIONAL_NUMBER,
    "headers": list,
    "source": str,
    "tags": list,
    "placeholder": (str, type(None)),
    "info": bool,
    "complete": bool,
    "credentials": str,
    "ignored": str,
    "generation": int,
    "origin_etag": str,
    "checked_at": _OPTIONAL_NUMBER,
}
_NOT_IN_HEADER = frozenset({"data", "timings"})
if _KINDS.keys() != {one.name for one in fields(Picture)} - _NOT_IN_HEADER:  # pragma: no cover
    raise TypeError("the codec and Picture disagree on their fields; change both, and VERSION")


def encode(picture: Picture) -> bytes:
    """Write a picture as bytes; its data is copied once."""
    header = orjson.dumps({name: getattr(picture, name) for name in _KINDS})
    length = _LENGTH.pack(len(header))
    checksum = zlib.crc32(picture.data, zlib.crc32(header, zlib.crc32(length)))
    return b"".join((_START.pack(_MAGIC, VERSION, checksum, len(header)), header, picture.data))


def decode(data: bytes) -> Picture | None:
    """Read a picture back, `None` if these bytes are not exactly one; its data is copied once."""
    if len(data) < _START.size:
        return None
    magic, version, checksum, length = _START.unpack_from(data)
    view = memoryview(data)
    if (magic, version) != (_MAGIC, VERSION) or zlib.crc32(view[_CHECKED_FROM:]) != checksum:
        return None
    end = _START.size + length
    return _picture(view[_START.size : end], view[end:]) if end <= len(data) else None


def _picture(header: memoryview, data: memoryview) -> Picture | None:
    try:
        known: Any = orjson.loads(header)
        if not _is_whole(known):
            return None
        known |= {name: Format(known[name]) for name in ("format", "origin_format")}
        known["placeholder"] = known["placeholder"] and Placeholder(known["placeholder"])
        known |= {"tags": tuple(known["tags"]), "headers": tuple((name, value) for name, value in known["headers"])}
    except ValueError:
        return None
    return Picture(data=bytes(data), **known)


def _is_whole(known: Any) -> bool:
    return (
        isinstance(known, dict)
        and known.keys() == _KINDS.keys()
        and all(isinstance(known[name], kind) for name, kind in _KINDS.items())
        and all(isinstance(tag, str) for tag in known["tags"])
        and all(
            isinstance(one, list) and len(one) == 2 and all(isinstance(t, str) for t in one) for one in known["headers"]
        )
    )
