"""Requests a second for what is made already: our server beside a bare aiohttp handler with the same bytes, and others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arithmetic import Spread
from benchmarks.bench import Bench, Outcome, say
from benchmarks.client import Client, Questions, asking
from benchmarks.measures import OURS, Row, cpu_ratio, find, rate_ratio
from benchmarks.peers import Server, Wanted, ours
from benchmarks.processes import HOST, free_port, get, module, running, wait_for
from benchmarks.report import Table, megabytes
from benchmarks.rounds import Side, alternated

CASES = MEMORY, UNCHANGED, REDIS = "200 from memory", "304 from memory", "200 from Redis"
BARE = "bare aiohttp"
_BODY_BYTES = 20_000
_WIDTHS = range(160, 1200, 20)
_SECONDS = 3  # turns of this workload are so much longer than others'


@dataclass(frozen=True, slots=True)
class Asked:
    """A server and what it is asked in a case."""

    case: str
    server: Server
    questions: Questions


def hits(bench: Bench) -> Outcome:
    """Measure hits in memory, 304s and hits in Redis, each beside its bare handler."""
    rows: list[Row] = []
    with ExitStack() as stack:
        client = stack.enter_context(asking(bench.work))
        for name, sides in _groups(bench, stack).items():
            say(f"hits: from {name}")
            rows += alternated([_side(bench, client, one) for one in sides], bench.effort.rounds)
    rows.sort(key=lambda row: CASES.index(row.case))
    return Outcome(rows, [_table(bench, rows, client.busiest)])


def _side(bench: Bench, client: Client, asked: Asked) -> Side:
    row = Row(workload="hits", case=asked.case, server=asked.server.name, turns=())
    return Side(row, lambda: client.ask(asked.server, asked.questions, bench.connections))


def _table(bench: Bench, rows: Sequence[Row], busiest: float) -> Table:
    sent = rows[0].turns[0].sent // rows[0].turns[0].answers
    table = Table(
        f"Hits: {sent:,} bytes, {bench.connections} connections",
        [
            "answer and server",
            "requests/s",
            "ours ÷ its",
            "CPU, µs",
            "ours ÷ its CPU",
            "p50, ms",
            "p99, ms",
            "peak, MB",
        ],
    )
    for row in rows:
        mine, figures = find(rows, row.workload, row.case), row.cpu_ms()
        beside = mine is not None and row.server != OURS
        cpu = cpu_ratio(mine, row) if mine and beside else None
        table.add(
            f"{row.case} · {row.server}",
            Spread.of(row.rates()).text(),
            rate_ratio(mine, row).text(2) if mine and beside else "",
            "–" if figures is None else Spread.of([figure * 1000 for figure in figures]).text(1),
            "" if cpu is None else cpu.text(2),
            f"{Spread.of([turn.p50 for turn in row.turns]).middle:.2f}",
            f"{Spread.of([turn.p99 for turn in row.turns]).middle:.2f}",
            megabytes(row.peak()),
        )
    table.notes += [f"{peer.name} keeps no finished pictures." for peer in bench.peers if not peer.keeps]
    table.notes.append(f"The client was busy at most {busiest:.0%} of its time.")
    return table


def _groups(bench: Bench, stack: ExitStack) -> dict[str, list[Asked]]:
    """Start all servers, see that they have the picture, and give who is asked what, in groups that take turns.

    What is compared is in one group: a machine that has become slower for some minutes is that for 200s and 304s.
    """
    folder, work = bench.originals.folder, bench.work
    redis_url = stack.enter_context(_redis(work))
    mine = stack.enter_context(ours.serving(folder, work, {}))
    shared = {**ours.NO_RESULTS, "IMGPROXY_REDIS_URL": redis_url}
    with_redis = stack.enter_context(ours.serving(folder, work, shared))
    wanted, etag, body = _picture_of(mine, bench)
    _made(with_redis, with_redis.target(wanted))
    bare = stack.enter_context(_bare(body, work, redis_url))
    others = [stack.enter_context(peer.serving(folder, work, keeps=True)) for peer in bench.peers if peer.keeps]
    seconds = bench.effort.seconds * _SECONDS

    known = {"If-None-Match": etag}

    def asked(case: str, server: Server, target: str) -> Asked:
        status, headers = (304, known) if case == UNCHANGED else (200, {})
        return Asked(case, server, Questions(targets=[target], status=status, headers=headers, seconds=seconds))

    return {
        "memory": [
            asked(MEMORY, mine, mine.target(wanted)),
            asked(UNCHANGED, mine, mine.target(wanted)),
            asked(MEMORY, bare, "/picture"),
            asked(UNCHANGED, bare, "/unchanged"),
            *(asked(MEMORY, other, other.target(wanted)) for other in others),
        ],
        "Redis": [asked(REDIS, with_redis, with_redis.target(wanted)), asked(REDIS, bare, "/redis")],
    }


def _picture_of(server: Server, bench: Bench) -> tuple[Wanted, str, bytes]:
    """Give what to ask for, entity tag and bytes of the first picture, by width, with about 20 KB; it is in memory then."""
    for width in _WIDTHS:
        wanted = bench.wanted("2mp.jpg", "jpeg", width)
        _, headers, body = get(server.port, server.target(wanted))
        if len(body) >= _BODY_BYTES:
            break
    return wanted, headers["ETag"], body


def _made(server: Server, target: str) -> None:
    for expected in ("fwd=miss", "detail=redis"):
        _, headers, _ = get(server.port, target)
        if expected not in headers["Cache-Status"]:
            raise RuntimeError(f"{expected} was expected, not {headers['Cache-Status']}")


@contextmanager
def _bare(body: bytes, work: Path, redis_url: str) -> Iterator[Server]:
    file, port, log = work / "body", free_port(), work / "bare-http.log"
    file.write_bytes(body)
    with running(module("bare_http", str(port), str(file), redis_url), log, {}) as process:
        wait_for(process, port, log)
        yield Server(name=BARE, host=HOST, port=port, pid=process.pid, target=lambda _: "/picture")


@contextmanager
def _redis(work: Path) -> Iterator[str]:
    command = shutil.which("redis-server")
    if command is None:
        raise RuntimeError("redis-server is not installed; `make servers` installs it")
    port, log = free_port(), work / "redis.log"
    options = ["--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no", "--dir", str(work)]
    with running([command, *options], log, {}) as process:
        wait_for(process, port, log)
        yield f"redis://{HOST}:{port}"
