"""Processes that start, share an address, die and end, with clients who notice nothing."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

SERVICE = Path(__file__).with_name("small_service.py")
TIMEOUT = 60.0


@dataclass
class Running:
    process: Process
    port: int
    metrics_port: int
    bind: str
    events: list[dict[str, Any]] = field(default_factory=list)

    async def ends(self) -> int:
        return await asyncio.wait_for(self.process.wait(), TIMEOUT)

    async def told(self, event: str, times: int = 1) -> list[dict[str, Any]]:
        async with asyncio.timeout(TIMEOUT):
            while len(found := [one for one in self.events if one["event"] == event]) < times:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return found

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.bind.startswith("unix:"):
            return await asyncio.open_unix_connection(self.bind.removeprefix("unix:"))
        return await asyncio.open_connection("127.0.0.1", self.port)


Start = Callable[..., Awaitable[Running]]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as trial:
        return trial.getsockname()[1]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    started: list[Running] = []
    readers: list[asyncio.Task[None]] = []

    async def run(*, wait: bool = True, environment: dict[str, str] | None = None, **settings: Any) -> Running:
        port, metrics_port = free_port(), free_port()
        bind = settings.pop("bind", f"127.0.0.1:{port}")
        server = json.dumps({"bind": bind, "graceful_stop_timeout": 5, **settings})
        metrics = json.dumps({"prometheus_bind": f"127.0.0.1:{metrics_port}"})
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(SERVICE),
            server,
            metrics,
            stderr=PIPE,
            env={**os.environ, "PYTHONPATH": str(SERVICE.parents[2]), **(environment or {})},
        )
        running = Running(process, port, metrics_port, bind)
        started.append(running)
        readers.append(asyncio.create_task(read_events(running)))
        if wait:
            await running.told("server_started", settings.get("processes", 1))
        return running

    yield run
    for running in started:
        if running.process.returncode is None:
            running.process.kill()
        await running.process.wait()
    await asyncio.gather(*readers)


async def read_events(running: Running) -> None:
    assert running.process.stderr
    async for line in running.process.stderr:
        try:
            running.events.append(json.loads(line))
        except ValueError:
            running.events.append({"event": "unreadable", "line": line.decode()})


@dataclass
class Load:
    """Clients that ask again and again until told to end; each failure is kept, with what was asked and when."""

    running: Running
    answered: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    over: bool = False
    began: float = field(default_factory=time.monotonic)

    async def keep_alive(self, path: str = "/_/slow", pause: float = 0.0) -> None:
        while not self.over:
            try:
                reader, writer = await self.running.connect()
            except (ConnectionRefusedError, FileNotFoundError):  # nobody listens: no request was lost
                self.refused += 1
                await asyncio.sleep(0.02)
                continue
            with contextlib.closing(writer):
                await self._ask_until_closed(reader, writer, path, pause)

    async def _ask_until_closed(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, pause: float
    ) -> None:
        while not self.over:
            try:
                head, _ = await ask(reader, writer, path)
            except (OSError, EOFError) as error:
                self._failed(path, error)
                return
            self.answered += 1
            if b"connection: close" in head.lower():
                return
            await asyncio.sleep(pause)

    async def one_by_one(self, path: str = "/_/fast") -> None:
        while not self.over:
            try:
                reader, writer = await self.running.connect()
            except (ConnectionRefusedError, FileNotFoundError):
                self.refused += 1
                await asyncio.sleep(0.02)
                continue
            with contextlib.closing(writer):
                try:
                    await ask(reader, writer, path, "Connection: close")
                    self.answered += 1
                except (OSError, EOFError) as error:
                    self._failed(path, error)

    def _failed(self, path: str, error: Exception) -> None:
        self.failures.append(f"{path} after {time.monotonic() - self.began:.3f} s: {error!r}")


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, *headers: str
) -> tuple[bytes, bytes]:
    lines = [f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT)
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line)
    return head, await asyncio.wait_for(reader.readexactly(length), TIMEOUT)


async def get(running: Running, path: str, *, port: int = 0) -> tuple[int, str]:
    if port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    else:
        reader, writer = await running.connect()
    with contextlib.closing(writer):
        head, body = await ask(reader, writer, path, "Connection: close")
    return int(head.split()[1]), body.decode()


@contextlib.asynccontextmanager
async def under_load(running: Running) -> AsyncIterator[Load]:
    load = Load(running)
    async with asyncio.TaskGroup() as clients:
        for _ in range(6):
            clients.create_task(load.keep_alive())
            clients.create_task(load.keep_alive("/_/fast", pause=0.01))
        for _ in range(4):
            clients.create_task(load.one_by_one())
        try:
            yield load
        finally:
            load.over = True


async def pids(running: Running, expected: int) -> set[int]:
    seen: set[int] = set()
    async with asyncio.timeout(TIMEOUT):
        while len(seen) < expected:
            answers = await asyncio.gather(*(get(running, "/_/slow/pid") for _ in range(20)))
            seen |= {int(body) for _, body in answers}
    return seen


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_stop_under_load_loses_no_request(start: Start, processes):
    running = await start(processes=processes)
    async with under_load(running) as load:
        await asyncio.sleep(1.0)
        running.process.send_signal(signal.SIGTERM)
        code = await running.ends()
    assert code == 0
    assert load.failures == []
    assert load.answered > 100
    assert load.refused > 0


async def test_a_stop_over_a_unix_socket_loses_no_request(start: Start, tmp_path):
    path = tmp_path / "socket"
    running = await start(processes=2, bind=f"unix:{path}")
    async with under_load(running) as load:
        await asyncio.sleep(0.5)
        running.process.send_signal(signal.SIGINT)
        code = await running.ends()
    assert (code, load.failures) == (0, [])
    assert load.answered > 100
    assert not path.exists()


async def test_a_stopped_worker_is_replaced_and_loses_no_request(start: Start):
    running = await start(processes=2)
    first = await pids(running, 2)
    async with under_load(running) as load:
        await asyncio.sleep(0.5)
        os.kill(min(first), signal.SIGTERM)
        await running.told("worker_started", 3)
        await asyncio.sleep(0.5)
    assert load.failures == []
    assert load.refused == 0
    assert await pids(running, 2) - first


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, pytest.param(signal.SIGBUS, marks=pytest.mark.slow)])
async def test_a_worker_that_crashes_loses_its_own_requests_only_and_is_replaced(start: Start, how):
    running = await start(processes=3)
    first = await pids(running, 3)
    async with under_load(running) as load:
        await asyncio.sleep(0.3)
        os.kill(min(first), how)
        await running.told("worker_started", 4)
        failed_by_then = len(load.failures)
        await asyncio.sleep(0.5)
    (died,) = await running.told("worker_died")
    assert (died["pid"], died["exit_code"]) == (min(first), -how)
    assert failed_by_then <= 16, load.failures  # at most what the dead one held, a request a client
    assert len(load.failures) == failed_by_then
    assert load.refused == 0
    assert load.answered > 100
    assert first - {min(first)} <= await pids(running, 3)
    assert "imgproxy_worker_restarts_total 1.0" in (await get(running, "/metrics", port=running.metrics_port))[1]


@pytest.mark.slow
async def test_a_worker_that_dies_again_and_again_is_replaced_less_and_less_often(start: Start):
    running = await start(processes=2)
    kept = max(await pids(running, 2))
    async with under_load(running) as load:
        for deaths in range(1, 5):
            (*_, young) = [one["pid"] for one in await running.told("worker_started", deaths + 1) if one["pid"] != kept]
            os.kill(young, signal.SIGKILL)
            died = await running.told("worker_died", deaths)
    started = [moment(one) for one in await running.told("worker_started", 6)][2:]
    waited = [begun - ended for begun, ended in zip(started, map(moment, died), strict=True)]
    assert all(seconds >= pause for seconds, pause in zip(waited, (0.1, 0.2, 0.4, 0.8), strict=True))
    assert load.refused == 0
    assert load.answered > 100
    assert len(load.failures) <= 16 * len(died)
    restarts = (await get(running, "/metrics", port=running.metrics_port))[1]
    assert f"imgproxy_worker_restarts_total {len(died)}.0" in restarts


def moment(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["time"]).timestamp()


@pytest.mark.parametrize(
    "stopped",
    [
        pytest.param(False, id="its event loop hangs"),
        pytest.param(True, id="it is stopped", marks=pytest.mark.slow),
    ],
)
async def test_a_worker_that_hangs_is_killed_and_replaced(start: Start, stopped):
    running = await start(processes=2, worker_hang_timeout=2)
    first = await pids(running, 2)
    waiting = None
    if stopped:
        os.kill(min(first), signal.SIGSTOP)
    else:
        waiting = asyncio.create_task(get(running, "/_/hang"))
    (hung,) = await running.told("worker_hung")
    (died,) = await running.told("worker_died")
    assert hung["pid"] == died["pid"] in first
    assert died["exit_code"] == (-signal.SIGKILL if stopped else -signal.SIGABRT)
    await running.told("worker_started", 3)
    assert first - {died["pid"]} < await pids(running, 2)
    if waiting:
        with pytest.raises((EOFError, OSError)):
            await waiting
        told = "".join(one["line"] for one in running.events if one["event"] == "unreadable")
        assert "small_service.py" in told  # where it hung


@pytest.mark.slow
async def test_workers_that_are_suspended_with_their_supervisor_are_not_taken_for_hanging(start: Start):
    running = await start(processes=2, worker_hang_timeout=1.5)
    everybody = [running.process.pid, *await pids(running, 2)]
    for one in everybody:
        os.kill(one, signal.SIGSTOP)
    await asyncio.sleep(3)
    for one in everybody:
        os.kill(one, signal.SIGCONT)
    await asyncio.sleep(2.5)
    assert not [one for one in running.events if one["event"] == "worker_hung"]
    assert await pids(running, 2) == set(everybody[1:])


async def test_while_draining_we_answer_and_are_not_ready(start: Start):
    running = await start(shutdown_delay=1.0)
    assert (await get(running, "/ready"))[0] == 200
    running.process.send_signal(signal.SIGTERM)
    await running.told("server_draining")
    status, body = await get(running, "/ready")
    assert (status, json.loads(body)["draining"]) == (503, True)
    assert (await get(running, "/_/fast"))[0] == 200
    assert await running.ends() == 0


async def test_an_idle_connection_is_closed_cleanly(start: Start):
    running = await start()
    reader, writer = await running.connect()
    await ask(reader, writer, "/_/fast")
    running.process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(reader.read(), TIMEOUT) == b""
    writer.close()
    assert await running.ends() == 0


async def test_a_request_in_flight_is_finished(start: Start):
    running = await start()
    longer = asyncio.create_task(get(running, "/_/longer"))
    await asyncio.sleep(0.3)
    running.process.send_signal(signal.SIGTERM)
    assert (await longer)[0] == 200
    assert await running.ends() == 0


async def test_what_takes_too_long_is_cut_off(start: Start):
    running = await start(graceful_stop_timeout=0.5)
    never = asyncio.create_task(get(running, "/_/never"))
    await asyncio.sleep(0.3)
    began = time.monotonic()
    running.process.send_signal(signal.SIGTERM)
    with pytest.raises((EOFError, OSError)):
        await never
    assert await running.ends() == 0
    assert time.monotonic() - began < 5
    assert await running.told("requests_cut_off")


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_second_signal_ends_at_once(start: Start, processes):
    running = await start(processes=processes)
    never = asyncio.create_task(get(running, "/_/never"))
    await asyncio.sleep(0.3)
    running.process.send_signal(signal.SIGTERM)
    await running.told("server_draining", processes)
    began = time.monotonic()
    running.process.send_signal(signal.SIGTERM)
    assert await running.ends() == 1
    assert time.monotonic() - began < 4  # `graceful_stop_timeout` is 5
    with pytest.raises((EOFError, OSError)):
        await never


async def test_workers_end_when_their_supervisor_is_dead(start: Start):
    running = await start(processes=2)
    workers = await pids(running, 2)
    running.process.kill()
    async with asyncio.timeout(TIMEOUT):
        while any(alive(pid) for pid in workers):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_service_that_cannot_start_ends_the_whole(start: Start):
    running = await start(wait=False, processes=2, environment={"SMALL_SERVICE_FAILS": "1"})
    assert await running.ends() == 1


async def test_the_metrics_of_two_processes_are_one(start: Start):
    running = await start(processes=2)
    workers = await pids(running, 2)
    for _ in range(50):
        assert (await get(running, "/_/fast"))[0] == 200
    sent = len([one for one in running.events if one["event"] == "request_answered"])
    await asyncio.sleep(1.5)
    assert await counted(running) >= sent
    before = await counted(running)
    os.kill(min(workers), signal.SIGTERM)
    await running.told("worker_started", 3)
    await asyncio.sleep(1.5)
    assert await counted(running) == before
    text = (await get(running, "/metrics", port=running.metrics_port))[1]
    assert "imgproxy_worker_processes 2.0" in text
    assert "process_resident_memory_bytes" in text


async def counted(running: Running) -> float:
    text = (await get(running, "/metrics", port=running.metrics_port))[1]
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("imgproxy_requests_total{"))


async def test_the_metrics_of_one_process(start: Start):
    running = await start()
    await get(running, "/_/fast")
    assert await counted(running) == 1


async def test_connections_over_the_limit_are_refused_in_words(start: Start):
    running = await start(max_clients=1)
    reader, writer = await running.connect()
    await ask(reader, writer, "/_/fast")
    second, closing = await running.connect()
    assert b"503" in await asyncio.wait_for(second.readline(), TIMEOUT)
    closing.close()
    writer.close()
    await asyncio.sleep(0.1)
    assert (await get(running, "/_/fast"))[0] == 200


async def test_nonsense_is_refused_politely(start: Start):
    running = await start()
    for request_text, status in (
        (f"GET /_/{'x' * 20_000} HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (f"GET /_/x HTTP/1.1\r\nHost: x\r\nX-Long: {'x' * 20_000}\r\n\r\n", 431),
        ("nonsense\r\n\r\n", 400),
        ("GET /_/x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    ):
        reader, writer = await running.connect()
        writer.write(request_text.encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIMEOUT)
        writer.close()
        assert int(head.split()[1]) == status, request_text[:40]
        assert b"Server: imgproxy\r\n" in head
        assert b"aiohttp" not in head
    running.process.send_signal(signal.SIGTERM)
    await running.ends()
    assert not [one for one in running.events if one["level"] in ("warning", "error")]


async def test_without_keep_alive_every_answer_closes(start: Start):
    running = await start(keep_alive_timeout=0)
    reader, writer = await running.connect()
    head, _ = await ask(reader, writer, "/_/fast")
    writer.close()
    assert b"Connection: close" in head
