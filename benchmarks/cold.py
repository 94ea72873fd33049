"""CPU time of a picture that has to be made: our server beside a bare loop of the same libvips calls."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyvips

from benchmarks.bench import Bench, Outcome, say
from benchmarks.client import Client, Questions, asking
from benchmarks.measures import OURS, Row, Turn, cpu_ratio
from benchmarks.peers import Server, Wanted, ours
from benchmarks.processes import answer_to, cpu_seconds, forget_peak, get, module, peak_bytes, running
from benchmarks.report import Table, cpu_cell
from benchmarks.rounds import Side, alternated
from benchmarks.singles import case_of

BARE = "bare libvips"
_SETTINGS: dict[str, dict[str, Any]] = {
    "jpeg": {"Q": 80, "optimize_coding": True, "interlace": False},
    "webp": {"Q": 79, "effort": 2, "preset": "default"},
}
_CASES = (("12mp.jpg", "jpeg"), ("12mp.jpg", "webp"), ("2mp.jpg", "jpeg"))


def cold(bench: Bench) -> Outcome:
    """Measure ordinary pictures, each side in turn."""
    rows: list[Row] = []
    table = Table("Beside bare libvips: CPU per picture", ["picture", "bare, ms", "server, ms", "ratio", "same bytes"])
    with ExitStack() as stack:
        server = stack.enter_context(ours.serving(bench.originals.folder, bench.work, ours.NOTHING_KEPT))
        client = stack.enter_context(asking(bench.work))
        for source, name in _CASES:
            wanted = bench.wanted(source, name)
            say(f"cold: {case_of(wanted)}")
            bare, mine, same = _measured(bench, client, server, wanted)
            rows += [bare, mine]
            found = cpu_ratio(mine, bare)
            table.add(case_of(wanted), cpu_cell(bare, 2), cpu_cell(mine, 2), found.text(3) if found else "–", same)
    return Outcome(rows, [table])


def _measured(bench: Bench, client: Client, server: Server, wanted: Wanted) -> tuple[Row, Row, str]:
    with bare_loop(bench.originals.path(wanted.source), wanted, bench.work) as bare:
        target = server.target(wanted)
        _, _, body = get(server.port, target)
        same = _same_picture(body, bare.first)
        times = max(4, round(bench.effort.seconds / bare.turn(3).seconds * 3))
        sides = [
            Side(_row(wanted, BARE), lambda: bare.turn(times)),
            Side(_row(wanted, OURS), lambda: client.ask(server, Questions(targets=[target] * times))),
        ]
        first, second = alternated(sides, bench.effort.rounds)
    return first, second, same


def _row(wanted: Wanted, server: str) -> Row:
    return Row(workload="cold", case=case_of(wanted), server=server, turns=())


class BareLoop:
    """One process with nothing but the calls."""

    def __init__(self, process: subprocess.Popen[str], order: dict[str, Any]) -> None:
        self._process = process
        self.first = answer_to(self._process, json.dumps(order))

    def turn(self, times: int) -> Turn:
        """Make the picture so often."""
        forget_peak(self._process.pid)
        before, begun = cpu_seconds(self._process.pid), time.perf_counter()
        answer_to(self._process, str(times))
        seconds = time.perf_counter() - begun
        return Turn(
            answers=times,
            seconds=seconds,
            cpu=cpu_seconds(self._process.pid) - before,
            p50=seconds * 1000 / times,
            p99=seconds * 1000 / times,
            peak=peak_bytes(self._process.pid),
            sent=self.first["bytes"] * times,
        )


@contextmanager
def bare_loop(original: Path, wanted: Wanted, work: Path) -> Iterator[BareLoop]:
    """Run a bare loop for a picture."""
    order = {
        "path": str(original),
        "width": wanted.width,
        "threads": 1,
        "saver": f"{wanted.format}save_buffer",
        "save": _SETTINGS[wanted.format],
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
