"""An origin in a thread of its own: it says what it is told to, waits when told to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from tests.acceptance.service import until


@dataclass
class Page:
    """What is said at a path: `sent` bytes of the body (all by default), and `then` the end.

    A page that is `held` is answered when it is let go.
    """

    body: bytes = b""
    status: str = "200 OK"
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None
    then: Literal["next", "close", "reset", "stall"] = "next"
    gate: asyncio.Event | None = None

    def head(self) -> bytes:
        headers = {"Content-Length": str(len(self.body)), **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
        return f"HTTP/1.1 {self.status}\r\n{lines}\r\n".encode()


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]


class Origin:
    """A web server on a port of 127.0.0.1; what is not put here is not found."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.waiting = 0
        self.port = 0
        self._pages: dict[str, Page] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Origin:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def put(self, path: str, page: Page | bytes, *, held: bool = False, **headers: str) -> str:
        """Say a page at a path from now on; gives its URL."""
        page = page if isinstance(page, Page) else Page(page)
        page.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        page.gate = asyncio.Event() if held else None
        self._pages[path] = page
        return self.url(path)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def let_go(self, path: str) -> None:
        gate = self._pages[path].gate
        assert gate is not None
        self._loop.call_soon_threadsafe(gate.set)

    def times(self, path: str, method: str = "GET") -> int:
        """How often a path was asked for."""
        return sum(one.path.partition("?")[0] == path and one.method == method for one in self.asked)

    def is_asked(self, path: str, times: int = 1) -> None:
        """Wait until a path was asked for so often."""
        until(lambda: self.times(path) >= times)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while await self._answered(await reader.readuntil(b"\r\n\r\n"), reader, writer):
                    pass
        finally:
            if not writer.is_closing():
                writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answered(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer a request and tell whether another may follow."""
        asked = _asked(head)
        self.asked.append(asked)
        page = self._pages.get(asked.path.partition("?")[0]) or Page(b"nothing here", "404 Not Found")
        if page.gate and not await self._let_go(page.gate, reader):
            return False
        if page.headers.get("ETag", "-") == asked.headers.get("if-none-match"):
            page = Page(b"", "304 Not Modified", {"ETag": page.headers["ETag"]})
        body = b"" if asked.method == "HEAD" else page.body
        writer.write(page.head() + body[: len(body) if page.sent is None else page.sent])
        await writer.drain()
        match page.then:
            case "stall":
                await reader.read()
            case "close":
                writer.close()
            case "reset":
                _reset(writer)
        return page.then == "next"

    async def _let_go(self, gate: asyncio.Event, reader: asyncio.StreamReader) -> bool:
        """Wait for the gate, or for the client to leave."""
        opened, left = asyncio.ensure_future(gate.wait()), asyncio.ensure_future(reader.read(1))
        self.waiting += 1
        try:
            await asyncio.wait({opened, left}, return_when=asyncio.FIRST_COMPLETED)
            return gate.is_set()
        finally:
            self.waiting -= 1
            for one in (opened, left):
                one.cancel()
            await asyncio.wait({opened, left})


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a reset instead of an orderly end."""
    endpoint: socket.socket = writer.get_extra_info("socket")
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _asked(head: bytes) -> Asked:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    path = target if target.startswith("/") or "://" not in target else "/" + target.split("/", 3)[-1]
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Asked(method, path, headers)
