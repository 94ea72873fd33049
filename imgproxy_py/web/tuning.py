"""How a process is set up before it serves."""

from __future__ import annotations

import resource
import sys

SWITCH_SECONDS = 0.0005
"""After how long a thread hands on the interpreter that another waits for. Python's own are 5 ms, and with four threads that
make pictures the event loop's turn came after 100 ms (p99 of `/health`, two busy CPUs), with this after about half of it."""


def tune() -> None:
    """Let this process have as many connections and files open as it may, and its threads take turns often."""
    sys.setswitchinterval(SWITCH_SECONDS)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
