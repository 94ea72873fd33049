"""Where lists come from: a file, a URL, or standard input."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from aiohttp import ClientError, ClientSession

from imgproxy_py.warming.lists import MOST_BYTES

STANDARD_INPUT = "-"


async def load(place: str, session: ClientSession) -> bytes:
    """Give the bytes of a list: `-` for standard input, an http or https URL, or a file's path.

    Raises `ValueError` for what cannot be had, and for more than `MOST_BYTES`.
    """
    if place == STANDARD_INPUT:
        data: bytes = await asyncio.to_thread(sys.stdin.buffer.read, MOST_BYTES + 1)
    elif "://" in place:
        data = await _downloaded(place, session)
    else:
        data = await asyncio.to_thread(_read, place)
    if len(data) > MOST_BYTES:
        raise ValueError(f"{place}: more than {MOST_BYTES} bytes")
    return data


def _read(place: str) -> bytes:
    try:
        with Path(place).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{place!r}: {error.strerror}, expected a readable file, a URL, or -") from None


async def _downloaded(place: str, session: ClientSession) -> bytes:
    data = bytearray()
    try:
        async with session.get(place) as answer:
            if answer.status != 200:
                raise ValueError(f"{place}: {answer.status} {answer.reason}")
            async for piece in answer.content.iter_any():
                data += piece
                if len(data) > MOST_BYTES:
                    break
    except (ClientError, OSError) as error:
        raise ValueError(f"{place}: cannot be had ({type(error).__name__})") from None
    return bytes(data)
