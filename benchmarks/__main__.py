"""`python -m benchmarks`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from pathlib import Path

from benchmarks import cold, hits
from benchmarks.machine import machine
from benchmarks.report import Table, report, save

_SAMPLES = Path("var/samples")
_DESCRIPTION = """\
Measure what the service costs beside the least that the same work can cost, in one run.

  cold  CPU per picture of `imgproxy-py serve` without caches, beside a bare loop of the same libvips calls
  hits  requests a second and CPU per request for cached pictures, beside a bare aiohttp handler with the same bytes

Without a word, both. Either way signatures, JSON log and metrics are on, and the two sides take turns round by round.
Figures of a busy machine mean little, their ratios somewhat more: the load average is told with them.
"""
_EPILOG = """\
examples:
  python -m benchmarks                                       with the samples of `make samples`
  python -m benchmarks cold --rounds 21 --pictures ~/photos   with photographs of about 12 and 2 megapixels
  python -m benchmarks --save docs/benchmarks.md              and keep the figures
"""


def main() -> None:
    """Measure, print, and perhaps save."""
    arguments = _parser().parse_args()
    load, tables = os.getloadavg()[0], []
    with tempfile.TemporaryDirectory(prefix="imgproxy-bench-") as work:
        if arguments.what in ("cold", "all"):
            tables += _cold(arguments, Path(work))
        if arguments.what in ("hits", "all"):
            tables.append(_hits(arguments, Path(work)))
    measured = report(tables, machine(load), _command())
    print(measured)
    if arguments.save:
        save(arguments.save, measured)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=["cold", "hits", "all"], default="all", help="what to measure")
    parser.add_argument("--rounds", type=_positive, default=11, metavar="N", help="rounds of each case (11)")
    parser.add_argument("--threads", type=_positive, default=1, metavar="N", help="cold: threads of both sides (1)")
    parser.add_argument("--connections", type=_positive, default=16, metavar="N", help="hits: connections (16)")
    parser.add_argument("--seconds", type=float, default=1.5, metavar="S", help="hits: seconds of a side's turn (1.5)")
    parser.add_argument(
        "--pictures",
        type=Path,
        default=Path(os.environ.get("IMGPROXY_BENCH_PICTURES") or _SAMPLES),
        metavar="FOLDER",
        help="JPEGs, of which those nearest to 12 and 2 megapixels are taken (IMGPROXY_BENCH_PICTURES, or var/samples)",
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="replace the measured section of a document as well")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _cold(arguments: argparse.Namespace, work: Path) -> list[Table]:
    return [cold.measure(arguments.pictures, work, rounds=arguments.rounds, threads=arguments.threads)]


def _hits(arguments: argparse.Namespace, work: Path) -> Table:
    return hits.measure(
        arguments.pictures,
        work,
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        connections=arguments.connections,
    )


def _command() -> str:
    """Give the command as typed, but for where the pictures lie: that is nobody's business."""
    typed = sys.argv[1:]
    for place, word in enumerate(typed[:-1]):
        if word == "--pictures":
            typed[place + 1] = "FOLDER"
    return shlex.join(["python", "-m", "benchmarks", *typed])


if __name__ == "__main__":
    main()
