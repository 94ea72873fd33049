"""Processes that are measured: started, asked for their CPU time, and ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path

HOST = "127.0.0.1"
_PATIENCE = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Give the CPU time, user and system, of a process with all its threads and children, also of those that have ended."""
    children = _children(pid)
    return time.clock_gettime(_clock_of(pid)) + _ended_children(pid) + sum(cpu_seconds(child) for child in children)


def _clock_of(pid: int) -> int:
    # What clock_getcpuclockid(3) gives. The same figure as in /proc/PID/stat, in nanoseconds instead of hundredths.
    return (~pid << 3) | 2


def _ended_children(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / _TICKS  # cutime, cstime (proc_pid_stat(5))


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


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
        )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=_PATIENCE)


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


def get(port: int, target: str, headers: Mapping[str, str] | None = None) -> tuple[int, HTTPMessage, bytes]:
    """Give status, headers and body of an answer."""
    connection = HTTPConnection(HOST, port, timeout=_PATIENCE)
    try:
        connection.request("GET", target, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def _clean() -> dict[str, str]:
    """Give our environment without the settings of whoever runs us."""
    return {name: value for name, value in os.environ.items() if not name.startswith("IMGPROXY_")}
