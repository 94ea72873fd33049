"""Processes that are measured: started, asked for their CPU time, and ended."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
_PATIENCE = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PEAK = re.compile(r"^VmHWM:\s*(\d+) kB", re.MULTILINE)
_RESIDENT = re.compile(r"^VmRSS:\s*(\d+) kB", re.MULTILINE)


def cpu_seconds(pid: int) -> float:
    """Give the CPU time, user and system, of a process with all its threads and children, also of those that have ended."""
    living = sum(_cpu_if_living(child) for child in _children(pid))
    # Read after the living ones: a child that ends in between is counted here instead.
    return living + time.clock_gettime(_clock_of(pid)) + _ended_children(pid)


def _cpu_if_living(pid: int) -> float:
    try:
        return cpu_seconds(pid)
    except OSError:
        return 0.0


def _clock_of(pid: int) -> int:
    # What clock_getcpuclockid(3) gives. The same figure as in /proc/PID/stat, in nanoseconds instead of hundredths.
    return (~pid << 3) | 2


def _ended_children(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / _TICKS  # cutime, cstime (proc_pid_stat(5))


def _children(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # a thread that has ended
            children += [int(child) for child in task.read_text().split()]
    return children


def forget_peak(pid: int | None) -> None:
    """Have a process and its children begin anew to note the most memory that they hold, where we may."""
    for path in _tree(pid):
        with suppress(OSError):
            (path / "clear_refs").write_text("5")  # proc_pid_clear_refs(5): VmHWM is VmRSS again


def peak_bytes(pid: int | None) -> int | None:
    """Give the most bytes that a process and its children held in memory, each counted by itself; none of no process.

    Pages that they share are counted for each.
    """
    kilobytes = [_kilobytes(path, _PEAK) for path in _tree(pid)]
    return sum(kilobytes) * 1024 if kilobytes else None


def resident_bytes(pid: int) -> int:
    """Give the bytes that a process and its children hold in memory now; pages that they share are counted for each."""
    return sum(_kilobytes(path, _RESIDENT) for path in _tree(pid)) * 1024


def _kilobytes(process: Path, what: re.Pattern[str]) -> int:
    with suppress(OSError):  # it has ended
        found = what.search((process / "status").read_text())
        return int(found[1]) if found else 0
    return 0


def _tree(pid: int | None) -> list[Path]:
    if pid is None:
        return []
    return [Path(f"/proc/{pid}"), *(path for child in _children(pid) for path in _tree(child))]


def listener(port: int) -> int | None:
    """Give the process that listens on a TCP port of this machine, none if there is none that we may see."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for path in sorted(Path("/proc").glob("[0-9]*"), key=lambda one: int(one.name)):
        with suppress(OSError):  # it has ended, or is not ours
            if any(str(file.readlink()) in sockets for file in (path / "fd").iterdir()):
                return int(path.name)
    return None


def _listening(port: int) -> list[str]:
    # proc_net(5): sl, local address, remote address, state (0A: listening), …, the tenth field is the inode.
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return [fields[9] for fields in lines if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port]


def free_port() -> int:
    """Give a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a command that is spoken to by lines, its errors and, if it is a server, its output in a file."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if environment is None else output,
            stderr=output,
            env=_clean() | dict(environment or {}),
            text=True,
            start_new_session=True,  # a group of its own, so that what it starts ends with it
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=_PATIENCE)


def answer_to(process: subprocess.Popen[str], order: str) -> dict[str, Any]:
    """Give what a running command answers to an order, a line of JSON."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a process without pipes takes no orders")
    process.stdin.write(f"{order}\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def module(name: str, *arguments: str) -> list[str]:
    """Give the command that runs one of these modules."""
    return [sys.executable, "-m", f"benchmarks.{name}", *arguments]


def wait_for(process: subprocess.Popen[str], port: int, log: Path) -> None:
    """Wait until a server accepts connections; raise `RuntimeError` with the end of its log if it does not."""
    ends = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < ends:
        with suppress(OSError), socket.create_connection((HOST, port), 0.2):
            return
        time.sleep(0.02)
    raise RuntimeError(f"a server did not start: {log.read_text()[-2000:]}")


def get(
    port: int, target: str, headers: Mapping[str, str] | None = None, host: str = HOST
) -> tuple[int, HTTPMessage, bytes]:
    """Give status, headers and body of an answer."""
    connection = HTTPConnection(host, port, timeout=_PATIENCE)
    try:
        connection.request("GET", target, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def _clean() -> dict[str, str]:
    """Give our environment without the settings of whoever runs us."""
    return {name: value for name, value in os.environ.items() if not name.startswith("IMGPROXY_")}
