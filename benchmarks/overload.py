"""More connections than can be served: what is answered, what is refused, and whether the rest of the service stays calm.

`python -m benchmarks.overload --connections 64 1024 8192 --seconds 10` starts the real server, opens so many connections, lets
each ask for pictures that nobody has asked for before, and prints a table. Beside the crowd two clients ask for
`/health` fifty times a second: one on a new connection each time, as Kubernetes and balancers do, one on a connection that it
keeps. The server's memory is read. How late the former is woken is what a busy machine adds (`bystander`). Of the longest
answer it is told how long who asked was ready himself, but had no processor; and of the longest on the connection kept how long
the server's event loop was busy meanwhile, and how long that or who asked had none; the rest is other threads' turn at the
interpreter. Without a cache in memory, so that what is seen is what connections and work take.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmarks.arithmetic import percentile
from benchmarks.bench import Bench, Outcome, say
from benchmarks.machine import before, machine
from benchmarks.processes import HOST, module, resident_bytes
from benchmarks.report import Table
from benchmarks.service import Service, serving

_PROBES_A_SECOND = 50
_REST = 3.0
_SECONDS = 20  # turns of a crowd are so much longer than others'
_SETTINGS = {
    "IMGPROXY_MAX_CLIENTS": "0",
    "IMGPROXY_MEMORY_CACHE_BYTES": "0",
    "IMGPROXY_KEEP_ALIVE_TIMEOUT": "120",  # who was told to come back later keeps his connection
    "IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES": "true",
}
_COLUMNS = [
    "connections",
    "requests/s",
    "200",
    "refused",
    "other",
    "p50 of 200s, ms",
    "p99, ms",
    "health p99, ms",
    "health max, ms",
    "asker without a CPU",
    "kept: p99, ms",
    "kept: max, ms",
    "of it busy",
    "without a CPU",
    "bystander p99, ms",
    "bystander max, ms",
    "RSS before, MB",
    "peak",
    "after",
]


class Probe(NamedTuple):
    """Seconds that an answer of `/health` took; for how many the event loop ran, it or we had no processor, we had none."""

    seconds: float
    busy: float
    starved: float
    we_starved: float


@dataclass(slots=True)
class Prober:
    """Asks for `/health` until ended; on a new connection each time, or always on the same one if it `keeps` it.

    `late` are the seconds by which it woke too late: what the machine itself adds, whoever serves.
    """

    service: Service
    keeps: bool
    answers: list[Probe] = field(default_factory=list)
    failed: int = 0
    late: list[float] = field(default_factory=list)

    def ask_until(self, ended: threading.Event) -> None:
        """Ask so many times a second."""
        connection = HTTPConnection(HOST, self.service.port, timeout=30)
        pause = 1 / _PROBES_A_SECOND
        while True:
            slept = time.perf_counter()
            if ended.wait(pause):
                break
            self.late.append(time.perf_counter() - slept - pause)
            self._ask(connection)
        connection.close()

    def _ask(self, connection: HTTPConnection) -> None:
        before, started = self._scheduled(), time.perf_counter()
        try:
            connection.request("GET", "/health", headers={} if self.keeps else {"Connection": "close"})
            answer = connection.getresponse()
            answer.read()
            self.failed += answer.status != 200
        except OSError:
            self.failed += 1
            connection.close()
        seconds, after = time.perf_counter() - started, self._scheduled()
        busy, starved, we_starved = (now - then for now, then in zip(after, before, strict=True))
        self.answers.append(Probe(seconds, busy, starved + we_starved, we_starved))

    def _scheduled(self) -> tuple[float, float, float]:
        return *scheduled(f"{self.service.pid}"), scheduled("thread-self")[1]

    def milliseconds(self) -> tuple[float, float]:
        """Give what 99 of 100 answers took at most, and the longest."""
        seconds = sorted(probe.seconds for probe in self.answers)
        return percentile(seconds, 0.99) * 1000, seconds[-1] * 1000


class Watch:
    """What is seen from aside until the end: answers of `/health`, and bytes of memory."""

    def __init__(self, service: Service) -> None:
        self.new = Prober(service, keeps=False)
        self.kept = Prober(service, keeps=True)
        self.memory: list[int] = []
        self._pid = service.pid
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self.new.ask_until, args=(self._ended,)),
            threading.Thread(target=self.kept.ask_until, args=(self._ended,)),
            threading.Thread(target=self._weigh),
        ]

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _weigh(self) -> None:
        while not self._ended.wait(0.2):
            self.memory.append(resident_bytes(self._pid))


def scheduled(process: str) -> tuple[float, float]:
    """Give the seconds for which the first thread of a process in `/proc` has run, and was ready without a processor.

    Both are 0 where the kernel does not tell.
    """
    with suppress(OSError):
        ran, waited, _ = Path(f"/proc/{process}/schedstat").read_text().split()
        return int(ran) / 1e9, int(waited) / 1e9
    return 0.0, 0.0


def measured(
    service: Service, originals: Sequence[str], connections: int, seconds: float, *, impatient: bool
) -> list[str]:
    """Give a table's row: what so many connections came to."""
    before = resident_bytes(service.pid)
    with Watch(service) as watch:
        found = _crowd(service, originals, connections, seconds, impatient=impatient)
    time.sleep(_REST)
    answers = len(found["pictures"]) + found["refused"] + sum(found["others"].values())
    late, longest = sorted(watch.new.late), max(watch.kept.answers)
    return [
        f"{connections:,}",
        f"{answers / found['seconds']:,.0f}",
        f"{len(found['pictures']):,}",
        f"{found['refused']:,}",
        _others(found["others"], watch.new.failed + watch.kept.failed),
        f"{percentile(found['pictures'], 0.5) * 1000:,.0f}",
        f"{percentile(found['pictures'], 0.99) * 1000:,.0f}",
        *(f"{one:,.1f}" for one in watch.new.milliseconds()),
        f"{max(watch.new.answers).we_starved * 1000:,.1f}",
        *(f"{one:,.1f}" for one in watch.kept.milliseconds()),
        *(f"{one * 1000:,.1f}" for one in (longest.busy, longest.starved)),
        *(f"{one * 1000:,.1f}" for one in (percentile(late, 0.99), late[-1])),
        *(f"{amount / 1e6:,.0f}" for amount in (before, max(watch.memory), resident_bytes(service.pid))),
    ]


def _others(counts: dict[str, int], failed: int) -> str:
    told = [f"{name}: {count}" for name, count in sorted(counts.items())] + ([f"health: {failed}"] if failed else [])
    return ", ".join(told) or "0"


def _crowd(
    service: Service, originals: Sequence[str], connections: int, seconds: float, *, impatient: bool
) -> dict[str, Any]:
    order = {
        "host": HOST,
        "port": service.port,
        "originals": list(originals),
        "connections": connections,
        "seconds": seconds,
        "impatient": impatient,
    }
    asked = subprocess.run(
        module("crowd"),
        input=json.dumps(order),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        start_new_session=True,  # it makes its session nice, and we are not to be
    )
    found: dict[str, Any] = json.loads(asked.stdout)
    return found


def overload(bench: Bench) -> Outcome:
    """Measure our server under crowds, which ask for pictures of one original of two megapixels."""
    table = Table("Overload", list(_COLUMNS))
    for connections in bench.effort.overload:
        say(f"overload: {connections} connections")
        seconds = bench.effort.seconds * _SECONDS
        table.add(*_crowded(bench.originals.folder, ["2mp.jpg"], bench.work, connections, seconds))
    return Outcome([], [table])


def _crowded(
    pictures: Path,
    originals: Sequence[str],
    work: Path,
    connections: int,
    seconds: float,
    *,
    settings: Mapping[str, str] = MappingProxyType({}),
    impatient: bool = False,
) -> list[str]:
    """Start a server, have a crowd ask it, and give a table's row."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with serving(pictures, work, {**_SETTINGS, **settings}) as service:
        _crowd(service, originals, 16, 2.0, impatient=False)  # what is set up once is set up
        return measured(service, originals, connections, seconds, impatient=impatient)


def main() -> None:
    """Measure and print."""
    arguments = _parser().parse_args()
    begun = before()
    originals = sorted(path.name for path in arguments.pictures.glob("*.jpg"))
    settings = dict(pair.split("=", 1) for pair in arguments.set)
    table = Table("Overload", list(_COLUMNS))
    with tempfile.TemporaryDirectory(prefix="imgproxy-overload-") as work:
        for connections in arguments.connections:
            row = _crowded(
                arguments.pictures,
                originals,
                Path(work),
                connections,
                arguments.seconds,
                settings=settings,
                impatient=arguments.impatient,
            )
            table.add(*row)
    print(table.text())
    print(f"\n{machine(begun)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, nargs="+", default=[64, 1024, 8192], metavar="N", help="how many")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="S", help="how long each crowd asks (10)")
    parser.add_argument("--pictures", type=Path, default=Path("var/samples"), help="where the originals are")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="more settings of the server")
    parser.add_argument("--impatient", action="store_true", help="ask again at once after a refusal")
    return parser


if __name__ == "__main__":
    main()
