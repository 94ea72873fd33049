"""What was measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pyvips


@dataclass(frozen=True, slots=True)
class Before:
    """How busy the machine was before anything was measured: load average, and the ticks of its CPUs until then."""

    load: float
    ticks: tuple[int, ...]


def before() -> Before:
    """Look how busy the machine is now."""
    return Before(os.getloadavg()[0], _ticks())


def machine(before: Before) -> str:
    """Give a line on the machine, what runs on it, and how busy it was since."""
    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    return (
        f"{os.cpu_count()} × {_processor()}, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"aiohttp {version('aiohttp')}, uvloop {version('uvloop')}, libvips {libvips}; "
        f"load average {before.load:.1f} before, {os.getloadavg()[0]:.1f} after; "
        f"withheld by the hypervisor {withheld(before.ticks, _ticks()):.0%} of the CPUs' time"
    )


def withheld(first: tuple[int, ...], last: tuple[int, ...]) -> float:
    """Give the share of the CPUs' time between two looks that went to others of the hypervisor's guests, 0–1."""
    passed = [after - earlier for earlier, after in zip(first, last, strict=True)]
    return passed[_STEAL] / max(1, sum(passed[: _STEAL + 1]))


_STEAL = 7  # proc(5): user, nice, system, idle, iowait, irq, softirq, steal; guests' time is in user's already


def _ticks() -> tuple[int, ...]:
    return tuple(map(int, Path("/proc/stat").read_text().partition("\n")[0].split()[1:]))


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
