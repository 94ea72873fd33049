"""An origin in a thread of its own: it says what it is told to, waits when told to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from tests.acceptance.service import until
from tests.listener import Listener, reset


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


class Origin(Listener):
    """A web server on a port of 127.0.0.1; what is not put here is not found."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self.waiting = 0
        self._pages: dict[str, Page] = {}

    def put(self, path: str, page: Page | bytes, *, held: bool = False, **headers: str) -> str:
        """Say a page at a path from now on; gives its URL."""
        page = page if isinstance(page, Page) else Page(page)
        page.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        page.gate = asyncio.Event() if held else None
        self._pages[path] = page
        return self.url(path)

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

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answered(await reader.readuntil(b"\r\n\r\n"), reader, writer):
                pass
        finally:
            if not writer.is_closing():
                writer.transport.abort()

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
                reset(writer)
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


def _asked(head: bytes) -> Asked:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    path = target if target.startswith("/") or "://" not in target else "/" + target.split("/", 3)[-1]
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Asked(method, path, headers)
