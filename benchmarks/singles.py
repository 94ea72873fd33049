"""One picture at a time that has to be made: our server beside others, as they are shipped and at the same score.

Three workloads: `singles` (ordinary photographs), `big` (49 megapixels, and progressive ones), and `gamut` (the same
coded picture with and without a wide-gamut profile).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from benchmarks.bench import Bench, Outcome, say
from benchmarks.client import Client, Questions, asking
from benchmarks.matching import nearest_quality
from benchmarks.measures import MATCHED, SHIPPED, Row, Turn, cpu_ratio
from benchmarks.originals import PROFILES
from benchmarks.peers import Server, Wanted, ours
from benchmarks.processes import get
from benchmarks.report import Table, cpu_cell, pictures_table
from benchmarks.rounds import Side, alternated

FORMATS = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF", "png": "PNG"}
_LOSSLESS = {"png"}
_TYPICAL_QUALITY = 80
_PROFILE_NAMES = {"p3": "Display P3", "adobe": "Adobe RGB"}
_MOST_A_TURN = 12


@dataclass(frozen=True, slots=True)
class Contender:
    """A running server, and whether it may be told a quality."""

    server: Server
    takes_quality: bool


def singles(bench: Bench) -> Outcome:
    """Measure photographs of ordinary sizes in all formats, all servers, as shipped and matched."""
    wanted = [bench.wanted(f"{size}.jpg", name) for size in bench.effort.sizes for name in bench.effort.formats]
    rows = _measured(bench, "singles", wanted, matched=True)
    return Outcome(rows, _tables("One picture at a time", rows))


def big(bench: Bench) -> Outcome:
    """Measure 49 megapixels, which a JPEG decoder may shrink while it reads, and progressive ones, which it reads first."""
    wanted = [bench.wanted(source, "jpeg") for source in bench.effort.big]
    rows = _measured(bench, "big", wanted, matched=False)
    return Outcome(rows, _tables("Big pictures", rows))


def gamut(bench: Bench) -> Outcome:
    """Measure pictures with a wide-gamut profile beside the same without one."""
    rows: list[Row] = []
    table = Table(
        "Wide-gamut profiles: CPU per picture beside the same without a profile",
        ["picture", "server", "without, ms", *(f"{name}, ms" for name in _PROFILE_NAMES.values()), "ratios", "scores"],
    )
    with ExitStack() as stack:
        client, contenders = _opened(bench, stack)
        for size in ("12mp", "2mp"):
            wanted = [bench.wanted(f"{size}{ending}.jpg", "jpeg") for ending in ("", *(f"-{one}" for one in PROFILES))]
            # All of one picture take turns together: their ratio is what is asked for.
            sides = [_side(bench, "gamut", client, one, each) for one in contenders for each in wanted]
            say(f"gamut: {size}")
            measured = alternated(sides, bench.effort.rounds, warm=False)
            rows += measured
            for start in range(0, len(measured), len(wanted)):
                _add_gamut(table, size, measured[start : start + len(wanted)])
    table.notes.append("A server that hands the profile on does not convert; its score is taken through the profile.")
    return Outcome(rows, [table])


def _add_gamut(table: Table, size: str, rows: Sequence[Row]) -> None:
    plain, *profiled = rows
    found = [cpu_ratio(row, plain) for row in profiled]
    table.add(
        size,
        plain.server,
        *(cpu_cell(row) for row in rows),
        ", ".join("–" if one is None else f"{one.middle:.2f}" for one in found),
        ", ".join(f"{row.score:.1f}" for row in rows if row.score is not None),
    )


def _measured(bench: Bench, workload: str, wanted: Sequence[Wanted], *, matched: bool) -> list[Row]:
    rows: list[Row] = []
    with ExitStack() as stack:
        client, contenders = _opened(bench, stack)
        for one in wanted:
            say(f"{workload}: {case_of(one)}")
            sides = list(_sides(bench, workload, client, contenders, one, matched=matched))
            rows += alternated(sides, bench.effort.rounds, warm=False)
    return rows


def _opened(bench: Bench, stack: ExitStack) -> tuple[Client, list[Contender]]:
    """Start a client and all servers, ours first, none of which keeps anything."""
    folder = bench.originals.folder
    mine = stack.enter_context(ours.serving(folder, bench.work, ours.NOTHING_KEPT))
    contenders = [Contender(mine, takes_quality=True)]
    for peer in bench.peers:
        server = stack.enter_context(peer.serving(folder, bench.work, keeps=False))
        contenders.append(Contender(server, peer.takes_quality))
    return stack.enter_context(asking(bench.work)), contenders


def _sides(
    bench: Bench, workload: str, client: Client, contenders: Sequence[Contender], wanted: Wanted, *, matched: bool
) -> Iterator[Side]:
    mine = _side(bench, workload, client, contenders[0], wanted)
    yield mine
    for other in contenders[1:]:
        shipped = _side(bench, workload, client, other, wanted)
        yield shipped
        if matched and other.takes_quality and wanted.format not in _LOSSLESS and mine.row.score is not None:
            quality = _matched_quality(bench, other.server, wanted, mine.row.score)
            yield _side(bench, workload, client, other, replace(wanted, quality=quality))


def _matched_quality(bench: Bench, server: Server, wanted: Wanted, score: float) -> int:
    def score_of(quality: int) -> float:
        picture = _picture(server, replace(wanted, quality=quality))
        return bench.scores.score(bench.originals.path(wanted.source), picture)

    quality, _ = nearest_quality(score_of, score, _TYPICAL_QUALITY)
    return quality


def _side(bench: Bench, workload: str, client: Client, one: Contender, wanted: Wanted) -> Side:
    """Give a server's side: its picture is made twice, scored, and decides how many are asked for in a turn."""
    picture = _picture(one.server, wanted)
    targets = [one.server.target(wanted)]
    first = client.ask(one.server, Questions(targets=targets))
    times = min(_MOST_A_TURN, max(1, round(bench.effort.seconds / first.seconds)))
    row = Row(
        workload=workload,
        case=case_of(wanted),
        server=one.server.name,
        kind=MATCHED if wanted.quality is not None else SHIPPED,
        quality=wanted.quality,
        turns=(),
        sent=len(picture),
        score=bench.scores.score(bench.originals.path(wanted.source), picture),
    )

    def turn() -> Turn:
        taken = client.ask(one.server, Questions(targets=targets * times))
        if taken.sent != len(picture) * times:
            raise RuntimeError(f"{one.server.name} gave other bytes for {targets[0]}")
        return taken

    return Side(row, turn)


def _picture(server: Server, wanted: Wanted) -> bytes:
    status, headers, body = get(server.port, server.target(wanted), host=server.host)
    if status != 200 or headers.get_content_type() != f"image/{wanted.format}":
        raise RuntimeError(
            f"{server.name}: {server.target(wanted)}: {status} {headers.get_content_type()} {body[:200]!r}"
        )
    return body


def case_of(wanted: Wanted) -> str:
    """Give how a case is called: `12mp → 400 px JPEG`."""
    return f"{wanted.source.removesuffix('.jpg')} → {wanted.width} px {FORMATS[wanted.format]}"


def _tables(title: str, rows: Sequence[Row]) -> list[Table]:
    """Give a table for each original."""
    sources = dict.fromkeys(_source(row) for row in rows)
    return [pictures_table(f"{title}: {one}", [row for row in rows if _source(row) == one]) for one in sources]


def _source(row: Row) -> str:
    return row.case.partition(" ")[0]
