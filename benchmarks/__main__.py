"""`python -m benchmarks`."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.aims import aims_table
from benchmarks.bench import FULL, SHORT, Bench, Effort, Outcome, say
from benchmarks.charts import draw
from benchmarks.cold import cold
from benchmarks.hits import hits
from benchmarks.machine import before, machine
from benchmarks.mixed import mixed
from benchmarks.originals import FOLDER_VARIABLE, prepared
from benchmarks.overload import overload
from benchmarks.peers import CannotRun, Peer
from benchmarks.peers.ipx import Ipx
from benchmarks.peers.template import Template
from benchmarks.peers.thumbor import Thumbor
from benchmarks.report import report, save
from benchmarks.responsive import responsive
from benchmarks.singles import big, gamut, singles

WORKLOADS: dict[str, tuple[Callable[[Bench], Outcome], str]] = {
    "cold": (cold, "CPU of a picture, beside a bare loop of the same libvips calls"),
    "singles": (
        singles,
        "one picture at a time: 2, 12, 24 megapixels to JPEG, WebP, AVIF, PNG, as shipped and at our score",
    ),
    "big": (big, "49 megapixels, and progressive ones"),
    "gamut": (gamut, "with and without a Display P3 or Adobe RGB profile"),
    "responsive": (responsive, "six widths in two formats of one original, at once"),
    "mixed": (mixed, "few originals often, many seldom, from empty caches"),
    "hits": (hits, "pictures that are there: requests a second, beside a bare aiohttp handler"),
    "overload": (overload, "more connections than can be served, each asking for pictures of its own"),
}
_SAMPLES = Path("var/samples")
_BENCH = Path("var/bench")
_PEERS = Path("var/peers")
_DESCRIPTION = """\
Measure imgproxy_py beside thumbor, ipx and the least that the same work can cost, in one run on this machine.

{workloads}

All servers answer on loopback from one folder of originals, ours with signed URLs, a JSON log and metrics. They take turns
round by round; CPU is user and system time of a server's processes. thumbor and ipx are installed into var/peers when they
are first wanted. Figures of a busy machine mean little, their ratios somewhat more: the load average is told with them.
Tables go to standard output, progress to standard error, every turn to var/bench/results.json, charts to var/bench.
"""
_EPILOG = """\
examples:
  python -m benchmarks                                       a short run with the samples of `make samples`
  python -m benchmarks --full --pictures ~/photos            all of it, with photographs of about 2, 12, 24 megapixels
  python -m benchmarks --only hits cold --rounds 21          two workloads, more rounds
  python -m benchmarks --full --save docs/benchmarks.md      keep tables and charts
  python -m benchmarks --only singles \\
      --peer 'imgproxy=http://127.0.0.1:8081/_/rs:fit:{width}:{height}[/q:{quality}]/plain/local:///{source}@{format}'
                                                             beside a server that runs already and serves the folder
                                                             that --folder prints; what stands in brackets is left out
                                                             where the server is to choose the quality itself
"""


def main() -> None:
    """Measure, print, and perhaps save."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers end with us
    originals = prepared(arguments.pictures, _BENCH / "originals")
    if arguments.folder:
        print(originals.folder.resolve())
        return
    begun = before()
    peers, told = _peers(arguments)
    with tempfile.TemporaryDirectory(prefix="imgproxy-bench-") as work:
        bench = Bench(
            originals=originals,
            peers=peers,
            effort=_effort(arguments),
            work=Path(work),
            connections=arguments.connections,
        )
        outcomes = [_measured(name, bench) for name in WORKLOADS if name in arguments.only]
    _tell(arguments, outcomes, [machine(begun), *told])
    if any(outcome.broken for outcome in outcomes):
        sys.exit(1)


def _measured(name: str, bench: Bench) -> Outcome:
    """Give what a workload found; one that breaks off does not take with it what the others found."""
    try:
        return WORKLOADS[name][0](bench)
    except (RuntimeError, OSError) as error:
        say(f"{name} broke off: {error}")
        return Outcome([], [], broken=f"{name} broke off: {error}")


def _tell(arguments: argparse.Namespace, outcomes: list[Outcome], about: list[str]) -> None:
    about = [*about, *(outcome.broken for outcome in outcomes if outcome.broken)]
    rows = [row for outcome in outcomes for row in outcome.rows]
    tables = [aims_table(rows), *(table for outcome in outcomes for table in outcome.tables)]
    _BENCH.mkdir(parents=True, exist_ok=True)
    results = {"command": _command(), "about": about, "rows": [asdict(row) for row in rows]}
    (_BENCH / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    images = draw(rows, arguments.save.parent / "images" if arguments.save else _BENCH)
    measured = report(tables, about, _command(), images)
    print(measured)
    if arguments.save:
        save(arguments.save, measured)
    say("done")


def _peers(arguments: argparse.Namespace) -> tuple[list[Peer], list[str]]:
    """Give the peers that are to be had and a line on each, also on those that are not."""
    shipped: list[Peer] = [] if arguments.no_peers else [Thumbor(_PEERS / "thumbor"), Ipx(_PEERS / "ipx")]
    peers: list[Peer] = []
    told = []
    for peer in [*shipped, *arguments.peer]:
        say(f"preparing {peer.name}")
        try:
            told.append(peer.prepare())
            peers.append(peer)
        except CannotRun as error:
            told.append(f"{peer.name} is missing: {error}")
    return peers, told


def _effort(arguments: argparse.Namespace) -> Effort:
    effort = FULL if arguments.full else SHORT
    return replace(effort, rounds=arguments.rounds or effort.rounds, seconds=arguments.seconds or effort.seconds)


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:<11} {about}" for name, (_, about) in WORKLOADS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=_DESCRIPTION.format(workloads=listed),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = list(WORKLOADS)
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="WORKLOAD", help="measure these alone"
    )
    parser.add_argument(
        "--full", action="store_true", help="more originals, formats and rounds: about 20 minutes, not 4"
    )
    parser.add_argument(
        "--rounds", type=_positive, metavar="N", help=f"rounds of each case ({SHORT.rounds}, {FULL.rounds})"
    )
    parser.add_argument(
        "--seconds", type=float, metavar="S", help=f"of a side's turn ({SHORT.seconds}, {FULL.seconds})"
    )
    parser.add_argument("--connections", type=_positive, default=16, metavar="N", help="hits: connections (16)")
    parser.add_argument(
        "--pictures",
        type=Path,
        default=Path(os.environ.get(FOLDER_VARIABLE) or _SAMPLES),
        metavar="FOLDER",
        help=f"JPEGs, of which those nearest to 2, 12, 24 megapixels are taken ({FOLDER_VARIABLE}, or var/samples)",
    )
    parser.add_argument(
        "--peer", action="append", type=Template, default=[], metavar="NAME=URL", help="a further server, by a template"
    )
    parser.add_argument("--no-peers", action="store_true", help="without thumbor and ipx")
    parser.add_argument("--folder", action="store_true", help="print the folder of originals and measure nothing")
    parser.add_argument("--save", type=Path, metavar="FILE", help="replace the measured section of a document as well")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _command() -> str:
    """Give the command as typed, but for where the pictures lie: that is nobody's business."""
    typed = sys.argv[1:]
    for place, word in enumerate(typed[:-1]):
        if word == "--pictures":
            typed[place + 1] = "FOLDER"
    return shlex.join(["python", "-m", "benchmarks", *typed])


if __name__ == "__main__":
    main()
