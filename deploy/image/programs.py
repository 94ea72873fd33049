"""Programs that are run, and what is expected of what they say."""

# ruff: noqa: S603, T201

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "var" / "image"
BASE, IMAGE = "localhost/debian:trixie-slim", "localhost/imgproxy-py:try"
STORAGE = ("--root", str(WORK / "storage"), "--runroot", str(WORK / "run"), "--storage-driver", "vfs")
PODMAN = ("podman", *STORAGE, "--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", "/usr/sbin/runc")
LIMITS = ("--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--read-only",
          "--cap-drop", "all", "--security-opt", "no-new-privileges", "--memory", "1g", "--cpus", "2")  # fmt: skip


class Wrong(Exception):
    """The image is not what it should be."""


def run(*command: str, check: bool = True, quiet: bool = True, env: dict[str, str] | None = None) -> str:
    """Run a program and give what it printed; its complaints too if it fails."""
    done = subprocess.run(command, cwd=ROOT, text=True, stdin=subprocess.DEVNULL, env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE if quiet else subprocess.STDOUT)  # fmt: skip
    if check and done.returncode:
        raise Wrong(
            f"{' '.join(command[:3])} … left with {done.returncode}:\n{(done.stdout + (done.stderr or ''))[-4000:]}"
        )
    return done.stdout.strip()


def podman(*arguments: str, check: bool = True) -> str:
    """Run podman on the storage under var/image."""
    return run(*PODMAN, *arguments, check=check)


def run_code(*arguments: str) -> int:
    """Give the exit code of a podman command."""
    return subprocess.run([*PODMAN, *arguments], stdin=subprocess.DEVNULL, capture_output=True).returncode


def expect(what: str, good: object, found: object = "") -> None:
    """Print what was found, and raise if it is not good."""
    print(f"  {'ok ' if good else 'NO '} {what}{f': {found}' if found != '' else ''}", flush=True)
    if not good:
        raise Wrong(f"{what}: {found}")


def version() -> str:
    """Give the project's version."""
    return re.findall(r'__version__ = "(.+)"', (ROOT / "imgproxy_py/__init__.py").read_text())[0]
