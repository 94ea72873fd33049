"""A crowd of connections, each of which asks for one picture after another that nobody has asked for before.

Reads one line of JSON with the order and writes one with what came of it. An answer of 503 or 429 that says when to come
back is a refusal; the connection then waits as long as it is told, unless it is to be impatient. Whatever else is no 200 is
counted by its status, and what is no answer at all by what was wrong.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import uvloop

from benchmarks.service import signed

_HEAD_END = b"\r\n\r\n"
_AT_ONCE = 200  # connections begun at a time: a listening socket's queue is no subject here
_SIDES = (120, 420)
_NICENESS = 5


@dataclass(slots=True)
class Tally:
    """What came: seconds of each picture, refusals, answers by other statuses, and what was no answer."""

    pictures: list[float] = field(default_factory=list)
    refused: int = 0
    others: Counter[str] = field(default_factory=Counter)
    waits: list[int] = field(default_factory=list)


class Member(asyncio.Protocol):
    """One connection with one request under way."""

    def __init__(self, targets: Iterator[bytes], tally: Tally, *, impatient: bool) -> None:
        self._targets = targets
        self._tally = tally
        self._impatient = impatient
        self._transport: asyncio.Transport | None = None
        self._asked = 0.0
        self._received = bytearray()
        self._length = -1
        self._stopped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self.ask()

    def ask(self) -> None:
        """Ask for the next picture."""
        if self._transport and not self._stopped:
            self._received.clear()
            self._length = -1
            self._asked = time.perf_counter()
            self._transport.write(next(self._targets))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._length < 0:
            end = self._received.find(_HEAD_END)
            if end < 0:
                return
            self._length = end + len(_HEAD_END) + int(header(self._received[:end], b"content-length") or 0)
        if len(self._received) >= self._length:
            self._answered()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._stopped:
            self._stopped = True
            self._tally.others[f"lost: {exc}"] += 1

    def stop(self) -> None:
        """Ask no more."""
        self._stopped = True
        if self._transport:
            self._transport.abort()

    def _answered(self) -> None:
        status = bytes(self._received[9:12])
        pause = header(self._received[: self._received.find(_HEAD_END)], b"retry-after")
        if status == b"200":
            self._tally.pictures.append(time.perf_counter() - self._asked)
            self.ask()
        elif status in (b"503", b"429") and pause:
            self._tally.refused += 1
            self._tally.waits.append(int(pause))
            asyncio.get_running_loop().call_later(0.0 if self._impatient else int(pause), self.ask)
        else:
            self._tally.others[status.decode()] += 1
            self.ask()


def header(head: bytes | bytearray, name: bytes) -> bytes:
    """Give the value of a header, blank if it is not there.

    >>> header(b"HTTP/1.1 503 Busy\\r\\nRetry-After: 3\\r\\nX: y", b"retry-after")
    b'3'
    """
    for line in bytes(head).lower().split(b"\r\n")[1:]:
        found, _, value = line.partition(b":")
        if found == name:
            return value.strip()
    return b""


def targets(originals: list[str], host: str, port: int) -> Iterator[bytes]:
    """Give requests without end, no two of them for the same picture."""
    shapes = list(itertools.product(range(*_SIDES), range(*_SIDES)))
    random.Random(os.getpid()).shuffle(shapes)
    for width, height in shapes:
        for original in originals:
            path = signed(f"/rs:fill:{width}:{height}/plain/local:///{original}@jpg")
            yield f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()


async def crowd(order: dict[str, Any]) -> dict[str, Any]:
    """Ask as ordered, and give what came of it."""
    loop, tally = asyncio.get_running_loop(), Tally()
    asked = targets(order["originals"], order["host"], order["port"])
    make: Callable[[], Member] = lambda: Member(asked, tally, impatient=order["impatient"])  # noqa: E731
    members: list[Member] = []
    started = time.perf_counter()
    for begin in range(0, order["connections"], _AT_ONCE):
        count = min(_AT_ONCE, order["connections"] - begin)
        opened = (loop.create_connection(make, order["host"], order["port"]) for _ in range(count))
        members += [member for _, member in await asyncio.gather(*opened)]
    await asyncio.sleep(order["seconds"])
    seconds = time.perf_counter() - started
    for member in members:
        member.stop()
    return {
        "seconds": seconds,
        "pictures": sorted(tally.pictures),
        "refused": tally.refused,
        "waits": sorted(tally.waits),
        "others": dict(tally.others),
    }


def be_nice() -> None:
    """Let the server go first: it is measured, not who asks."""
    os.nice(_NICENESS)
    # Where each session has its share of the processors (sched(7), autogroup), threads are only nice within theirs.
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_NICENESS))


def main() -> None:
    """Do what the line of the input orders."""
    be_nice()
    print(json.dumps(uvloop.run(crowd(json.loads(sys.stdin.readline())))), flush=True)


if __name__ == "__main__":
    main()
