"""The image runs as the chart runs it: pictures are fetched from it, and its process is looked at."""

# ruff: noqa: S108, S603

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from programs import IMAGE, LIMITS, PODMAN, ROOT, WORK, Wrong, expect, podman, run, run_code

NEEDLESS = {"_curses", "_curses_panel", "_dbm", "readline"}  # modules of Python for terminals and old databases


def try_it() -> str:
    """Run the image as the chart runs it; give the sum in a line."""
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        pictures = Path(folder)
        pictures.chmod(0o755)
        judge("make", folder)
        service = Service(pictures)
        try:
            expect(
                "ready",
                True,
                f"{service.ready:.1f} s after podman run, {service.ready - service.started:.1f} s of them the service's",
            )
            use_it(service)
            rest = memory(service)
            took, code = stop(service)
        finally:
            service.remove()
    return f"{rest}; stopped in {took:.1f} s with {code}"


def use_it(service: Service) -> None:
    """Fetch pictures, and look at the process."""
    seen = judge("see", picture=service.get("/unsafe/rs:fill:200:150/plain/local:///squares.png@png"))
    expect("a picture, pixel by pixel", seen == "200 150 255 0 0 0 255 0 0 0 255 255 255 255", seen)
    widths = {}
    for family in ("Arial", "serif", "Nowhere-Sans"):
        widths[family] = int(judge("ink", picture=service.get(f"/unsafe/bg:ffffff/plain/local:///{family}.svg@png")))
    expect(
        "text in SVG, by fonts of its own", min(widths.values()) > 120 and widths["Arial"] != widths["serif"], widths
    )
    expect("metrics on their own port", b"imgproxy_requests_total" in service.get("/metrics", port=service.metrics))
    expect("uid", service.status("Uid")[0] == "10001", service.status("Uid")[0])
    expect("no capabilities", int(service.status("CapEff")[0], 16) == 0 and service.status("NoNewPrivs") == ["1"])
    maps = Path(f"/proc/{service.pid}/maps").read_text()
    expect("jemalloc is its allocator", "libjemalloc" in maps)
    inside = json.loads(podman("exec", service.name, "python", "-c", (ROOT / "deploy/image/inside.py").read_text()))
    expect(
        "root file system is read-only, /tmp is not", (inside["/"], inside["/tmp"]) == ("EROFS", "written"), inside["/"]
    )
    expect("Python's modules load", set(inside["failing"]) <= NEEDLESS, f"all but {', '.join(inside['failing'])}")
    here = run(str(ROOT / ".venv/bin/imgproxy-py"), "formats")
    there = podman("exec", service.name, "imgproxy-py", "formats")
    expect("formats are those of a development set-up", there == here, f"{len(there.splitlines()) - 1} known")
    expect("clients of AWS", inside["aws"], ", ".join(inside["aws"]))
    expect("no shell to enter", run_code("exec", service.name, "sh", "-c", "true") in (126, 127))
    health = podman("exec", service.name, "python", "-m", "imgproxy_py.web.healthcheck")
    expect("HEALTHCHECK", run_code("healthcheck", "run", service.name) == 0, health)


def memory(service: Service) -> str:
    """Make pictures; give the memory before, during and after."""
    before = service.megabytes()
    began = time.monotonic()
    for n in range(48):
        service.get(f"/unsafe/rs:fit:{300 + n * 10}:0/plain/local:///large.jpg@{('jpg', 'webp', 'avif')[n % 3]}")
    took = time.monotonic() - began
    time.sleep(3)
    said = (f"{before} MB with a few pictures made, {service.megabytes()} MB 3 s after 48 more of 12 megapixels "
            f"({took:.1f} s, peak {service.megabytes('VmHWM')} MB)")  # fmt: skip
    expect("memory", service.megabytes("VmHWM") < 700, said)
    return f"RSS {before} → {service.megabytes()} MB"


def stop(service: Service) -> tuple[float, int]:
    """Stop it with SIGTERM; give the seconds that it took and its exit code."""
    began = time.monotonic()
    podman("stop", "--time", "30", service.name)
    took = time.monotonic() - began
    code = int(podman("inspect", "--format", "{{.State.ExitCode}}", service.name))
    expect("SIGTERM ends it", code == 0 and took < 15, f"exit code {code} after {took:.1f} s")
    return took, code


def judge(*what: str, picture: bytes = b"") -> str:
    """Run pictures.py in the project's environment."""
    command = [str(ROOT / ".venv/bin/python"), str(ROOT / "deploy/image/pictures.py"), *what]
    return subprocess.run(command, input=picture, capture_output=True, check=True).stdout.decode().strip()


class Service:
    """A running container."""

    def __init__(self, pictures: Path, *more: str) -> None:
        self.name = f"imgproxy-py-try-{os.getpid()}"
        self.port, self.metrics = free_port(), free_port()
        settings = {"IMGPROXY_BIND": f"127.0.0.1:{self.port}", "IMGPROXY_PROMETHEUS_BIND": f"127.0.0.1:{self.metrics}",
                    "IMGPROXY_LOCAL_FILESYSTEM_ROOT": "/pictures", "IMGPROXY_MEMORY_CACHE_BYTES": "0"}  # fmt: skip
        began = time.monotonic()
        podman("run", "--detach", "--name", self.name, *LIMITS, "--volume", f"{pictures}:/pictures:ro",
               *(f"--env={name}={value}" for name, value in settings.items()), *more, IMAGE)  # fmt: skip
        self.started = time.monotonic() - began
        while not self.get("/ready", quiet=True):
            if (
                time.monotonic() - began > 60
                or podman("inspect", "--format", "{{.State.Running}}", self.name) != "true"
            ):
                logs = run(*PODMAN, "logs", self.name, check=False, quiet=False)
                raise Wrong(f"not ready: {logs[-2000:]}")
            time.sleep(0.05)
        self.ready = time.monotonic() - began
        self.pid = int(podman("inspect", "--format", "{{.State.Pid}}", self.name))

    def get(self, path: str, *, port: int | None = None, quiet: bool = False) -> bytes:
        """Fetch a path; nothing instead of an error if quiet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port or self.port}{path}", timeout=30) as answer:
                return bytes(answer.read())
        except OSError as error:
            if quiet:
                return b""
            raise Wrong(f"{path}: {error}") from error

    def status(self, field: str) -> list[str]:
        """Give a field of the process' /proc/…/status."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return re.findall(rf"^{field}:\s+(.+)$", text, re.MULTILINE)[0].split()

    def megabytes(self, field: str = "VmRSS") -> int:
        """Give the memory that is resident, or was at most (`VmHWM`)."""
        return int(self.status(field)[0]) // 1024

    def remove(self) -> None:
        """Remove the container, running or not."""
        podman("rm", "--force", "--time", "0", self.name, check=False)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])
