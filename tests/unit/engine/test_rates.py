"""The pace of this machine is learnt from the work that it does."""

from __future__ import annotations

import pytest

from imgproxy_py.engine.rates import Rates, retry_after


def test_before_anything_was_done_the_pace_is_as_estimated() -> None:
    assert Rates().pace.value == 0.001


@pytest.mark.parametrize("cost", [1, 5, 50])
def test_a_slow_first_picture_does_not_condemn_those_after_it(cost: float) -> None:
    rates = Rates()
    rates.worked(cost, 0.5)  # what is read and made once in a process is on its account
    assert rates.pace.value < 0.003


@pytest.mark.parametrize("slower", [0.3, 4, 20])
@pytest.mark.parametrize("cost", [5, 50, 500])
def test_a_machine_of_another_speed_is_known_after_a_while(slower: float, cost: float) -> None:
    rates = Rates()
    for _ in range(100):
        rates.worked(cost, slower * cost / 1000)
    assert rates.pace.value == pytest.approx(slower / 1000, rel=0.35)


@pytest.mark.parametrize(
    ("seconds", "soonest", "latest"),
    [(0.0, 1, 1), (0.2, 1, 1), (1.1, 2, 2), (10.0, 10, 15), (50.0, 50, 60), (500.0, 60, 60)],
)
def test_who_is_sent_away_is_told_whole_seconds(seconds: float, soonest: int, latest: int) -> None:
    assert retry_after(seconds, chance=lambda: 0.0) == soonest
    assert retry_after(seconds, chance=lambda: 0.999) == latest


def test_those_who_are_sent_away_together_come_back_apart() -> None:
    assert len({retry_after(10.0) for _ in range(1000)}) > 3
