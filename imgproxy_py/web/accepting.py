"""Clients who connect are accepted, many in each round of the event loop.

libuv accepts one connection in a round and leaves the others to the next. A busy round takes milliseconds, so that thousands
who connect at once would be let in a hundred a second, and the kernel, whose queue is full by then, would reset some of them.
Who has nothing else to do takes one in a round all the same, and leaves the others to the processes beside him.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

from imgproxy_py.web.addresses import BACKLOG

EACH_ROUND = 4
"""How many connections are accepted in a round at most. Each takes a fifth of a millisecond, up to a whole one while threads
want the interpreter as well, and comes with a request: more make rounds longer, and let those who connect in no sooner."""

BUSY_SECONDS = 0.0005
"""For each so many seconds that the rest of a round takes, one more is accepted."""


class Acceptor:
    """Accepts whom a listening socket has, each to a protocol that `make` makes, from `open` to `close`.

    The socket stays open: it belongs to the caller.
    """

    def __init__(self, listening: socket.socket, make: Callable[[], asyncio.Protocol], each: int = EACH_ROUND) -> None:
        self._listening = listening
        self._make = make
        self._each = each
        self._server: asyncio.Server | None = None
        self._connecting: set[asyncio.Task[object]] = set()
        self._accepted_at = 0.0

    async def open(self) -> None:
        """Begin."""
        loop, copy = asyncio.get_running_loop(), self._listening.dup()  # the copy is the loop's to close
        create = loop.create_unix_server if copy.family == socket.AF_UNIX else loop.create_server
        self._server = await create(self._accepted, sock=copy, backlog=BACKLOG)

    def close(self) -> None:
        """End; whom the kernel has by then is not accepted."""
        if self._server:
            self._server.close()
            self._server = None

    def _accepted(self) -> asyncio.Protocol:
        """Give the protocol for whom the event loop has accepted, and look soon whether there are more."""
        if not self._accepted_at:
            self._accepted_at = time.perf_counter()
            asyncio.get_running_loop().call_soon(self._accept_more)
        return self._make()

    def _accept_more(self) -> None:
        taken, self._accepted_at = time.perf_counter() - self._accepted_at, 0.0
        for _ in range(min(self._each - 1, int(taken / BUSY_SECONDS))):
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return  # nobody is there; or something is wrong, which the event loop meets next and knows to handle
            connection.setblocking(False)
            self._connect(connection)

    def _connect(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        task: asyncio.Task[object] = loop.create_task(loop.connect_accepted_socket(self._make, connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
