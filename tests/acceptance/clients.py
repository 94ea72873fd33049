"""Clients that hide nothing: each request is sent once, and an answer that is not whole is an error."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from http.client import HTTPMessage, parse_headers
from io import BytesIO

from tests.acceptance.service import PATIENCE, Answer


class Client:
    """One connection of HTTP/1.1, kept open between requests."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connected(cls, port: int) -> Client:
        async with asyncio.timeout(PATIENCE):
            return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, target: str, **headers: str) -> None:
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self._writer.write(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode())
        await self._writer.drain()

    async def answer(self) -> Answer:
        started = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            status, headers = parsed_head(await self._reader.readuntil(b"\r\n\r\n"))
            body = await self._reader.readexactly(int(headers["Content-Length"]))
        return Answer(status, headers, body, time.monotonic() - started)

    async def get(self, target: str, **headers: str) -> Answer:
        await self.send(target, **headers)
        return await self.answer()

    async def leave(self) -> None:
        """Close at once, whatever is under way."""
        self._writer.transport.abort()
        with suppress(OSError):
            await self._writer.wait_closed()


async def get_once(port: int, target: str, **headers: str) -> Answer:
    """Ask on a connection of its own."""
    client = await Client.connected(port)
    try:
        return await client.get(target, Connection="close", **headers)
    finally:
        await client.leave()


def parsed_head(head: bytes) -> tuple[int, HTTPMessage]:
    first, _, lines = head.partition(b"\r\n")
    return int(first.split(b" ", 2)[1]), parse_headers(BytesIO(lines))


def raw(port: int, data: bytes, patience: float = PATIENCE) -> bytes:
    """Send bytes as they are and give all that comes back until the other side closes, or falls silent."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.settimeout(patience)
        answered = b""
        with suppress(TimeoutError, ConnectionError):
            connection.sendall(data)
            while piece := connection.recv(65536):
                answered += piece
        return answered
