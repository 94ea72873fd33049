"""Clients who connect are accepted: by the event loop, and by a doorkeeper (see `crowds`) while there is a crowd.

The event loop accepts one connection in a round and leaves the others to the processes beside it: the cheapest way, and fair.
In a crowd its rounds are long, and who waits for one may be a probe.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from imgproxy_py.web.addresses import BACKLOG
from imgproxy_py.web.crowds import Doorkeeper
from imgproxy_py.web.middlewares import Around
from imgproxy_py.web.traffic import Traffic

CROWD, CALM = 32, 16
"""From how many connections on the doorkeeper accepts, and below how many it does no more. Thousands who leave at once keep the
event loop for 17 µs each; a connection that comes by the doorkeeper takes a tenth of a millisecond more, in both together."""

BEAT = 1.0
"""Seconds between two words to the doorkeeper: that we live, how we are, whether to accept."""

SOON = 0.25
"""Seconds until it is told again if it was not known how we are."""


class Acceptor:
    """Accepts whom a listening socket has, each to a protocol that `make` makes, from `open` to `close`.

    The socket stays open: it belongs to the caller, and is `shared` if other processes accept there too. `traffic` tells how
    many are connected here, `around` what to tell probes.
    """

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], asyncio.Protocol],
        traffic: Traffic,
        around: Around,
        *,
        shared: bool = False,
    ) -> None:
        self._listening = listening
        self._make = make
        self._traffic = traffic
        self._around = around
        self._doorkeeper = Doorkeeper(listening, around.probes(), shared=shared, take=self._connect, changed=self._look)
        self._server: asyncio.Server | None = None
        self._opening = asyncio.Lock()
        self._pending: set[asyncio.Task[object]] = set()
        self._beat: asyncio.TimerHandle | None = None
        self._alone = False

    async def open(self) -> None:
        """Begin."""
        await self._accept()
        self._doorkeeper.open()
        self._look_each_beat()

    async def dismiss_doorkeeper(self) -> None:
        """Accept without one from now on; whom it had accepted is here when this returns."""
        if self._alone:
            return
        self._alone = True
        if self._beat:
            self._beat.cancel()
        await self._accept()
        await self._doorkeeper.dismiss()
        if self._pending:
            await asyncio.wait(self._pending)

    def close(self) -> None:
        """End; whom the kernel has by then is not accepted."""
        if self._server:
            self._server.close()
            self._server = None

    async def _accept(self) -> None:
        async with self._opening:
            if not self._server:
                loop, copy = asyncio.get_running_loop(), self._listening.dup()  # the copy is the loop's to close
                create = loop.create_unix_server if copy.family == socket.AF_UNIX else loop.create_server
                self._server = await create(self._accepted, sock=copy, backlog=BACKLOG)

    def _accepted(self) -> asyncio.Protocol:
        """Give the protocol for whom the event loop has accepted, and see soon whether that is a crowd."""
        if self._doorkeeper.there and self._traffic.connections >= CROWD:
            asyncio.get_running_loop().call_soon(self._look)
        return self._make()

    def _look_each_beat(self) -> None:
        self._look()
        pause = BEAT if self._server or self._around.health() else SOON
        self._beat = asyncio.get_running_loop().call_later(pause, self._look_each_beat)

    def _look(self) -> None:
        """Let the doorkeeper accept while there is a crowd, and tell it how we are."""
        crowd = self._traffic.connections >= (CROWD if self._server else CALM)
        if self._alone or (self._server and not crowd):
            return
        if self._doorkeeper.told(accepts=crowd, answer=self._around.health()) and crowd:
            self.close()
        else:
            self._begin(self._accept())

    def _connect(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._begin(asyncio.get_running_loop().connect_accepted_socket(self._make, connection))

    def _begin(self, work: Coroutine[Any, Any, object]) -> None:
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
