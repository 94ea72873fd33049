"""What is asked of the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.processes import cpu_seconds

_WORK = "import time\nwhile time.process_time() < 0.2: pass\n"
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
