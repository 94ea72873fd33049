"""The quality that gives a score is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.matching import HIGHEST, LOWEST, nearest_quality


@given(
    steps=st.lists(st.floats(0.05, 3), min_size=HIGHEST, max_size=HIGHEST),
    wanted=st.floats(-50, 200),
    start=st.integers(LOWEST, HIGHEST),
)
def test_no_other_quality_is_nearer_than_the_tolerance(steps: list[float], wanted: float, start: int) -> None:
    scores = {quality: sum(steps[:quality]) for quality in range(LOWEST, HIGHEST + 1)}
    quality, score = nearest_quality(scores.__getitem__, wanted, start, tolerance=0.5)
    assert score == scores[quality]
    nearest = min(abs(other - wanted) for other in scores.values())
    assert abs(score - wanted) <= max(0.5, nearest + 1e-9)


def test_few_pictures_are_made_on_the_way() -> None:
    asked: list[int] = []

    def score_of(quality: int) -> float:
        asked.append(quality)
        return 20 + 0.75 * quality

    assert nearest_quality(score_of, 71.0, 80) == (68, 71.0)
    assert len(asked) <= 4


@pytest.mark.parametrize(("wanted", "quality"), [(1000.0, HIGHEST), (-1000.0, LOWEST)])
def test_a_score_out_of_reach_ends_at_the_end_of_the_scale(wanted: float, quality: int) -> None:
    assert nearest_quality(lambda one: float(one), wanted, 80)[0] == quality
