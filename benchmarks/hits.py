"""Requests a second for what is made already: the real server beside a bare aiohttp handler with the same bytes."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.arithmetic import Spread, ratios, turns
from benchmarks.cold import original_for
from benchmarks.processes import HOST, cpu_seconds, free_port, get, module, running, wait_for
from benchmarks.report import Table
from benchmarks.service import Service, serving, signed

_BODY_BYTES = 20_000
_WIDTHS = range(160, 1200, 20)
_ACCEPT = "image/avif,image/webp,image/apng,image/*,*/*;q=0.8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Who is asked for what: a server's process and port, a target, the status it answers with."""

    pid: int
    port: int
    target: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def order(self, seconds: float, connections: int) -> str:
        """Give the client's order, as a line."""
        told = {"Host": f"{HOST}:{self.port}", "Accept": _ACCEPT, "User-Agent": "benchmarks", **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        return json.dumps(
            {
                "host": HOST,
                "port": self.port,
                "request": f"GET {self.target} HTTP/1.1\r\n{lines}\r\n",
                "status": self.status,
                "seconds": seconds,
                "connections": connections,
            }
        )


@dataclass(slots=True)
class Figures:
    """Of one side, round by round: requests a second, and microseconds of the server's CPU for each."""

    rate: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


class Client:
    """The process that asks."""

    def __init__(self, process: subprocess.Popen[str], seconds: float, connections: int) -> None:
        self.busiest = 0.0
        self._process = process
        self._seconds = seconds
        self._connections = connections

    def load(self, side: Side, figures: Figures) -> None:
        """Load a side and note its figures."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the client has no pipes")
        before = cpu_seconds(side.pid)
        self._process.stdin.write(side.order(self._seconds, self._connections) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        used = cpu_seconds(side.pid) - before
        if told["broken"] or not told["answered"]:
            raise RuntimeError(f"{side.target} broke off: {told['broken'] or 'no answer'}")
        figures.rate.append(told["answered"] / told["seconds"])
        figures.cpu.append(used / told["answered"] * 1_000_000)
        self.busiest = max(self.busiest, told["busy"])


def measure(pictures: Path, work: Path, *, rounds: int, seconds: float, connections: int) -> Table:
    """Measure hits in memory, 304s and hits in Redis, each beside its bare handler, and give the table."""
    with ExitStack() as stack:
        redis_url = stack.enter_context(_redis(work))
        ours = stack.enter_context(serving(pictures, work, {}))
        shared = {"IMGPROXY_MEMORY_CACHE_BYTES": "0", "IMGPROXY_REDIS_URL": redis_url}
        with_redis = stack.enter_context(serving(pictures, work, shared))
        target, etag, body = _picture_of(ours, original_for(pictures, 2))
        _made(with_redis, target)
        bare_pid, bare_port = stack.enter_context(_bare(body, work, redis_url))
        client = Client(stack.enter_context(running(module("load"), work / "client.log")), seconds, connections)
        table = Table(
            f"Hits: {len(body):,} bytes, {connections} connections",
            ["answer", "bare, requests/s", "server, requests/s", "ratio", "bare, CPU µs", "server, CPU µs", "ratio "],
        )
        cases = {
            "200 from memory": (
                Side(pid=bare_pid, port=bare_port, target="/picture"),
                Side(pid=ours.pid, port=ours.port, target=target),
            ),
            "304 from memory": (
                Side(pid=bare_pid, port=bare_port, target="/unchanged", status=304),
                Side(pid=ours.pid, port=ours.port, target=target, status=304, headers={"If-None-Match": etag}),
            ),
            "200 from Redis": (
                Side(pid=bare_pid, port=bare_port, target="/redis"),
                Side(pid=with_redis.pid, port=with_redis.port, target=target),
            ),
        }
        for name, (bare_side, our_side) in cases.items():
            bare, server = _alternated(client, bare_side, our_side, rounds)
            table.add(name, *_cells(bare, server))
        table.notes.append(f"The client was busy at most {client.busiest:.0%} of its time.")
    return table


def _cells(bare: Figures, server: Figures) -> Iterator[str]:
    yield Spread.of(bare.rate).text()
    yield Spread.of(server.rate).text()
    yield ratios(server.rate, bare.rate).text(2)
    yield Spread.of(bare.cpu).text(1)
    yield Spread.of(server.cpu).text(1)
    yield ratios(server.cpu, bare.cpu).text(2)


def _alternated(client: Client, bare: Side, ours: Side, rounds: int) -> tuple[Figures, Figures]:
    sides = {"bare": (bare, Figures()), "ours": (ours, Figures())}
    for side, _ in sides.values():
        client.load(side, Figures())  # both are warm before the first round
    for pair in turns(rounds, "bare", "ours"):
        for name in pair:
            client.load(*sides[name])
    return sides["bare"][1], sides["ours"][1]


def _picture_of(service: Service, original: Path) -> tuple[str, str, bytes]:
    """Give target, entity tag and bytes of the first picture, by width, with about 20 KB; it is in memory then."""
    for width in _WIDTHS:
        target = signed(f"/rs:fit:{width}:0/plain/local:///{original.name}@jpeg")
        _, headers, body = get(service.port, target)
        if len(body) >= _BODY_BYTES:
            return target, headers["ETag"], body
    return target, headers["ETag"], body


def _made(service: Service, target: str) -> None:
    for expected in ("fwd=miss", "detail=redis"):
        _, headers, _ = get(service.port, target)
        if expected not in headers["Cache-Status"]:
            raise RuntimeError(f"{expected} was expected, not {headers['Cache-Status']}")


@contextmanager
def _bare(body: bytes, work: Path, redis_url: str) -> Iterator[tuple[int, int]]:
    file, port, log = work / "body", free_port(), work / "bare-http.log"
    file.write_bytes(body)
    with running(module("bare_http", str(port), str(file), redis_url), log, {}) as process:
        wait_for(process, port, log)
        yield process.pid, port


@contextmanager
def _redis(work: Path) -> Iterator[str]:
    command = shutil.which("redis-server")
    if command is None:
        raise SystemExit("redis-server is not installed; `make servers` installs it")
    port, log = free_port(), work / "redis.log"
    options = ["--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no", "--dir", str(work)]
    with running([command, *options], log, {}) as process:
        wait_for(process, port, log)
        yield f"redis://{HOST}:{port}"
