"""What is asked of the system."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.processes import HOST, cpu_seconds, forget_peak, free_port, listener, peak_bytes, running

_WORK = "import time\nwhile time.process_time() < 0.2: pass\n"
_HOLD = "held = bytearray(b'x') * 100_000_000\ndel held\nprint(flush=True); input()"
_AND_WAIT = "print(flush=True); input()"


@pytest.mark.parametrize(
    "work",
    [
        _WORK + _AND_WAIT,
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {_WORK!r}])\n{_AND_WAIT}",
        f"import threading\nt = threading.Thread(target=lambda: exec({_WORK!r})); t.start(); t.join()\n{_AND_WAIT}",
    ],
    ids=["itself", "a child that has ended", "a thread that has ended"],
)
def test_the_work_of_a_process_and_what_it_starts_is_counted(work: str) -> None:
    with subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert cpu_seconds(process.pid) >= 0.19
        process.communicate(b"\n")


def test_the_most_memory_is_that_of_a_process_and_its_children_since_it_was_forgotten() -> None:
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {_HOLD!r}])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        held = peak_bytes(process.pid)
        assert held is not None
        assert held > 120_000_000
        forget_peak(process.pid)
        forgotten = peak_bytes(process.pid)
        assert forgotten is not None
        assert forgotten < held - 90_000_000
        process.communicate(b"\n")


def test_what_a_process_started_ends_with_it(tmp_path: Path) -> None:
    orphan = "import time; time.sleep(60)"
    code = (
        f"import subprocess, sys\nprint(subprocess.Popen([sys.executable, '-c', {orphan!r}]).pid, flush=True)\ninput()"
    )
    with running([sys.executable, "-c", code], tmp_path / "log") as process:
        assert process.stdout
        started = int(process.stdout.readline())
        assert cpu_seconds(started) >= 0
    assert _ended(started)


def _ended(pid: int) -> bool:
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_of_no_process_nothing_is_known() -> None:
    forget_peak(None)
    assert peak_bytes(None) is None


def test_who_listens_on_a_port_is_found() -> None:
    with socket.create_server((HOST, 0)) as listening:
        assert listener(listening.getsockname()[1]) == os.getpid()
    assert listener(free_port()) is None
