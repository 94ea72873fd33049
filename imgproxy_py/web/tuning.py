"""How a process is set up before it serves, and when it looks for garbage."""

from __future__ import annotations

import asyncio
import gc
import itertools
import resource
import sys
import time

from imgproxy_py.web.traffic import Traffic

SWITCH_SECONDS = 0.0005
"""After how long a thread hands on the interpreter that another waits for. Python's own are 5 ms, and with four threads that
make pictures the event loop's turn came after 100 ms (p99 of `/health`, two busy CPUs), with this after about half of it."""

YOUNG_SECONDS, EACH_MIDDLE = 0.05, 2
"""How often it is looked for garbage among new objects, and at which times among those as well that were new the last times."""

CALM = 512
"""Below how many connections all objects are looked through for garbage; those of each take some 30 µs."""

LOOK_SECONDS, LATEST_SECONDS, ENOUGH = 5.0, 60.0, 50_000
"""How long after the last time that is done, if no request is under way, or one is; and for how many new objects."""

TOO_MANY = 10_000_000
"""For how many new objects it is done in any case."""

_THRESHOLDS = 10_000, 4, 3000
"""When Python looks by itself, by new objects, collections of those and so on: only if there are far more than usual."""


def tune() -> None:
    """Let this process have as many connections and files open as it may, and its threads take turns often."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*_THRESHOLDS)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def settle() -> None:
    """Have the objects of a process that is ready now, its modules above all, never looked through for garbage again."""
    gc.collect()
    gc.freeze()


async def collect(traffic: Traffic) -> None:
    """Look for garbage: often among what is new, seldom and in calm among all there is; until cancelled.

    Everything stands still meanwhile, event loop and threads. Python would look when there are so many objects more than
    before. Where as many end as begin, as when a full cache goes round, that takes minutes, and then all that are new since
    are looked through at once, for tens of milliseconds; all there is, for a tenth of a second where thousands are connected.
    """
    new, looked_at = 0, time.monotonic()
    for number in itertools.count(1):
        await asyncio.sleep(YOUNG_SECONDS)
        new += gc.get_count()[0]
        if _is_time(traffic, new, time.monotonic() - looked_at):
            gc.collect()
            new, looked_at = 0, time.monotonic()
        else:
            gc.collect(int(number % EACH_MIDDLE == 0))


def _is_time(traffic: Traffic, new: int, seconds: float) -> bool:
    pause = LATEST_SECONDS if traffic.in_flight else LOOK_SECONDS
    return new >= TOO_MANY or (traffic.connections < CALM and new >= ENOUGH and seconds >= pause)
