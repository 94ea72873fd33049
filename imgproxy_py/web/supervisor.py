"""Several processes at one address.

The supervisor opens the listening socket, once, and starts fresh processes that inherit it: a worker that ends leaves the
queue of connections to the others. Supervisor and worker hold the two ends of a socket pair, the *lifeline*. A byte from
the worker says that it answers requests; the end of the stream says to the worker that it shall stop, be it because the
supervisor wishes so or because it is dead. From then on the worker's event loop sends a byte each second: a worker that
falls silent hangs, and is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from imgproxy_py.telemetry.aggregate import Aggregate
from imgproxy_py.telemetry.metrics import MetricsSettings
from imgproxy_py.web.addresses import describe, listen
from imgproxy_py.web.metrics_site import metrics_site
from imgproxy_py.web.pauses import Pauses
from imgproxy_py.web.server import LAST_CALL, MakeApplication, ServerSettings, run_alone
from imgproxy_py.web.worker import BEAT, POST, READY, WorkerPost, run_worker

_TRACE_SECONDS = 1.0  # that a hanging worker gets to write where it hangs
_SPARE = 5.0  # seconds beyond a worker's own patience before it is killed
_log = structlog.get_logger()


def run(
    make: MakeApplication, *, settings: ServerSettings, metrics: MetricsSettings, command: Sequence[str] = ()
) -> int:
    """Serve until SIGTERM or SIGINT, in as many processes as set; give the exit code.

    With several processes this one only supervises, and `command` starts each of the others: it must come back here with
    the same settings. Raises `OSError` if the address cannot be had.
    """
    if post := WorkerPost.inherited():
        return run_worker(make, settings, post)
    listening = listen(settings.bind)
    try:
        if settings.processes == 1:
            return run_alone(make, listening, settings, prometheus_bind=metrics.prometheus_bind)
        return asyncio.run(Supervisor(command, listening, settings, metrics).run())
    finally:
        listening.close()


@dataclass(slots=True, eq=False)
class _Worker:
    process: Process
    lifeline: socket.socket
    born: float
    ready: bool = False

    async def become_ready(self) -> None:
        """Wait for the worker's word, or for its end."""
        self.ready = await asyncio.get_running_loop().sock_recv(self.lifeline, 1) == READY

    async def falls_silent(self, seconds: float) -> bool:
        """Wait until no sign of life has come for so long, or until the worker's end; tell which it was.

        Beats missed are counted, not time: if all of us were suspended, nobody is late.
        """
        missed, loop = 0, asyncio.get_running_loop()
        while missed * BEAT < seconds:
            try:
                if not await asyncio.wait_for(loop.sock_recv(self.lifeline, 4096), BEAT):
                    return False
                missed = 0
            except TimeoutError:
                missed += 1
        return True

    async def kill_hanging(self) -> None:
        """Have the worker write where it hangs, if it can, and end it."""
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself meanwhile
            self.process.send_signal(signal.SIGABRT)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), _TRACE_SECONDS)
            self.process.kill()

    def dismiss(self) -> None:
        """Tell the worker to finish and end; its word may still arrive."""
        with contextlib.suppress(OSError):  # it is gone already
            self.lifeline.shutdown(socket.SHUT_WR)


class Supervisor:
    """Keeps as many workers alive as set, until SIGTERM or SIGINT.

    Workers that never became ready are not replaced as long as none ever did: a setting is wrong then, or something that
    all of them need is not there, and whoever started us should know.
    """

    def __init__(
        self,
        command: Sequence[str],
        listening: socket.socket,
        settings: ServerSettings,
        metrics: MetricsSettings,
    ) -> None:
        if not command:
            raise ValueError("several processes need a command that starts one")
        self._command = tuple(command)
        self._listening = listening
        self._settings = settings
        self._metrics = metrics
        self._workers: set[_Worker] = set()
        self._ever_ready = False
        self._failed = False
        self._snapshots = Path()
        self._aggregate = Aggregate(metrics, self._snapshots)

    async def run(self) -> int:
        """Supervise; give the exit code: 0 if every worker ended as told."""
        stop = asyncio.Event()
        self._hear_signals(stop)
        self._snapshots = Path(tempfile.mkdtemp(prefix="imgproxy-metrics-"))
        self._aggregate = Aggregate(self._metrics, self._snapshots)
        try:
            async with metrics_site(self._metrics.prometheus_bind, self._aggregate.exposition):
                _log.info("supervisor_started", address=describe(self._listening), processes=self._settings.processes)
                async with asyncio.TaskGroup() as group:
                    keepers = [group.create_task(self._keep_one(stop)) for _ in range(self._settings.processes)]
                    group.create_task(self._end_all(stop, keepers))
        finally:
            shutil.rmtree(self._snapshots, ignore_errors=True)
        _log.info("supervisor_stopped", failed=self._failed)
        return 1 if self._failed else 0

    def _hear_signals(self, stop: asyncio.Event) -> None:
        def heard() -> None:
            if stop.is_set():
                for worker in self._workers:
                    worker.process.kill()
                os._exit(1)
            stop.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, heard)

    async def _keep_one(self, stop: asyncio.Event) -> None:
        """Start a worker, and another whenever it dies, until the end is wished."""
        pauses = Pauses()
        while not stop.is_set():
            worker = await self._start()
            await self._watch(worker, stop)
            if stop.is_set():
                self._failed |= worker.process.returncode != 0
                return
            _log.warning("worker_died", pid=worker.process.pid, exit_code=worker.process.returncode)
            if not self._ever_ready:
                self._failed = True
                stop.set()
                return
            self._aggregate.restarts += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pauses.after(time.monotonic() - worker.born))

    async def _start(self) -> _Worker:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        inherited = self._listening.fileno(), theirs.fileno()
        snapshots = self._snapshots if self._metrics.prometheus_bind else None
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=DEVNULL,
                pass_fds=inherited,
                env={**os.environ, POST: str(WorkerPost(*inherited, snapshots))},
            )
        return _Worker(process, ours, time.monotonic())

    async def _watch(self, worker: _Worker, stop: asyncio.Event) -> None:
        """Wait until a worker has ended."""
        self._workers.add(worker)
        self._aggregate.workers = len(self._workers)
        if stop.is_set():  # wished while it was being started
            worker.dismiss()
        try:
            await worker.become_ready()
            if worker.ready:
                self._ever_ready = True
                _log.info("worker_started", pid=worker.process.pid)
                await self._guard(worker)
            await worker.process.wait()
        finally:
            worker.lifeline.close()
            self._workers.discard(worker)
            self._aggregate.workers = len(self._workers)
            self._aggregate.retire(worker.process.pid)

    async def _guard(self, worker: _Worker) -> None:
        """Kill a worker that hangs; return when it ends, or is about to."""
        patience = self._settings.worker_hang_timeout
        if patience and await worker.falls_silent(patience):
            _log.error("worker_hung", pid=worker.process.pid, seconds=patience)
            await worker.kill_hanging()

    async def _end_all(self, stop: asyncio.Event, keepers: list[asyncio.Task[None]]) -> None:
        """Once the end is wished, dismiss all workers, and kill those that take too long."""
        await stop.wait()
        self._listening.close()
        for worker in self._workers:
            worker.dismiss()
        patience = self._settings.shutdown_delay + self._settings.patience() + LAST_CALL + _SPARE
        await asyncio.wait(keepers, timeout=patience)
        for worker in self._workers:
            _log.error("worker_killed", pid=worker.process.pid)
            worker.process.kill()
