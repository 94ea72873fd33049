"""Where answers came from, by what they say."""

from __future__ import annotations

import pytest

from imgproxy_py.warming.outcomes import Outcome, Tally, cache_outcome


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        (["imgproxy-py; fwd=miss; stored"], "made"),
        (["imgproxy-py; hit; detail=memory"], "memory"),
        (["imgproxy-py; hit; detail=redis"], "redis"),
        (["imgproxy-py; fwd=miss; collapsed"], "shared"),
        (["imgproxy-py; fwd=bypass"], "bypassed"),
        (["imgproxy-py; fwd=miss; detail=fallback"], "fallback"),
        (["imgproxy-py; fwd=miss; stored, nginx; hit"], "hit at nginx"),
        (["imgproxy-py; fwd=miss; stored", '"edge, one; x"; hit'], "hit at edge, one; x"),
        (["imgproxy-py; hit; detail=memory, varnish; fwd=uri-miss; stored"], "memory"),
        (["origin; hit, cdn; fwd=miss"], "fetched by cdn"),
        (["cdn;fwd=stale;hit=?0"], "fetched by cdn"),
        ([""], ""),
        ([], ""),
        ([", ,"], ""),
    ],
)
def test_the_nearest_cache_says_it_or_the_service_itself(values: list[str], outcome: str) -> None:
    assert cache_outcome(values) == outcome


def test_a_tally_adds_up() -> None:
    tally = Tally()
    tally.add(Outcome(url="/a", variant="avif", cache="made", bytes=10))
    tally.add(Outcome(url="/b", variant="avif", bytes=5, attempts=3))
    tally.add(Outcome(url="/c", variant="avif", error="404 Not Found", cache="", bytes=7))
    assert (tally.asked, tally.warmed, tally.bytes, tally.attempts) == (3, 2, 22, 5)
    assert dict(tally.caches) == {"made": 1, "without Cache-Status": 1}
    assert [one.url for one in tally.failures] == ["/c"]
