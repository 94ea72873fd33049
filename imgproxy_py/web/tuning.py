"""How a process is set up before it serves, and when it looks for garbage."""

from __future__ import annotations

import asyncio
import gc
import resource
import sys

from imgproxy_py.web.traffic import Traffic

SWITCH_SECONDS = 0.0005
"""After how long a thread hands on the interpreter that another waits for. Python's own are 5 ms, and with four threads that
make pictures the event loop's turn came after 100 ms (p99 of `/health`, two busy CPUs), with this after about half of it."""

CALM = 512
"""Below how many connections all objects are looked through for garbage; those of each take some 30 µs."""

LOOK_SECONDS = 5.0

_YOUNG, _MIDDLE = 1000, 3
"""How many new objects, and collections of those, make Python look for garbage among them. Each object that stays is looked at
once in either, so that less at a time costs no more and takes not so long at a time: with 2000 and 5 it was 10 to 50 ms while
thousands connect, each with dozens of objects that stay. Python's own are 700 and 10."""

_OLD, _OLD_AT_MOST = 16, 3000
"""How many collections of younger objects later all are looked through: in calm, and at the latest, which is after minutes."""


def tune() -> None:
    """Let this process have as many connections and files open as it may, and its threads take turns often."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD_AT_MOST)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def settle() -> None:
    """Have the objects of a process that is ready now, its modules above all, never looked through for garbage again."""
    gc.collect()
    gc.freeze()


async def collect_in_calm(traffic: Traffic) -> None:
    """Look for garbage as often as Python would, but only while few are connected; until cancelled.

    To go through all objects stops everything, event loop and threads, for a tenth of a second where thousands are connected.
    """
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if traffic.connections < CALM and gc.get_count()[2] >= _OLD:
            gc.collect()
