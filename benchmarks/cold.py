"""CPU time of a picture that has to be made: the real server beside a bare loop of the same libvips calls."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pyvips

from benchmarks.arithmetic import Spread, ratios, turns
from benchmarks.processes import HOST, cpu_seconds, get, module, running
from benchmarks.report import Table
from benchmarks.service import Service, serving, signed
from imgproxy_py.recipe.jpeg import jpeg_header

_JPEG: dict[str, Any] = {"Q": 80, "optimize_coding": True, "interlace": False}
_WEBP: dict[str, Any] = {"Q": 79, "effort": 4, "preset": "default"}
_NO_CACHES = {"IMGPROXY_MEMORY_CACHE_BYTES": "0"}
_SECONDS_EACH = 0.4  # of a side's work in a round: ten pictures of 12 MP


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A picture to make: from an original of so many megapixels, of that width, in that format."""

    megapixels: int
    width: int
    format: str

    @property
    def name(self) -> str:
        """How the case is called in the table."""
        return f"{self.megapixels} MP JPEG → {self.width} px {self.format.upper().replace('WEBP', 'WebP')}"


CASES = (
    Case(megapixels=12, width=400, format="jpeg"),
    Case(megapixels=12, width=400, format="webp"),
    Case(megapixels=2, width=800, format="jpeg"),
)


@dataclass(slots=True)
class Measured:
    """Milliseconds of CPU a picture, round by round."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


def measure(pictures: Path, work: Path, *, rounds: int, threads: int) -> Table:
    """Measure all cases, each side in turn, and give the table."""
    table = Table(
        f"Cold: CPU per picture, {threads} thread{'s' if threads > 1 else ''}",
        ["picture", "bare libvips, ms", "server, ms", "ratio", "same bytes"],
    )
    settings = _NO_CACHES | {"IMGPROXY_WORKERS": str(threads)}
    with serving(pictures, work, settings) as service:
        for case in CASES:
            original = original_for(pictures, case.megapixels)
            with ExitStack() as stack:
                bare = stack.enter_context(bare_loop(original, case, threads, work))
                ours = _Asker(service, _target(original, case), threads)
                stack.callback(ours.close)
                same = _same_picture(ours.first, bare.first)
                measured = _alternated(ours, bare, rounds)
            table.add(
                f"{case.name} (`{original.name}`)",
                Spread.of(measured.bare).text(2),
                Spread.of(measured.ours).text(2),
                ratios(measured.ours, measured.bare).text(3),
                same,
            )
    return table


def original_for(pictures: Path, megapixels: int) -> Path:
    """Give the JPEG of a folder whose size is nearest; of several the one with the most bytes a pixel in the middle."""
    known = [(path, jpeg_header(path.read_bytes())) for path in sorted(pictures.glob("*.jpg"))]
    wanted = megapixels * 1_000_000
    distances = [(abs(header.width * header.height - wanted), path) for path, header in known if header]
    if not distances:
        raise SystemExit(f"{pictures} holds no JPEG; `make samples` makes some, --pictures names another folder")
    nearest = min(distance for distance, _ in distances)
    equals = sorted((path for distance, path in distances if distance == nearest), key=lambda one: one.stat().st_size)
    return equals[len(equals) // 2]


def _target(original: Path, case: Case) -> str:
    return signed(f"/rs:fit:{case.width}:0/plain/local:///{original.name}@{case.format}")


class _Asker:
    """Our side: the server, asked over connections that stay open."""

    def __init__(self, service: Service, target: str, threads: int) -> None:
        self._service = service
        self._target = target
        self._pool = ThreadPoolExecutor(threads)
        self._connections = [HTTPConnection(HOST, service.port, timeout=30) for _ in range(threads)]
        status, _, body = get(service.port, target)
        if status != 200:
            raise RuntimeError(f"the server answered {status}: {body[:200]!r}")
        self.first = body

    def close(self) -> None:
        for one in self._connections:
            one.close()
        self._pool.shutdown()

    def cost(self, times: int) -> float:
        """Give the milliseconds of CPU that each of so many pictures took."""
        before = self._service.cpu()
        share = -(-times // len(self._connections))
        for future in [self._pool.submit(self._ask, one, share) for one in self._connections]:
            future.result()
        return (self._service.cpu() - before) * 1000 / (share * len(self._connections))

    def _ask(self, connection: HTTPConnection, times: int) -> None:
        for _ in range(times):
            connection.request("GET", self._target)
            answer = connection.getresponse()
            if answer.status != 200 or len(answer.read()) != len(self.first):
                raise RuntimeError(f"the server answered {answer.status}")


class BareLoop:
    """The other side: one process with nothing but the calls."""

    def __init__(self, process: subprocess.Popen[str], order: dict[str, Any]) -> None:
        self._process = process
        self.first = self._told(json.dumps(order))

    def cost(self, times: int) -> float:
        """Give the milliseconds of CPU that each of so many pictures took."""
        before = cpu_seconds(self._process.pid)
        self._told(str(times))
        return (cpu_seconds(self._process.pid) - before) * 1000 / times

    def _told(self, line: str) -> dict[str, Any]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the bare loop has no pipes")
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def bare_loop(original: Path, case: Case, threads: int, work: Path) -> Iterator[BareLoop]:
    """Run a bare loop for a case."""
    order = {
        "path": str(original),
        "width": case.width,
        "threads": threads,
        "saver": f"{case.format}save_buffer",
        "save": _JPEG if case.format == "jpeg" else _WEBP,
    }
    with running(module("bare_vips"), work / "bare-vips.log") as process:
        yield BareLoop(process, order)


def _same_picture(ours: bytes, bare: dict[str, Any]) -> str:
    """Tell whether both sides gave the same bytes; raise `RuntimeError` unless they gave the same size in pixels."""
    image = pyvips.Image.new_from_buffer(ours, "")
    if (image.width, image.height) != (bare["width"], bare["height"]):
        raise RuntimeError(f"{image.width}×{image.height} from the server, {bare['width']}×{bare['height']} bare")
    if hashlib.sha256(ours).hexdigest() == bare["digest"]:
        return f"yes, {len(ours):,}"
    return f"no: {len(ours):,} and {bare['bytes']:,}"


def _alternated(ours: _Asker, bare: BareLoop, rounds: int) -> Measured:
    times = max(4, round(_SECONDS_EACH * 1000 / bare.cost(3)))
    ours.cost(times)  # both are warm before the first round
    measured = Measured()
    for pair in turns(rounds, "bare", "ours"):
        for side in pair:
            if side == "ours":
                measured.ours.append(ours.cost(times))
            else:
                measured.bare.append(bare.cost(times))
    return measured
