"""The arithmetic of the harness; what it measures is not judged here."""

from __future__ import annotations

import pytest

from benchmarks.arithmetic import Spread, ratios, turns


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
    assert turns(3, "a", "b") == [("a", "b"), ("b", "a"), ("a", "b")]
