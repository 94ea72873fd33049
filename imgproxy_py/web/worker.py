"""One of several processes at an address: what it inherits of its supervisor, and what it tells him (see `supervisor`)."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import uvloop

from imgproxy_py.web.server import MakeApplication, ServerSettings, Stop, serve
from imgproxy_py.web.tuning import settle

POST = "_IMGPROXY_WORKER_POST"
"""The variable that tells a process that it is a worker; not one of ours that begin with `IMGPROXY_`, which are settings."""

BEAT = 1.0
"""Seconds between two signs of life of a worker."""

READY = b"r"
"""The word that a worker answers requests."""

_ALIVE = b"."


@dataclass(frozen=True, slots=True)
class WorkerPost:
    """What a worker inherits: the listening socket, its end of the lifeline, and where its metrics go."""

    listening: int
    lifeline: int
    snapshots: Path | None = None

    @classmethod
    def inherited(cls) -> WorkerPost | None:
        """Give this process's post, once; `None` if it is no worker."""
        text = os.environ.pop(POST, "")
        if not text:
            return None
        listening, lifeline, snapshots = text.split(":", 2)
        return cls(int(listening), int(lifeline), Path(snapshots) if snapshots else None)

    def __str__(self) -> str:
        return f"{self.listening}:{self.lifeline}:{self.snapshots or ''}"


def run_worker(make: MakeApplication, settings: ServerSettings, post: WorkerPost) -> int:
    """Serve until the lifeline ends or a signal comes; give the exit code."""
    listening = socket.socket(fileno=post.listening)
    lifeline = socket.socket(fileno=post.lifeline)
    lifeline.setblocking(False)

    async def main() -> None:
        stop = Stop(for_all=False)
        stop.hear_signals()
        _stop_at_end_of(lifeline, stop)
        await serve(
            make,
            listening,
            settings,
            stop=stop,
            snapshots=post.snapshots,
            on_ready=lambda: _begin(lifeline),
        )

    faulthandler.enable()  # a crash, and the end of a hang, leave a trace on standard error
    with listening, lifeline:
        uvloop.run(main())
    return 0


def _stop_at_end_of(lifeline: socket.socket, stop: Stop) -> None:
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(lifeline)
        stop.for_all = True
        stop.request()

    loop.add_reader(lifeline, ended)


def _begin(lifeline: socket.socket) -> None:
    settle()
    _tell(lifeline, READY)
    _beat(asyncio.get_running_loop(), lifeline)


def _beat(loop: asyncio.AbstractEventLoop, lifeline: socket.socket) -> None:
    """Give a sign of life now and each second; it ends with the loop."""
    _tell(lifeline, _ALIVE)
    loop.call_later(BEAT, _beat, loop, lifeline)


def _tell(lifeline: socket.socket, what: bytes) -> None:
    with contextlib.suppress(OSError):  # nobody is there, which the lifeline's end says too, or nobody listens now
        lifeline.send(what)
