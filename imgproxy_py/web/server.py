"""One process that serves an application: it listens, answers, and ends without dropping anybody.

The end, from the first SIGTERM or SIGINT: readiness turns false and every answer closes its connection; after
`shutdown_delay` no client can begin to connect any more, and those who had begun are accepted; idle connections get
`LINGER` seconds to send what may be under way; requests in flight finish within `graceful_stop_timeout`; then all is
closed. A second signal ends the process at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias

import structlog
import uvloop
from aiohttp import web
from pydantic import AfterValidator, BaseModel, Field

from imgproxy_py.kinds import Count, Number, Positive, Seconds
from imgproxy_py.telemetry.aggregate import keep_writing, snapshot_path, write_snapshot
from imgproxy_py.telemetry.metrics import Metrics, measure_loop_lag
from imgproxy_py.web.accepting import Acceptor
from imgproxy_py.web.addresses import check_address, describe, hear_all, refuse_new
from imgproxy_py.web.application import METRICS
from imgproxy_py.web.metrics_site import metrics_site
from imgproxy_py.web.prompt import PromptWire
from imgproxy_py.web.rounds import ENDS_AT_LEAST, ENDS_EACH_ROUND, Rounds
from imgproxy_py.web.shortcut import AROUND, take_shortcut
from imgproxy_py.web.traffic import TRAFFIC
from imgproxy_py.web.tuning import collect, settle
from imgproxy_py.web.wire import Wire

LINGER = 1.0
"""Seconds that idle connections stay open at the end: a request that crosses with our closing would be lost."""

SETTLE = 0.1
"""Seconds that a client who has begun to connect needs at most to finish: a long round trip."""

LAST_CALL = 1.0
"""Seconds between asking what outlived `graceful_stop_timeout` to end, and ending it."""

MakeApplication: TypeAlias = Callable[[], AbstractAsyncContextManager[web.Application]]
"""Gives an application that is open inside of `async with`."""

_log = structlog.get_logger()


class ServerSettings(BaseModel):
    """Where and how it is served."""

    bind: Annotated[str, AfterValidator(check_address)] = Field(
        default=":8080", description="Address to listen on: `host:port`, `:port`, `[v6]:port` or `unix:/path`."
    )
    processes: Positive = Field(default=1, description="How many processes answer on this address.")
    worker_hang_timeout: Number = Field(
        default=30.0,
        description="Seconds without a sign of life after which one of several processes is killed and replaced. 0 = never.",
    )
    timeout: Seconds = Field(default=10.0, description="Seconds that a request may take.")
    keep_alive_timeout: Number = Field(
        default=10.0, description="Seconds that an idle connection stays open. 0 = each answer closes its connection."
    )
    read_request_timeout: Seconds = Field(
        default=10.0, description="Seconds from the first byte of a request's head to its last."
    )
    write_response_timeout: Seconds = Field(
        default=10.0,
        description="Seconds in which a client has to take 16 KiB of an answer, over and over; it is cut off otherwise.",
    )
    graceful_stop_timeout: Seconds | None = Field(
        default=None, description="Seconds that requests in flight get at the end; by default twice the time-out."
    )
    shutdown_delay: Number = Field(
        default=0.0, description="Seconds between turning unready and accepting no more connections."
    )
    max_clients: Count = Field(
        default=2048, description="Connections over which new ones are refused, in each process. 0 = no limit."
    )
    max_url_length: Positive = Field(default=16384, description="The longest request target, in bytes.")

    def patience(self) -> float:
        """Give the seconds that requests in flight get at the end."""
        return 2 * self.timeout if self.graceful_stop_timeout is None else self.graceful_stop_timeout


class Stop:
    """The wish to end: from a signal, or from whoever calls `request`.

    `for_all` is false where others go on to serve at the same address.
    """

    def __init__(self, *, for_all: bool) -> None:
        self.requested = asyncio.Event()
        self.for_all = for_all
        self._signals = 0

    def hear_signals(self) -> None:
        """Take SIGTERM and SIGINT of this process; the second of them ends it at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)

    def request(self) -> None:
        """Wish the end."""
        self.requested.set()

    def _signalled(self) -> None:
        self._signals += 1
        if self._signals > 1:
            os._exit(1)
        self.request()


class Server:
    """An application at a listening socket, which is closed at the end."""

    def __init__(self, application: web.Application, listening: socket.socket, settings: ServerSettings) -> None:
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=LAST_CALL
        )
        self._application = application
        self._traffic = application[TRAFFIC]
        self._traffic.keep_alive = settings.keep_alive_timeout > 0
        self._listening = listening
        self._settings = settings
        self._acceptor = Acceptor(
            listening, self._wire, self._traffic, application[AROUND], shared=settings.processes > 1
        )
        self._rounds = Rounds()
        self._ends = Rounds(ENDS_EACH_ROUND, ENDS_AT_LEAST)

    async def __aenter__(self) -> Self:
        self._listening.setblocking(False)
        await self._runner.setup()
        take_shortcut(self._application, self._server)
        await self._acceptor.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._acceptor.dismiss_doorkeeper()
        self._acceptor.close()
        self._listening.close()
        await self._runner.cleanup()

    async def drain(self, stop: Stop) -> None:
        """End without dropping anybody; when this returns, nobody is connected or the time is up."""
        self._traffic.draining = True
        await asyncio.sleep(self._settings.shutdown_delay)
        await self._acceptor.dismiss_doorkeeper()
        if stop.for_all:
            refuse_new(self._listening)
            await asyncio.sleep(SETTLE)
        self._acceptor.close()
        self._hear_all()
        await self._accept_queued()
        ends = time.monotonic() + self._settings.patience()
        await self._until_gone(min(ends, time.monotonic() + LINGER))
        for wire in self._wires():
            if wire.idle:
                wire.force_close()
        if not await self._until_gone(ends):
            _log.warning("requests_cut_off", in_flight=self._traffic.in_flight)

    def _wire(self) -> Wire:
        return PromptWire(
            self._server,
            self._traffic,
            self._application[AROUND],
            rounds=self._rounds,
            ends=self._ends,
            max_clients=self._settings.max_clients,
            read_timeout=self._settings.read_request_timeout,
            write_timeout=self._settings.write_response_timeout,
            loop=asyncio.get_running_loop(),
            access_log=None,
            keepalive_timeout=self._settings.keep_alive_timeout or self._settings.timeout,
            lingering_time=LINGER,
            max_line_size=self._settings.max_url_length,
            auto_decompress=False,  # the few bodies that are read are small, and what expands is a bomb
        )

    @property
    def _server(self) -> web.Server:
        server = self._runner.server
        if server is None:
            raise RuntimeError("the server is not open")
        return server

    def _wires(self) -> list[Wire]:
        return [one for one in self._server.connections if isinstance(one, Wire)]

    def _hear_all(self) -> None:
        """Hear those who were accepted while new clients were refused."""
        for wire in self._wires():
            if wire.transport and (connection := wire.transport.get_extra_info("socket")):
                hear_all(connection)

    async def _accept_queued(self) -> None:
        """Accept what clients connected before we stopped; closing the socket would reset them."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self._listening.accept()
                connection.setblocking(False)
                hear_all(connection)
                await loop.connect_accepted_socket(self._wire, connection)
        self._listening.close()

    async def _until_gone(self, ends: float) -> bool:
        """Wait until nobody is connected, or until a moment of the monotonic clock; tell which came first."""
        # Looking now and then costs nothing here; being told would cost every connection.
        while self._traffic.connections and time.monotonic() < ends:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return not self._traffic.connections


async def serve(
    make: MakeApplication,
    listening: socket.socket,
    settings: ServerSettings,
    *,
    stop: Stop,
    prometheus_bind: str = "",
    snapshots: Path | None = None,
    on_ready: Callable[[], object] = lambda: None,
) -> None:
    """Serve until the end is wished, then end without dropping anybody.

    Metrics are served at `prometheus_bind`, or written to the directory `snapshots` for a supervisor to add up.
    """
    async with make() as application:
        async with _measured(application.get(METRICS), prometheus_bind, snapshots):
            garbage = collect(application[TRAFFIC])
            async with Server(application, listening, settings) as server, _meanwhile(garbage):
                _log.info("server_started", address=describe(listening), pid=os.getpid())
                on_ready()
                await stop.requested.wait()
                _log.info("server_draining", in_flight=application[TRAFFIC].in_flight, pid=os.getpid())
                await server.drain(stop)
    _log.info("server_stopped", pid=os.getpid())


def run_alone(
    make: MakeApplication, listening: socket.socket, settings: ServerSettings, *, prometheus_bind: str = ""
) -> int:
    """Serve in this process until SIGTERM or SIGINT; give the exit code."""

    async def main() -> None:
        stop = Stop(for_all=True)
        stop.hear_signals()
        await serve(make, listening, settings, stop=stop, prometheus_bind=prometheus_bind, on_ready=settle)

    uvloop.run(main())
    return 0


@asynccontextmanager
async def _measured(metrics: Metrics | None, prometheus_bind: str, snapshots: Path | None) -> AsyncIterator[None]:
    if metrics is None:
        yield
        return
    work = [measure_loop_lag(metrics)]
    path = snapshot_path(snapshots, os.getpid()) if snapshots else None
    if path:
        work.append(keep_writing(metrics, path))
    async with _meanwhile(*work), metrics_site("" if path else prometheus_bind, metrics.exposition):
        yield
    if path:
        write_snapshot(metrics, path)


@asynccontextmanager
async def _meanwhile(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have work done that has no end until the block ends."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
