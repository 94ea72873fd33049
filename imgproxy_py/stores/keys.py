"""Which keys a store takes, and the rules that every store judges reading by."""

from __future__ import annotations

from collections.abc import AsyncIterator

from imgproxy_py.errors import SourceForbidden, SourceMissing, SourceTooLarge
from imgproxy_py.stores.port import ByteRange

MAX_KEY_BYTES = 1024
"""The longest key in UTF-8 that S3 takes; every store keeps to it, so that one can stand for another."""


def check_key(key: str) -> str:
    """Give the key back if a store may use it.

    `.` and `..` are refused everywhere: object stores take them literally, but gateways and proxies on the way may
    resolve them and so leave the bucket. A key that no store can hold is `SourceMissing`.
    """
    if not key.strip("/ "):
        raise SourceMissing("the key is blank")
    if "\0" in key or "\\" in key or {".", ".."}.intersection(key.split("/")):
        raise SourceForbidden("the key has a part that is not permitted")
    try:
        encoded = key.encode()
    except UnicodeEncodeError:
        raise SourceForbidden("the key is not Unicode text") from None
    if len(encoded) > MAX_KEY_BYTES:
        raise SourceMissing("the key is too long")
    return key


def check_size(size: int, max_bytes: int) -> None:
    """Raise `SourceTooLarge` if so many bytes are over the limit (0 = no limit)."""
    if max_bytes and size > max_bytes:
        raise SourceTooLarge(f"more than {max_bytes} bytes")


def clip(wanted: ByteRange | None, size: int) -> ByteRange | None:
    """Give the part of a range that an object of this size has; `SourceMissing` with status 416 if it has none."""
    if wanted is None:
        return None
    if not 0 <= wanted.first <= wanted.last or wanted.first >= size:
        raise SourceMissing("the range lies beyond the end", upstream_status=416)
    return ByteRange(first=wanted.first, last=min(wanted.last, size - 1))


async def read_whole(chunks: AsyncIterator[bytes], max_bytes: int) -> bytes:
    """Join chunks; `SourceTooLarge` as soon as they are more than `max_bytes` (0 = no limit)."""
    parts, size = [], 0
    async for chunk in chunks:
        size += len(chunk)
        check_size(size, max_bytes)
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)
