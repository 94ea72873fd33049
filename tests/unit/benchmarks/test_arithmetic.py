"""The arithmetic of the harness; what it measures is not judged here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.arithmetic import Spread, percentile, ratios, turns


def test_a_spread_is_the_median_between_the_extremes() -> None:
    assert Spread.of([5.0, 1.0, 3.0]) == Spread(3.0, 1.0, 5.0)


def test_the_median_of_an_even_number_lies_between_the_middle_two() -> None:
    assert Spread.of([1.0, 2.0, 4.0, 8.0]).middle == 3.0


def test_a_single_figure_is_its_own_spread() -> None:
    assert Spread.of([7.0]).text(1) == "7.0 (7.0–7.0)"


@pytest.mark.parametrize(
    ("digits", "text"), [(0, "12,346 (1,000–20,000)"), (1, "12,345.7 (1,000.0–20,000.0)")], ids=["whole", "tenths"]
)
def test_a_spread_is_written_with_its_digits(digits: int, text: str) -> None:
    assert Spread(12345.67, 1000.0, 20000.0).text(digits) == text


def test_ratios_are_taken_round_by_round() -> None:
    # The second round was disturbed by ten times; its ratio was not.
    assert ratios([2.0, 20.0, 2.0], [1.0, 10.0, 1.0]) == Spread(2.0, 2.0, 2.0)


def test_ratios_need_as_many_figures_on_both_sides() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0, 2.0], [1.0])


def test_the_sides_take_turns() -> None:
    assert turns(3, "a", "b") == [["a", "b"], ["b", "a"], ["a", "b"]]


def test_each_of_three_sides_comes_first_once() -> None:
    assert [order[0] for order in turns(3, "a", "b", "c")] == ["a", "b", "c"]
    assert all(sorted(order) == ["a", "b", "c"] for order in turns(5, "a", "b", "c"))


@pytest.mark.parametrize(("share", "figure"), [(0.5, 50.0), (0.99, 99.0), (0.999, 100.0), (0.01, 1.0)])
def test_a_percentile_is_the_figure_that_so_many_do_not_exceed(share: float, figure: float) -> None:
    assert percentile([float(number) for number in range(1, 101)], share) == figure


@given(figures=st.lists(st.floats(0, 1e6), min_size=1), share=st.floats(0.01, 1))
def test_a_percentile_is_one_of_the_figures_and_so_large_a_share_does_not_exceed_it(
    figures: list[float], share: float
) -> None:
    ordered, share = sorted(figures), round(share, 3)
    found = percentile(ordered, share)
    assert found in ordered
    assert sum(figure <= found for figure in ordered) * 1000 >= round(share * 1000) * len(ordered)
