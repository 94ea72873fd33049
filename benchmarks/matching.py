"""Which quality of another encoder gives the score that ours gives."""

from __future__ import annotations

from collections.abc import Callable

LOWEST, HIGHEST = 1, 98  # 99 and 100 turn some encoders lossless
_SLOPE = 0.6  # points of score that a step of quality brings, about


def nearest_quality(
    score_of: Callable[[int], float], wanted: float, start: int, *, tolerance: float = 0.5
) -> tuple[int, float]:
    """Give the quality whose score is nearest to that wanted, and its score; the search ends within the tolerance.

    Scores must rise with quality. If none comes near, the last one before the end of the scale is given.
    """
    low, high = LOWEST, HIGHEST
    known: dict[int, float] = {}
    quality = start
    while low <= high:
        quality = min(high, max(low, quality))
        known[quality] = score = score_of(quality)
        if abs(score - wanted) <= tolerance:
            break
        if score < wanted:
            low = quality + 1
        else:
            high = quality - 1
        quality += round((wanted - score) / _SLOPE)
    return min(known.items(), key=lambda one: abs(one[1] - wanted))
