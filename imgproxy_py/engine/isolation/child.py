"""`python -m imgproxy_py.engine.isolation.child FD`: does the tasks that its parent sends through a socket, one at a time.

It ends when its parent has gone, also in the middle of a task, and when it has had nothing to do for `IDLE` seconds.
"""

from __future__ import annotations

import json
import os
import pickle
import select
import socket
import sys
import threading
from multiprocessing.connection import Connection

import pyvips

from imgproxy_py.engine import libvips
from imgproxy_py.engine.isolation.tasks import Task
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.errors import ImgproxyError

IDLE = 60.0
"""Seconds without a task after which a child ends."""


def main() -> None:
    """Serve until there is nobody, or nothing, to serve."""
    door = socket.socket(fileno=int(sys.argv[1]))
    link = Connection(os.dup(door.fileno()))
    threading.Thread(target=_end_with_parent, args=(door.fileno(),), daemon=True).start()
    libvips.prepare()
    try:
        settings: EngineSettings = pickle.loads(link.recv_bytes())  # noqa: S301  # our parent's, nobody else's
        link.send_bytes(b"ready")
        while link.poll(IDLE):
            _serve(door, link, settings)
    except (EOFError, ConnectionError):
        return


def _serve(door: socket.socket, link: Connection, settings: EngineSettings) -> None:
    task: Task = pickle.loads(link.recv_bytes())  # noqa: S301  # our parent's, nobody else's
    _, (inbox, outbox), _, _ = socket.recv_fds(door, 1, 2)
    try:
        link.send_bytes(json.dumps(_answer(task, settings, inbox, outbox)).encode())
    finally:
        os.close(inbox)
        os.close(outbox)


def _answer(task: Task, settings: EngineSettings, inbox: int, outbox: int) -> dict[str, object]:
    try:
        return {"made": task.perform(settings, inbox, outbox)}
    except ImgproxyError as error:
        return {"error": type(error).__name__, "detail": error.detail, "private": error.private}
    except pyvips.Error as error:
        return {"error": "vips", "detail": error.message, "private": error.detail}


def _end_with_parent(descriptor: int) -> None:
    """End the process as soon as the other end of the socket is closed, whatever it is doing."""
    gone = select.poll()
    gone.register(descriptor, 0)  # only that it hung up is told, not that there is something to read
    gone.poll()
    os._exit(1)


if __name__ == "__main__":
    main()
