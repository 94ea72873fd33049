"""Entries of caches: damaged and foreign ones are no pictures, what was written reads back the same."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace

from imgproxy_py.caches.codec import VERSION, decode, encode
from tests.factories import make_picture

SECONDS, MEGABYTES, LONGEST = 5, 1000, 16384
WORDS = (
    b"null",
    b"true",
    b"[]",
    b"{}",
    b'""',
    b"-1",
    b"1e999",
    b'"jpeg"',
    b'"tags":',
    b'"headers":',
    b'"format":',
    b"ipy",
)
BODY = struct.Struct(">I")


def seeds() -> Iterator[bytes]:
    """Give an entry, and the part of it that the checksum covers."""
    entry = encode(make_picture(tags=("a",), headers=(("A", "b"),)))
    yield entry
    yield entry[8:]


def judge(data: bytes) -> None:
    """Read the input as an entry, and with a right beginning before it."""
    for entry in (data, struct.pack(">3sBI", b"ipy", VERSION, zlib.crc32(data)) + data):
        picture = decode(entry)
        if picture is not None:
            again = decode(encode(picture))
            assert again is not None
            assert replace(again, timings=picture.timings) == picture
