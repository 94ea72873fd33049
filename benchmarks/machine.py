"""What was measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import pyvips


def machine(load_before: float) -> str:
    """Give a line on the machine, what runs on it, and how busy it was."""
    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    load_after = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} × {_processor()}, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"aiohttp {version('aiohttp')}, uvloop {version('uvloop')}, libvips {libvips}; "
        f"load average {load_before:.1f} before, {load_after:.1f} after"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
