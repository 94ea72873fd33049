"""The service as its users meet it: `imgproxy-py serve`, a process of its own, asked over HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPMessage
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pyvips
from typer.testing import CliRunner

from imgproxy_py.cli import app
from imgproxy_py.recipe.formats import Format, sniff
from tests import servers

COMMAND = str(Path(sys.executable).with_name("imgproxy-py"))
PATIENCE = 60.0

T = TypeVar("T")
_SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:]+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Answer:
    status: int
    headers: HTTPMessage
    body: bytes
    seconds: float = 0.0

    @property
    def said(self) -> tuple[int, str]:
        """The status and the text: how imgproxy's errors are told apart."""
        return self.status, self.body.decode()

    @property
    def problem(self) -> Any:
        assert self.headers["Content-Type"] == "application/problem+json"
        return json.loads(self.body)

    @cached_property
    def image(self) -> pyvips.Image:
        assert self.status == 200, self.said
        data = self.body
        if sniff(data) is Format.ICO:  # one PNG behind a directory of one entry
            data = data[int.from_bytes(data[18:22], "little") :]
        return pyvips.Image.new_from_buffer(data, "").copy_memory()

    @property
    def size(self) -> tuple[int, int]:
        return self.image.width, self.image.height

    @property
    def cache(self) -> str:
        return str(self.headers["Cache-Status"])


MADE = "imgproxy-py; fwd=miss; stored"
IN_MEMORY = "imgproxy-py; hit; detail=memory"
IN_REDIS = "imgproxy-py; hit; detail=redis"


@dataclass
class Service:
    process: subprocess.Popen[bytes]
    port: int
    metrics_port: int
    errors: Path
    events: list[dict[str, Any]] = field(default_factory=list)

    def get(self, target: str, *, method: str = "GET", **headers: str) -> Answer:
        """Ask for a target; underscores in the names of headers stand for hyphens."""
        return ask(self.port, target, method, {name.replace("_", "-"): value for name, value in headers.items()})

    def line(self, answer: Answer) -> dict[str, Any]:
        """The log line of an answered request."""
        return self.told("request_answered", request_id=answer.headers["X-Request-ID"])

    def told(self, event: str, **fields: object) -> dict[str, Any]:
        """The first log line of that event and those fields, waited for."""
        wanted = {"event": event, **fields}
        return until(lambda: next((one for one in self.events if wanted.items() <= one.items()), None))

    def outcomes(self) -> list[str]:
        """Where the pictures came from, by the lines of all requests so far."""
        return [one.get("outcome", "") for one in list(self.events) if one["event"] == "request_answered"]

    def own_errors(self) -> list[dict[str, Any]]:
        """The lines that tell of what must not happen: a request that failed by our fault, and whatever is not of one."""
        return [
            one
            for one in self.events
            if one["level"] == "error" and one.get("error", "internal-error") == "internal-error"
        ]

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        return sample(self.metrics(), name, **labels)

    def metrics(self) -> str:
        """All metrics as they are exposed."""
        return ask(self.metrics_port, "/metrics").body.decode()

    def reaches(self, value: float, name: str, **labels: str) -> None:
        """Wait until a metric has that value."""
        until(lambda: self.metric(name, **labels) == value)

    def asked_to_end(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def ends(self) -> int:
        return self.process.wait(PATIENCE)

    def is_alive(self) -> bool:
        return self.process.poll() is None and self.get("/health").said == (200, "imgproxy is running")


def sample(metrics: str, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels, in exposed metrics."""
    found = [match for line in metrics.splitlines() if (match := _SAMPLE.fullmatch(line))]
    return sum(
        float(one["value"])
        for one in found
        if one["name"] in (name, f"imgproxy_{name}")
        and labels.items() <= dict(_LABEL.findall(one["labels"] or "")).items()
    )


def ask(port: int, target: str, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    started = time.monotonic()
    try:
        connection.request(method, target, headers={"Connection": "close", **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read(), time.monotonic() - started)
    finally:
        connection.close()


def until(find: Callable[[], T | None], patience: float = PATIENCE) -> T:
    """The first thing found that is not nothing; looked for ever less often, for looking takes time from what is awaited."""
    end, pause = time.monotonic() + patience, 0.01
    while not (found := find()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {patience:g} s")
        time.sleep(pause)
        pause = min(pause * 1.2, 0.1)
    return found


def environment(**variables: str) -> dict[str, str]:
    """Our own environment with these settings and no others, without AWS' credentials and without proxies."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("IMGPROXY_", "AWS_"))}
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        inherited.pop(name, None)
        inherited.pop(name.upper(), None)
    # Tests share their CPUs with whoever else is at work here; the service is not to wait for them.
    variables = {"workers_niceness": "0", **variables}
    return inherited | {f"IMGPROXY_{name.upper()}": value for name, value in variables.items()}


@contextmanager
def serving(
    directory: Path,
    *flags: str,
    around: dict[str, str] | None = None,
    by: Sequence[str] = (),
    fails: bool = False,
    **variables: str,
) -> Iterator[Service]:
    """Serve until the end of the block, then ask for the end, and insist on a good one and on no error of our own.

    `variables` are settings, `around` other variables of the environment; `by` is what runs the command; `fails` says
    that errors of ours are expected.
    """
    (metrics_port,) = servers.free_ports(1)
    bind = {"bind": "127.0.0.1:0", "prometheus_bind": f"127.0.0.1:{metrics_port}"}
    errors = directory / f"stderr-{metrics_port}"
    with errors.open("wb") as stderr:
        process = subprocess.Popen(
            [*by, COMMAND, "serve", *flags],
            env=environment(**{**bind, **variables}) | (around or {}),
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    service = Service(process, 0, metrics_port, errors)
    reader = threading.Thread(target=_read, args=(service,), daemon=True)
    reader.start()
    try:
        _wait_until_ready(service)
        yield service
        if process.poll() is None:
            service.asked_to_end()
            assert service.ends() == 0
        reader.join(PATIENCE)
        if not fails:
            assert service.own_errors() == []
    finally:
        process.kill()
        process.wait()
        reader.join(PATIENCE)
        if process.stdout:
            process.stdout.close()


def _read(service: Service) -> None:
    assert service.process.stdout is not None
    for line in service.process.stdout:
        service.events.append(json.loads(line))


def _wait_until_ready(service: Service) -> None:
    def address() -> str | None:
        if service.process.poll() is not None:
            pytest.fail(service.errors.read_text())
        found = (one for one in list(service.events) if one["event"] in ("supervisor_started", "server_started"))
        return next((str(one["address"]) for one in found), None)

    def ready() -> bool:
        try:
            return ask(service.port, "/ready").status == 200
        except (OSError, HTTPException):
            return False

    service.port = int(until(address).rpartition(":")[2])
    until(ready)


def command(*arguments: str, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command of `imgproxy-py` as `cli` does, but in this process: another one would take two seconds to start."""
    ours = environment(**variables) | {"TERMINAL_WIDTH": "120"}
    others = {name: None for name in os.environ if name not in ours}
    done = CliRunner().invoke(app, arguments, input=stdin, env=others | ours)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout_bytes, done.stderr_bytes)


def cli(*arguments: str, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command of `imgproxy-py` to its end."""
    return subprocess.run(
        [COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
        env=environment(**variables) | {"TERMINAL_WIDTH": "120"},
    )
