"""How many paths become few enough for CloudFront."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.edges.cloudfront import MOST_ITEMS, MOST_WILDCARDS, condensed


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([f"/images/2024/{number}.jpg" for number in range(4)], ["/images/2024/*"]),
        (["/images/2024/a", "/images/2024/b", "/images/2025/c", "/x"], ["/images/2024/*", "/images/2025/*", "/*"]),
        ([f"/{number}.jpg" for number in range(4)], ["/*"]),
        ([f"/images/{number}/a.jpg" for number in range(16)], ["/images/*"]),
        ([f"/images/{number}/a.jpg" for number in range(15)], [f"/images/{number}/*" for number in range(15)]),
        ([f"/{number}/{number}/a" for number in range(16)], ["/*"]),
    ],
)
def test_too_many_become_their_deepest_folders_of_which_there_are_few(paths: list[str], expected: list[str]) -> None:
    assert condensed(paths, most=3) == expected


def test_as_many_as_may_be_stay_as_they_are() -> None:
    paths = [f"/{number}" for number in range(MOST_ITEMS)]
    assert condensed(paths) == paths
    assert condensed([*paths, "/more"]) == ["/*"]


segments = st.lists(st.sampled_from(["a", "b", "cc", "", "d*"]), min_size=1, max_size=5)


@given(st.lists(segments.map(lambda parts: "/" + "/".join(parts)), min_size=1, max_size=60), st.integers(0, 20))
def test_nothing_that_was_meant_is_left_out_and_there_are_never_too_many(paths: list[str], most: int) -> None:
    found = condensed(paths, most)
    assert len(found) <= max(most, MOST_WILDCARDS)
    beginnings = tuple(one.removesuffix("*") for one in found)
    assert all(path in found or path.startswith(beginnings) for path in paths)
