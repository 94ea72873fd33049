"""One page, one original: six widths in JPEG and WebP, asked for at once. Nobody has the pictures yet.

Our server is measured as it is shipped, sharing originals and decoded pixels among requests, and with nothing shared. No
side keeps finished pictures, and each set is of a file that no server has seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks.bench import Bench, Outcome, say
from benchmarks.client import Client, Questions, asking
from benchmarks.measures import SHIPPED, Row, Turn
from benchmarks.peers import Server, ours
from benchmarks.report import pictures_table
from benchmarks.rounds import Side, alternated

CASE = "responsive set"
ALONE = "nothing shared"
_WIDTHS = (320, 480, 640, 800, 1080, 1280)
_FORMATS = ("jpeg", "webp")
_SETS = 1  # in a turn: more than a second of work
_SOURCE = "12mp.jpg"


def responsive(bench: Bench) -> Outcome:
    """Measure what a picture of a set costs."""
    say("responsive: twelve pictures at once")
    copies = bench.originals.copies(_SOURCE, _SETS * (bench.effort.rounds + 1))
    folder = bench.originals.folder
    with ExitStack() as stack:
        client = stack.enter_context(asking(bench.work))
        sides = [
            _side(bench, client, stack.enter_context(ours.serving(folder, bench.work, ours.NO_RESULTS)), copies),
            _side(
                bench, client, stack.enter_context(ours.serving(folder, bench.work, ours.NOTHING_KEPT)), copies, ALONE
            ),
        ]
        for peer in bench.peers:
            server = stack.enter_context(peer.serving(folder, bench.work, keeps=False))
            sides.append(_side(bench, client, server, copies))
        rows = alternated(sides, bench.effort.rounds)
    table = pictures_table("Responsive set: 320–1280 px wide, JPEG and WebP, of 12 megapixels", rows)
    table.notes.append("Figures are of one picture of the twelve.")
    return Outcome(rows, [table])


def _side(bench: Bench, client: Client, server: Server, copies: list[str], kind: str = SHIPPED) -> Side:
    unseen: Iterator[str] = iter(copies)

    def turn() -> Turn:
        sets = [next(unseen) for _ in range(_SETS)]
        taken = [client.ask(server, Questions(targets=_targets(bench, server, one)), _connections()) for one in sets]
        return _sum(taken)

    return Side(Row(workload="responsive", case=CASE, server=server.name, kind=kind, turns=()), turn)


def _targets(bench: Bench, server: Server, source: str) -> list[str]:
    return [server.target(bench.wanted(source, one, width)) for width in _WIDTHS for one in _FORMATS]


def _connections() -> int:
    return len(_WIDTHS) * len(_FORMATS)


def _sum(turns: list[Turn]) -> Turn:
    """Give turns as one; latencies are those of the slowest."""
    cpu = [turn.cpu for turn in turns if turn.cpu is not None]
    peaks = [turn.peak for turn in turns if turn.peak is not None]
    return Turn(
        answers=sum(turn.answers for turn in turns),
        seconds=sum(turn.seconds for turn in turns),
        cpu=sum(cpu) if len(cpu) == len(turns) else None,
        p50=max(turn.p50 for turn in turns),
        p99=max(turn.p99 for turn in turns),
        peak=max(peaks, default=None),
        sent=sum(turn.sent for turn in turns),
    )
