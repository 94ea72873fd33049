"""Undoing what servers do to bodies, within limits."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

from imgproxy_py.errors import SourceIncomplete, SourceTooLarge, SourceUnreachable

PIECE_BYTES = 1024 * 1024
"""How much is decompressed before the event loop gets its turn again."""

FREE_BYTES = 64 * PIECE_BYTES
RATIO = 100
"""No image grows a hundredfold beyond 64 MiB by gzip; what does is a bomb (DEFLATE reaches 1032)."""


async def gunzip(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Undo gzip (RFC 1952) piece by piece, members after each other included."""
    decoder, arrived, given = _decoder(), 0, 0
    async for chunk in chunks:
        arrived += len(chunk)
        left, more = chunk, True
        while more:
            if decoder.eof:
                left = left.lstrip(b"\0")  # zeros after a member are padding, anything else is the next member
                if not left:
                    break
                decoder = _decoder()
            piece, left, more = _step(decoder, left)
            if piece:
                given += len(piece)
                _check_ratio(given, arrived)
                yield piece
                await asyncio.sleep(0)
    if arrived and not decoder.eof:
        raise SourceIncomplete("the gzip encoding broke off")


def _step(decoder: zlib._Decompress, data: bytes) -> tuple[bytes, bytes, bool]:
    """Give one decompressed piece, the data that is left, and whether there is more to do before the next chunk."""
    try:
        piece = decoder.decompress(data, PIECE_BYTES)
    except zlib.error as error:
        raise SourceUnreachable("the gzip encoding is damaged", private=str(error)) from error
    if decoder.eof:
        return piece, decoder.unused_data, bool(decoder.unused_data)
    return piece, decoder.unconsumed_tail, bool(decoder.unconsumed_tail) or len(piece) == PIECE_BYTES


def _decoder() -> zlib._Decompress:
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)


def _check_ratio(given: int, arrived: int) -> None:
    if given > FREE_BYTES and given > RATIO * arrived:
        raise SourceTooLarge("the gzip encoding expands beyond measure")
