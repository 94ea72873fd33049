"""Whether an original is the one that a URL means: its `hashsum` (dialect §5.6)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

from imgproxy_py.errors import HashsumMismatch

AT_ONCE_BYTES = 256 * 1024
"""As many bytes are digested on the event loop: half a millisecond with MD5, less than a thread costs when all are busy."""


async def check_digest(data: bytes, hashsum: str) -> None:
    """Raise `HashsumMismatch` unless the bytes have this digest, written as `sha256:` and lower-case hex digits."""
    method, _, wanted = hashsum.partition(":")
    if len(data) <= AT_ONCE_BYTES:
        digest = _digest(method, data)
    else:
        digest = await asyncio.to_thread(_digest, method, data)
    _compare(digest, wanted)


async def checked(chunks: AsyncIterator[bytes], hashsum: str) -> AsyncIterator[bytes]:
    """Pass chunks on and raise `HashsumMismatch` in place of the last one if together they have another digest.

    So nobody gets the whole of what is not what was meant.
    """
    method, _, wanted = hashsum.partition(":")
    digest, held = _hash(method), b""
    async for chunk in chunks:
        if held:
            yield held
        digest.update(chunk)
        held = chunk
    _compare(digest.hexdigest(), wanted)
    if held:
        yield held


def _digest(method: str, data: bytes) -> str:
    return _hash(method, data).hexdigest()


def _hash(method: str, data: bytes = b"") -> hashlib._Hash:
    return hashlib.new(method, data, usedforsecurity=method in ("sha256", "sha512"))


def _compare(digest: str, wanted: str) -> None:
    if digest != wanted:
        raise HashsumMismatch("the original has another digest than the URL says")
