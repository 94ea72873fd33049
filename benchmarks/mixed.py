"""A day of a site in small: few originals are asked for often, many seldom, in several widths and two formats.

All servers start with nothing and are asked the same questions in the same order. What they keep is their own affair: ours
and thumbor keep finished pictures, ipx leaves that to others.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from benchmarks.bench import Bench, Outcome, say
from benchmarks.client import Client, Questions, asking
from benchmarks.measures import OURS, Row, Turn
from benchmarks.peers import Server, ours
from benchmarks.report import pictures_table
from benchmarks.rounds import Side, alternated

CASE = "mixed"
_ORIGINALS = 30
_CONNECTIONS = 8
_WIDTHS = {320: 4, 480: 3, 640: 3, 800: 2, 1080: 1}  # how often each is asked for
_FORMATS = {"jpeg": 1, "webp": 2}
_SEED = 12

Opened = Callable[[], AbstractContextManager[Server]]


def mixed(bench: Bench) -> Outcome:
    """Measure all servers with one sequence of requests, each turn from an empty start."""
    folder = bench.originals.folder
    asked = questions(_ORIGINALS, bench.effort.mixed)
    sources = bench.originals.copies("2mp.jpg", _ORIGINALS)
    with asking(bench.work) as client:
        sides = [_side(bench, client, OURS, partial(ours.serving, folder, bench.work, {}), sources, asked)]
        for peer in bench.peers:
            opened = partial(peer.serving, folder, bench.work, keeps=True)
            sides.append(_side(bench, client, peer.name, opened, sources, asked))
        rows = alternated(sides, max(2, bench.effort.rounds // 2), warm=False)
    title = f"Mixed: {len(asked)} requests for {len(set(asked))} pictures of {_ORIGINALS} originals, {_CONNECTIONS} connections"
    return Outcome(rows, [pictures_table(title, rows)])


def questions(originals: int, count: int) -> list[tuple[int, int, str]]:
    """Give number of the original, width and format of each request; the k-th original comes 1/k as often as the first."""
    chance = random.Random(_SEED)
    numbers = chance.choices(range(originals), [1 / (rank + 1) for rank in range(originals)], k=count)
    widths = chance.choices(list(_WIDTHS), list(_WIDTHS.values()), k=count)
    formats = chance.choices(list(_FORMATS), list(_FORMATS.values()), k=count)
    return list(zip(numbers, widths, formats, strict=True))


def _side(
    bench: Bench, client: Client, name: str, opened: Opened, sources: list[str], asked: list[tuple[int, int, str]]
) -> Side:
    def turn() -> Turn:
        say(f"mixed: {name}")
        with opened() as server:
            targets = [server.target(bench.wanted(sources[number], one, width)) for number, width, one in asked]
            return client.ask(server, Questions(targets=targets), _CONNECTIONS)

    return Side(Row(workload="mixed", case=CASE, server=name, turns=()), turn)
