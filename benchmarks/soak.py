"""`python -m benchmarks.soak`: what memory the server holds while it makes thousands of pictures, and afterwards."""

from __future__ import annotations

import argparse
import csv
import random
import shlex
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import matplotlib as mpl
import numpy
from matplotlib import pyplot

from benchmarks.machine import before, machine
from benchmarks.processes import HOST, resident_bytes
from benchmarks.service import Service, serving, signed

_SAMPLES = Path("var/samples")
_MEGABYTE = 1024 * 1024
_SETTINGS = {
    "IMGPROXY_WORKERS": "2",
    # Full within the first hundreds, so that they grow no more.
    "IMGPROXY_MEMORY_CACHE_BYTES": str(16 * _MEGABYTE),
    "IMGPROXY_ORIGINALS_CACHE_BYTES": str(16 * _MEGABYTE),
    "IMGPROXY_PIXELS_CACHE_BYTES": str(16 * _MEGABYTE),
    "IMGPROXY_MAX_ANIMATION_FRAMES": "8",
    "IMGPROXY_TIMEOUT": "60",
}
_EVERY = 0.25  # seconds between two looks at the memory
_REST = 5.0  # seconds without work before memory at rest is read
_ORIGINALS = ("*.jpg", "*.png", "*.webp", "*.avif", "*.gif", "*.tiff", "*.svg")

# What is asked of any picture, as often as it stands here.
_OPTIONS = (
    "rs:fit:400:0",
    "rs:fit:400:0",
    "rs:fit:800:600",
    "rs:fill:320:320/g:sm",
    "rs:fill:640:360/dpr:2",
    "rs:fit:1200:0/sh:0.5",
    "rs:fit:300:300/bl:4",
    "rs:auto:500:500/rot:90",
    "rs:fit:500:0/ex:1/bg:fff/pd:20",
    "rs:fit:600:0/sm:0/scp:0",
    "c:0.5:0.5:ce/rs:fit:256:256",
)
_FORMATS = ("jpeg", "jpeg", "jpeg", "webp", "webp", "avif", "png")


@dataclass(frozen=True, slots=True)
class Sample:
    """How much memory was held at a moment, and how many pictures had been made by then."""

    seconds: float
    made: int
    resident: int


@dataclass(slots=True)
class Soak:
    """The samples of a run, of which the last is at rest, and the seconds of CPU that it took."""

    samples: list[Sample] = field(default_factory=list)
    failed: int = 0
    cpu: float = 0.0

    @property
    def peak(self) -> int:
        """The most bytes of all samples."""
        return max(one.resident for one in self.samples)

    @property
    def at_rest(self) -> int:
        """The bytes a while after the last picture."""
        return self.samples[-1].resident

    def growth(self) -> float:
        """Give the bytes by which memory grew with each picture of the second half: the slope of a straight line."""
        busy = self.samples[:-1]
        later = [one for one in busy if one.made * 2 >= busy[-1].made]
        if len({one.made for one in later}) < 2:
            return 0.0
        slope, _ = numpy.polyfit([one.made for one in later], [one.resident for one in later], 1)
        return float(slope)


def main() -> None:
    """Soak, print, and write samples and chart."""
    arguments = _parser().parse_args()
    begun = before()
    with tempfile.TemporaryDirectory(prefix="imgproxy-soak-") as work:
        with serving(arguments.pictures, Path(work), _SETTINGS) as service:
            soak = soaked(service, targets(arguments.pictures, arguments.pictures_made), arguments.connections)
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_samples(soak, arguments.output / "soak.csv")
    draw(soak, arguments.output / "soak.png")
    print(report(soak, machine(begun), shlex.join(["python", "-m", "benchmarks.soak", *_typed()])))
    if soak.failed:
        raise SystemExit(f"{soak.failed} pictures were not made")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument(
        "pictures_made", nargs="?", type=int, default=20_000, metavar="N", help="how many pictures are made (20000)"
    )
    parser.add_argument("--connections", type=int, default=4, metavar="N", help="how many are asked at once (4)")
    parser.add_argument("--pictures", type=Path, default=_SAMPLES, metavar="FOLDER", help="originals (var/samples)")
    parser.add_argument(
        "--output", type=Path, default=Path("var/soak"), metavar="FOLDER", help="for soak.csv and soak.png (var/soak)"
    )
    return parser


def _typed() -> list[str]:
    """Give the arguments but for where the pictures lie: that is nobody's business."""
    typed = sys.argv[1:]
    return ["FOLDER" if before == "--pictures" else word for before, word in zip(["", *typed], typed, strict=False)]


def targets(pictures: Path, count: int) -> list[str]:
    """Give so many signed targets, no two alike and the same in every run: originals, options and formats at random."""
    names = sorted(path.name for pattern in _ORIGINALS for path in pictures.glob(pattern))
    if not names:
        raise SystemExit(f"{pictures} holds no pictures; `make samples` makes some, --pictures names another folder")
    chance = random.Random(20_000)
    return [
        signed(
            f"/{chance.choice(_OPTIONS)}/cb:{number}/plain/local:///{chance.choice(names)}@{chance.choice(_FORMATS)}"
        )
        for number in range(count)
    ]


def soaked(service: Service, asked: Sequence[str], connections: int) -> Soak:
    """Have all pictures made and give what memory was held meanwhile."""
    soak, begun = Soak(), time.monotonic()
    made = [0] * connections

    def ask(place: int) -> int:
        failed, connection = 0, HTTPConnection(HOST, service.port, timeout=120)
        for target in asked[place::connections]:
            connection.request("GET", target)
            answer = connection.getresponse()
            answer.read()
            failed += answer.status != 200
            made[place] += 1
        connection.close()
        return failed

    def look() -> None:
        soak.samples.append(Sample(time.monotonic() - begun, sum(made), resident_bytes(service.pid)))

    with ThreadPoolExecutor(connections) as pool, _every(_EVERY, look):
        before = service.cpu()
        soak.failed = sum(pool.map(ask, range(connections)))
        soak.cpu = service.cpu() - before
    time.sleep(_REST)
    look()
    return soak


@contextmanager
def _every(seconds: float, look: Callable[[], None]) -> Iterator[None]:
    """Look at once and every so often, in a thread, until the end."""
    ended = threading.Event()

    def watch() -> None:
        look()
        while not ended.wait(seconds):
            look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def write_samples(soak: Soak, path: Path) -> None:
    """Write the samples as CSV."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["seconds", "pictures", "resident_bytes"])
        table.writerows([f"{one.seconds:.2f}", one.made, one.resident] for one in soak.samples)


def draw(soak: Soak, path: Path) -> None:
    """Draw memory over pictures made."""
    mpl.use("Agg")
    figure, axis = pyplot.subplots(figsize=(9, 4), layout="constrained")
    axis.plot(
        [one.made for one in soak.samples], [one.resident / _MEGABYTE for one in soak.samples], color="#0072b2", lw=0.8
    )
    axis.axhline(soak.at_rest / _MEGABYTE, color="#8a8a8a", ls="--", lw=0.8, label="at rest")
    axis.set(xlabel="pictures made", ylabel="MB resident", ylim=(0, None), title="Memory of the server")
    axis.legend(frameon=False)
    figure.savefig(path, dpi=120, metadata={"Software": None})
    pyplot.close(figure)


def report(soak: Soak, told: str, command: str) -> str:
    """Give peak, rest and growth as Markdown."""
    last = soak.samples[-1]
    rows = (
        ("pictures", f"{last.made:,} in {soak.samples[-2].seconds:,.0f} s"),
        ("CPU", f"{soak.cpu * 1000 / last.made:.1f} ms a picture"),
        ("peak", f"{soak.peak / _MEGABYTE:,.0f} MB"),
        (f"at rest, {_REST:.0f} s after the last", f"{soak.at_rest / _MEGABYTE:,.0f} MB"),
        ("growth in the second half", f"{soak.growth() * 1000 / _MEGABYTE:+.2f} MB per 1,000 pictures"),
    )
    return "\n".join(
        [f"`{command}`  ", told, "", "| | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows)]
    )


if __name__ == "__main__":
    main()
