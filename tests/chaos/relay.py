"""A proxy in front of a server, in a thread of its own, that does to its answers what networks and servers do."""

from __future__ import annotations

import asyncio
from enum import Enum

from tests.listener import Listener, ended, reset

_ERROR = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
_UNAVAILABLE = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_ERROR), _ERROR)
)
_HEAD_ENDS = b"\r\n\r\n"


class Mode(Enum):
    """What becomes of answers."""

    PASS = "pass"
    SLOW = "slow"  # a tenth of a body each second
    FAIL = "fail"  # 500, and the server is not asked
    TRUNCATE = "truncate"  # half a body, then an orderly end
    RESET = "reset"  # half a body, then a reset


class Relay(Listener):
    """Passes HTTP on to a port of 127.0.0.1, a connection for each request; `harmed` counts answers that were not passed."""

    def __init__(self, upstream: int) -> None:
        super().__init__()
        self.mode = Mode.PASS
        self.harmed = 0
        self._upstream = upstream

    def turn_to(self, mode: Mode) -> None:
        self.mode = mode

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _request(reader)
        answer = _UNAVAILABLE if self.mode is Mode.FAIL else await self._asked(request)
        self.harmed += self.mode is not Mode.PASS
        await _say(writer, answer, self.mode)

    async def _asked(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            writer.write(request)
            return await reader.read()
        finally:
            await ended(writer)


async def _request(reader: asyncio.StreamReader) -> bytes:
    """Read a request whole; it asks for the end of the connection, which no signature covers."""
    head = await reader.readuntil(_HEAD_ENDS)
    lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    kept = [line for line in lines[:-2] if not line.lower().startswith("connection:")]
    body = await reader.readexactly(int(fields.get("content-length", 0)))
    return "\r\n".join([*kept, "Connection: close", "", ""]).encode("latin-1") + body


async def _say(writer: asyncio.StreamWriter, answer: bytes, mode: Mode) -> None:
    if mode in (Mode.PASS, Mode.FAIL):
        writer.write(answer)
        await writer.drain()
        return
    head, _, body = answer.partition(_HEAD_ENDS)
    writer.write(head + _HEAD_ENDS)
    if mode is Mode.SLOW:
        step = max(1, len(body) // 10)
        for place in range(0, len(body), step):
            await asyncio.sleep(1)
            writer.write(body[place : place + step])
            await writer.drain()
        return
    writer.write(body[: len(body) // 2])
    await writer.drain()
    if mode is Mode.RESET:
        reset(writer)
