"""Who asks the servers, and what is noted of each turn."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measures import Turn
from benchmarks.peers import Server
from benchmarks.processes import answer_to, cpu_seconds, forget_peak, module, peak_bytes, running

_ACCEPT = "image/avif,image/webp,image/apng,image/*,*/*;q=0.8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What to ask: targets, the status of every answer, headers; once each, or round and round for so many seconds."""

    targets: Sequence[str]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None


class Client:
    """The process that asks. `busiest` is the greatest share of its time that it was busy in a turn by seconds."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.busiest = 0.0
        self._process = process

    def ask(self, server: Server, questions: Questions, connections: int = 1) -> Turn:
        """Ask a server and give what it did; raise `RuntimeError` if an answer is not of the status that it should be."""
        forget_peak(server.pid)
        before = cpu_seconds(server.pid) if server.pid else 0.0
        told = answer_to(self._process, _order(server, questions, connections))
        if told["broken"] or not told["answered"]:
            raise RuntimeError(f"{server.name}: {questions.targets[0]}: {told['broken'] or 'no answer'}")
        if questions.seconds is not None:
            self.busiest = max(self.busiest, told["busy"])
        return Turn(
            answers=told["answered"],
            seconds=told["seconds"],
            cpu=cpu_seconds(server.pid) - before if server.pid else None,
            p50=told["p50"],
            p99=told["p99"],
            peak=peak_bytes(server.pid),
            sent=told["bytes"],
        )


@contextmanager
def asking(work: Path) -> Iterator[Client]:
    """Run a client."""
    with running(module("load"), work / "client.log") as process:
        yield Client(process)


def _order(server: Server, questions: Questions, connections: int) -> str:
    told = {"Host": f"{server.host}:{server.port}", "Accept": _ACCEPT, "User-Agent": "benchmarks"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**told, **questions.headers}.items())
    return json.dumps(
        {
            "host": server.host,
            "port": server.port,
            "requests": [f"GET {target} HTTP/1.1\r\n{lines}\r\n" for target in questions.targets],
            "status": questions.status,
            "seconds": questions.seconds,
            "connections": connections,
        }
    )
