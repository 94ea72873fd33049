"""One page, one original: six widths in JPEG and WebP, asked for at once. Nobody has the pictures yet.

Our server is measured as it is shipped, sharing originals and decoded pixels among requests, and with nothing shared. No
side keeps finished pictures, and each set is of a file that no server has seen.
"""

from __future__ import annotations

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
_PICTURES = len(_WIDTHS) * len(_FORMATS)
_SOURCE = "12mp.jpg"


def responsive(bench: Bench) -> Outcome:
    """Measure what a picture of a set costs."""
    say("responsive: twelve pictures at once")
    copies = bench.originals.copies(_SOURCE, bench.effort.rounds + 1)
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
    unseen = iter(copies)

    def turn() -> Turn:
        return client.ask(server, Questions(targets=_targets(bench, server, next(unseen))), _PICTURES)

    return Side(Row(workload="responsive", case=CASE, server=server.name, kind=kind, turns=()), turn)


def _targets(bench: Bench, server: Server, source: str) -> list[str]:
    return [server.target(bench.wanted(source, one, width)) for width in _WIDTHS for one in _FORMATS]
