"""A client that does nothing but ask: bytes made beforehand out, bytes counted in.

Reads one line of JSON, asks for so many seconds over so many connections, each with one request under way, and writes
one line of JSON: how many answers came, in how many seconds, and how busy it was itself. A client whose CPU was busy all
the time measured itself, not the server.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, cast

import uvloop

_HEAD_END = b"\r\n\r\n"


class Asker(asyncio.Protocol):
    """One connection. All answers are alike: the first tells status and length of the body, the others are counted."""

    def __init__(self, request: bytes, status: bytes) -> None:
        self.answered = 0
        self.broken = ""
        self._request = request
        self._status = status
        self._body = -1
        self._missing = 0
        self._head = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            data = self._head + data
            end = data.find(_HEAD_END)
            if end < 0:
                self._head = data
                return
            self._head = b""
            if data[9:12] != self._status:
                self._breaks(data[:200].decode(errors="replace"))
                return
            if self._body < 0:
                self._body = _content_length(data[:end])
            self._missing = end + len(_HEAD_END) + self._body
        self._missing -= len(data)
        if not self._missing and self._transport:
            self.answered += 1
            self._transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.broken:
            self._breaks("the connection was closed")

    def stop(self) -> None:
        """Ask no more."""
        self.broken = self.broken or "stopped"
        if self._transport:
            self._transport.abort()

    def _breaks(self, why: str) -> None:
        self.broken = why
        if self._transport:
            self._transport.abort()


def _content_length(head: bytes) -> int:
    if head[9:12] == b"304":
        return 0
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    raise ValueError("an answer without Content-Length")


async def ask(order: dict[str, Any]) -> dict[str, Any]:
    """Ask as ordered, and give what came of it."""
    request, status = order["request"].encode(), str(order["status"]).encode()
    loop = asyncio.get_running_loop()
    started, cpu = time.perf_counter(), time.process_time()
    connected = [
        await loop.create_connection(lambda: Asker(request, status), order["host"], order["port"])
        for _ in range(order["connections"])
    ]
    await asyncio.sleep(order["seconds"])
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    askers = [asker for _, asker in connected]
    broken = next((one.broken for one in askers if one.broken), "")
    for one in askers:
        one.stop()
    return {
        "answered": sum(one.answered for one in askers),
        "seconds": seconds,
        "busy": cpu / seconds,
        "broken": broken,
    }


def main() -> None:
    """Do what each line of the input orders."""
    for line in sys.stdin:
        print(json.dumps(uvloop.run(ask(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
