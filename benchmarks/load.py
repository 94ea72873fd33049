"""A client that does nothing but ask: bytes made beforehand out, bytes counted in.

Reads one line of JSON, asks over so many connections, each with one request under way, and writes one line of JSON: how
many answers came, in how many seconds, how long they took, and how busy it was itself. It asks the given requests once
each or, if seconds are given, round and round until they have passed. A client whose CPU was busy all the time measured
itself, not the server.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, cast

import uvloop

from benchmarks.arithmetic import percentile

_PATIENCE = 300.0
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Asker(asyncio.Protocol):
    """One connection, which takes the next request from those that all share when an answer is complete."""

    def __init__(self, requests: Iterator[bytes], status: bytes) -> None:
        self.times: list[float] = []
        self.body_bytes = 0
        self.broken = ""
        self.ended = asyncio.Event()
        self._requests = requests
        self._status = status
        self._asked = 0.0
        self._missing = 0
        self._head = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self._ask()

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
            body = _content_length(data[: end + 2])
            if body is None:
                self._breaks("an answer without Content-Length")
                return
            self.body_bytes += body
            self._missing = end + len(_HEAD_END) + body
        self._missing -= len(data)
        if not self._missing:
            self.times.append(time.perf_counter() - self._asked)
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.is_set():
            self._breaks("the connection was closed")

    def stop(self) -> None:
        """Ask no more."""
        self.ended.set()
        if self._transport:
            self._transport.abort()

    def _ask(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self.stop()
        elif self._transport:
            self._asked = time.perf_counter()
            self._transport.write(request)

    def _breaks(self, why: str) -> None:
        self.broken = why
        self.stop()


def _content_length(head: bytes) -> int | None:
    if head[9:12] == b"304":
        return 0
    found = _LENGTH.search(head)
    return int(found[1]) if found else None


async def ask(order: dict[str, Any]) -> dict[str, Any]:
    """Ask as ordered, and give what came of it."""
    requests, status = _requests(order["requests"], order["seconds"]), str(order["status"]).encode()
    loop = asyncio.get_running_loop()
    started, cpu = time.perf_counter(), time.process_time()
    connected = [
        await loop.create_connection(lambda: Asker(requests, status), order["host"], order["port"])
        for _ in range(order["connections"])
    ]
    askers = [asker for _, asker in connected]
    await _until_done(askers, order["seconds"])
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    for one in askers:
        one.stop()
    times = sorted(itertools.chain.from_iterable(one.times for one in askers))
    return {
        "answered": len(times),
        "seconds": seconds,
        "p50": percentile(times, 0.50) * 1000,
        "p99": percentile(times, 0.99) * 1000,
        "bytes": sum(one.body_bytes for one in askers),
        "busy": cpu / seconds,
        "broken": next((one.broken for one in askers if one.broken), ""),
    }


def _requests(given: Sequence[str], seconds: float | None) -> Iterator[bytes]:
    encoded = [one.encode() for one in given]
    return iter(encoded) if seconds is None else itertools.cycle(encoded)


async def _until_done(askers: list[Asker], seconds: float | None) -> None:
    """Wait for the seconds, or for all; whoever breaks off early does not end the others."""
    if seconds is not None:
        await asyncio.sleep(seconds)
    else:
        ends = asyncio.gather(*(one.ended.wait() for one in askers))
        try:
            await asyncio.wait_for(ends, _PATIENCE)
        except TimeoutError:
            askers[0].broken = f"no end after {_PATIENCE:.0f} s"


def main() -> None:
    """Do what each line of the input orders."""
    for line in sys.stdin:
        print(json.dumps(uvloop.run(ask(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
