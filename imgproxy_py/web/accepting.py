"""Clients who connect are accepted: by the event loop, and by a doorkeeper (see `crowds`) while there is a crowd.

libuv accepts one connection in a round of the event loop: the cheapest way, and who has nothing else to do leaves the others
to the processes beside him. In a crowd rounds are long, and who waits for one may be a probe, so a process that is alone has a
doorkeeper. Where processes share the socket, clients are better left to them: a doorkeeper would go on to bring them to one
that has just begun to hang. There, and without a doorkeeper, some more are accepted in rounds that are busy.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

from imgproxy_py.web.addresses import BACKLOG
from imgproxy_py.web.crowds import EACH_ROUND, Doorkeeper
from imgproxy_py.web.middlewares import Around
from imgproxy_py.web.traffic import Traffic

CROWD, CALM = 32, 16
"""From how many connections on the doorkeeper accepts, and below how many it does no more. Thousands who leave at once keep the
event loop for 17 µs each; a connection that comes by the doorkeeper takes a tenth of a millisecond more, in both together."""

BUSY_SECONDS = 0.0005
"""For each so many seconds that the rest of a round takes, one more is accepted."""

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
        self._shared = shared
        self._doorkeeper = Doorkeeper(listening, around.probes(), take=self._connect, changed=self._look)
        self._accepted_at = 0.0
        self._server: asyncio.Server | None = None
        self._opening = asyncio.Lock()
        self._pending: set[asyncio.Task[object]] = set()
        self._beat: asyncio.TimerHandle | None = None
        self._alone = False

    async def open(self) -> None:
        """Begin."""
        await self._accept()
        if not self._shared:
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
        """Give the protocol for whom the event loop has accepted, and look soon whether there are more, or a crowd."""
        if not self._accepted_at:
            self._accepted_at = time.perf_counter()
            asyncio.get_running_loop().call_soon(self._accept_more)
        return self._make()

    def _accept_more(self) -> None:
        taken, self._accepted_at = time.perf_counter() - self._accepted_at, 0.0
        if self._doorkeeper.there:
            self._look()
            return
        for _ in range(min(EACH_ROUND - 1, int(taken / BUSY_SECONDS))):
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return  # nobody is there; or something is wrong, which the event loop meets next and knows to handle
            self._connect(connection)

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
