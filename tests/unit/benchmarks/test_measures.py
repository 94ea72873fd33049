"""What rows say: ratios, aims, tables, the order of turns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import cold, hits, responsive
from benchmarks.aims import aims, aims_table
from benchmarks.measures import MATCHED, OURS, Row, Turn, cpu_ratio, find, rate_ratio
from benchmarks.mixed import questions
from benchmarks.report import pictures_table
from benchmarks.rounds import Side, alternated


def _turn(cpu_ms: float | None, *, answers: int = 10, seconds: float = 1.0, peak: int | None = 150_000_000) -> Turn:
    cpu = None if cpu_ms is None else cpu_ms * answers / 1000
    return Turn(answers=answers, seconds=seconds, cpu=cpu, p50=20.0, p99=30.0, peak=peak, sent=answers * 1000)


def _row(server: str, *cpu_ms: float | None, workload: str = "singles", case: str = "12mp → 400 px WebP") -> Row:
    return Row(workload=workload, case=case, server=server, turns=tuple(_turn(one) for one in cpu_ms))


def test_milliseconds_and_rates_are_of_an_answer() -> None:
    turn = Turn(answers=4, seconds=2.0, cpu=0.1, p50=1, p99=2, peak=None, sent=0)
    assert (turn.cpu_ms, turn.rate) == (25.0, 2.0)


def test_ratios_are_of_rounds() -> None:
    found = cpu_ratio(_row(OURS, 10, 100, 10), _row("other", 20, 200, 20))
    assert found is not None
    assert (found.least, found.middle, found.greatest) == (0.5, 0.5, 0.5)


def test_a_server_whose_process_is_not_known_has_no_ratio_of_cpu() -> None:
    unknown = _row("other", None, None)
    assert unknown.cpu_ms() is None
    assert cpu_ratio(_row(OURS, 1, 1), unknown) is None
    assert rate_ratio(_row(OURS, 1, 1), unknown).middle == 1.0


def test_the_most_memory_of_any_turn_counts() -> None:
    row = replace(_row(OURS, 1), turns=(_turn(1, peak=5), _turn(1, peak=9), _turn(1, peak=None)))
    assert row.peak() == 9
    assert replace(row, turns=(_turn(1, peak=None),)).peak() is None


def test_rows_are_found_by_what_they_are_of() -> None:
    rows = [_row(OURS, 1), _row("other", 2), replace(_row("other", 3), kind=MATCHED)]
    assert find(rows, "singles", "12mp → 400 px WebP", "other", MATCHED) is rows[2]
    assert find(rows, "singles", "12mp → 400 px PNG") is None


def test_each_side_is_warm_before_the_first_round_and_then_takes_its_turns() -> None:
    order: list[str] = []

    def side(name: str) -> Side:
        def turn() -> Turn:
            order.append(name)
            return _turn(len(order))

        return Side(_row(name), turn)

    rows = alternated([side("a"), side("b")], 2)
    assert order == ["a", "b", "a", "b", "b", "a"]
    assert [row.cpu_ms() for row in rows] == [[3, 6], [4, 5]]


def test_a_table_sets_each_server_beside_ours() -> None:
    other = replace(_row("other", 20, 20), kind=MATCHED, quality=70, sent=1234, score=71.26, note="it naps")
    text = pictures_table("Singles", [_row(OURS, 10, 10), other, _row("far", None, None)]).text()
    assert "| 400 px WebP · imgproxy_py | 10.0 (10.0–10.0) | 10.0 (10.0–10.0) |  | 20.0 | 30.0 | 150 | – | – |" in text
    assert "| 400 px WebP · other, matched, quality 70 |" in text
    assert "| 0.50 (0.50–0.50) | 20.0 | 30.0 | 150 | 1,234 | 71.3 |" in text
    assert "| 400 px WebP · far | 10.0 (10.0–10.0) | – | – |" in text
    assert text.endswith("\nother: it naps.")


def _matched(row: Row) -> Row:
    return replace(row, kind=MATCHED)


def test_ours_is_set_beside_the_best_at_equal_score() -> None:
    rows = [_row(OURS, 12), _row("slow", 1), _matched(_row("slow", 30)), _matched(_row("quick", 10))]
    best = next(aim for aim in aims(rows) if "beside the best" in aim.name)
    assert (best.where, best.reached.middle, best.holds) == ("12mp → 400 px WebP, quick", 1.2, False)


def test_of_several_cases_the_worst_stands_for_all() -> None:
    other_case = "2mp → 800 px WebP"
    rows = [_row(OURS, 5), _row("other", 10), _row(OURS, 9, case=other_case), _row("other", 10, case=other_case)]
    shipped = next(aim for aim in aims(rows) if "as shipped" in aim.name)
    assert (shipped.where, shipped.reached.middle, shipped.holds) == ("2mp → 800 px WebP, other", 0.9, False)


def test_lossless_formats_are_compared_as_shipped() -> None:
    case = "12mp → 400 px PNG"
    found = aims([_row(OURS, 5, case=case), _row("other", 10, case=case)])
    assert [(aim.name, aim.reached.middle) for aim in found] == [("CPU, PNG, beside the best", 0.5)]


@pytest.mark.parametrize(
    ("rows", "reached", "holds"),
    [
        (
            [
                _row(OURS, 10, workload="gamut", case="12mp → 400 px JPEG"),
                _row(OURS, 12, workload="gamut", case="12mp-p3 → 400 px JPEG"),
            ],
            1.2,
            False,
        ),
        (
            [
                _row(OURS, 4, workload="responsive", case=responsive.CASE),
                replace(_row(OURS, 10, workload="responsive", case=responsive.CASE), kind=responsive.ALONE),
            ],
            0.4,
            True,
        ),
        (
            [_row(OURS, 10.3, workload="cold", case="x"), _row(cold.BARE, 10, workload="cold", case="x")],
            1.03,
            True,
        ),
        (
            [
                _row(OURS, 1, workload="hits", case=hits.UNCHANGED),
                replace(_row(OURS, 2, workload="hits", case=hits.MEMORY)),
            ],
            0.5,
            True,
        ),
    ],
    ids=["profiles", "shared", "bare libvips", "304"],
)
def test_aims_are_judged(rows: list[Row], reached: float, holds: bool) -> None:
    (aim,) = aims(rows)
    assert aim.reached.middle == pytest.approx(reached)
    assert aim.holds is holds


@pytest.mark.parametrize(("seconds", "holds"), [(1.6, True), (1.7, False)])
def test_requests_a_second_are_to_be_at_least_so_many(seconds: float, holds: bool) -> None:
    rows = [
        replace(_row(OURS, workload="hits", case=hits.REDIS), turns=(_turn(1, seconds=seconds),)),
        replace(_row(hits.BARE, workload="hits", case=hits.REDIS), turns=(_turn(1, seconds=1.0),)),
    ]
    (aim,) = aims(rows)
    assert aim.holds is holds
    assert f"| ≥ 0.60 | {1 / seconds:.2f}" in aims_table(rows).text()


def test_a_run_without_peers_has_no_aims_beside_them() -> None:
    assert aims([_row(OURS, 1)]) == []


def test_mixed_questions_are_the_same_each_time_and_few_originals_are_asked_for_most() -> None:
    asked = questions(30, 1000)
    assert asked == questions(30, 1000)
    counts = [sum(number == one for number, _, _ in asked) for one in range(30)]
    assert counts[0] > 4 * counts[9] > 0
    assert len(set(asked)) < 300
