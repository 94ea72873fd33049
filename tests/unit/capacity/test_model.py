"""The model's arithmetic."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.caches.memory import OVERHEAD_BYTES, MemoryCacheSettings
from imgproxy_py.capacity import (
    COSTS,
    Caching,
    Demand,
    Estimate,
    Flows,
    HitRatios,
    Prices,
    Replica,
    Work,
    average,
    bill,
    costs,
    estimate,
)
from imgproxy_py.capacity.prices import units

SHARES = st.floats(0, 1)
WORK = Work(made_ms=50, picture_bytes=20_000, original_bytes=2_000_000)
DEMAND = Demand(peak=1000, mean=400)
RATIOS = HitRatios(cdn=0.9, memory=0.2, redis=0.5)


def estimated(
    demand: Demand = DEMAND,
    ratios: HitRatios = RATIOS,
    work: Work = WORK,
    replica: Replica = Replica(),  # noqa: B008 - frozen
    caching: Caching = Caching(),  # noqa: B008 - frozen
) -> Estimate:
    return estimate(demand, ratios, work, replica, caching)


@given(st.floats(0.01, 1e6), SHARES, SHARES, SHARES, st.none() | SHARES)
def test_what_reaches_the_service_ends_somewhere(
    rate: float, cdn: float, memory: float, redis: float, store: float | None
) -> None:
    flows = Flows.of(rate, HitRatios(cdn=cdn, memory=memory, redis=redis, store=store))
    assert flows.memory + flows.redis + flows.store + flows.made == pytest.approx(flows.service, abs=1e-6 * rate)
    assert min(flows.memory, flows.redis, flows.store, flows.made) >= 0
    assert flows.service <= flows.edge == rate


def test_flows_by_hand() -> None:
    flows = Flows.of(1000, replace(RATIOS, store=0.25))
    figures = [flows.service, flows.memory, flows.redis, flows.store, flows.made]
    assert figures == pytest.approx([100, 20, 40, 10, 30])
    assert flows.cpu(WORK) == pytest.approx((20 * 0.15 + 40 * 0.28 + 10 * 0.85 + 30 * 50) / 1000)


def test_an_estimate_by_hand() -> None:
    found = estimated()
    assert found.flows.made == pytest.approx(40)
    assert found.cpus_busy == pytest.approx((20 * 0.15 + 40 * 0.28 + 40 * 50) / 1000)  # 2.01
    assert (found.replicas_needed, found.replicas) == (2, 3)  # of 2 CPUs, busy to 60 %
    assert found.replicas_without_cdn == 17  # 20.1 CPUs busy
    assert found.redis_entries == pytest.approx(40 * 3600)
    assert found.redis_bytes == pytest.approx(40 * 3600 * (20_000 * 1.11 + 600) * 1.25)
    assert found.redis_requests == pytest.approx(80 + 40)
    assert found.origin_traffic == pytest.approx(40 * 2_000_000)
    assert (found.s3_gets, found.s3_puts) == pytest.approx((40, 0))
    assert found.pictures_month == pytest.approx(400 * 730 * 3600)
    assert found.cdn_bytes_month == pytest.approx(400 * 730 * 3600 * 20_000)
    assert found.service_bytes_month == pytest.approx(40 * 730 * 3600 * 20_000)


def test_memory_of_a_replica() -> None:
    cache = (128 + 96) * 1024 * 1024
    assert estimated().memory_each == 250_000_000 + cache + 4 * (35_000_000 + 4_000_000)


def test_a_store_of_results_is_asked_for_what_nobody_had_and_given_what_was_made() -> None:
    found = estimated(ratios=replace(RATIOS, store=0.5))
    assert found.flows.store == found.flows.made == pytest.approx(20)
    assert found.s3_gets == pytest.approx(20 + 40)
    assert found.s3_puts == pytest.approx(20)


def test_redis_never_holds_more_pictures_than_there_are() -> None:
    assert estimated(caching=Caching(pictures=1000)).redis_entries == 1000


def test_without_redis_there_is_none() -> None:
    found = estimated(ratios=HitRatios(cdn=0.9))
    assert (found.redis_bytes, found.redis_requests, found.redis_traffic) == (0, 0, 0)


def test_hits_alone_need_processes_rather_than_replicas() -> None:
    found = estimated(Demand(peak=20_000, mean=20_000), HitRatios(memory=1.0), replica=Replica(cpus=8))
    assert (found.replicas_needed, found.processes_each) == (1, 6)


@given(st.floats(1, 1e5), SHARES, SHARES, st.floats(1, 10))
def test_more_traffic_never_needs_less(peak: float, cdn: float, redis: float, factor: float) -> None:
    ratios = HitRatios(cdn=cdn, redis=redis)
    less, more = (estimated(Demand(peak=rate, mean=rate), ratios) for rate in (peak, peak * factor))
    assert less.replicas <= more.replicas
    assert less.redis_bytes <= more.redis_bytes


@given(SHARES, SHARES)
def test_better_hits_never_need_more(one: float, other: float) -> None:
    worse, better = sorted((one, other))
    for name in ("cdn", "memory", "redis"):
        less, more = (estimated(ratios=replace(RATIOS, **{name: share})) for share in (better, worse))
        assert less.replicas <= more.replicas
        assert less.origin_traffic <= more.origin_traffic


@given(st.floats(0.5, 64), st.floats(0.1, 1), st.floats(1, 1e5))
def test_the_replicas_needed_stay_within_their_utilisation(cpus: float, utilisation: float, peak: float) -> None:
    found = estimated(Demand(peak=peak, mean=peak), replica=Replica(cpus=cpus, utilisation=utilisation))
    assert found.cpus_busy <= found.replicas_needed * cpus * utilisation * (1 + 1e-6)


# --- prices ------------------------------------------------------------------------------------------------------------


def test_without_prices_nothing_is_counted() -> None:
    found = bill(estimated(), Prices())
    assert (found.lines, found.month, found.million_pictures) == ({}, 0, 0)
    assert "cpu_hour" in found.not_priced


def test_prices_have_the_units() -> None:
    assert {one.name for one in fields(Prices)} == set(units(estimated()))


def test_a_bill_by_hand() -> None:
    found = bill(estimated(), Prices(cpu_hour=0.04, cdn_gb=0.05, s3_million_puts=5))
    assert found.lines["cpu_hour"] == pytest.approx(3 * 2 * 730 * 0.04)
    assert found.lines["cdn_gb"] == pytest.approx(1.0512e9 * 20_000 / 1e9 * 0.05)
    assert found.lines["s3_million_puts"] == 0
    assert found.million_pictures == pytest.approx(found.month / 1051.2)
    assert "cdn_gb" not in found.not_priced
    assert "s3_million_gets" in found.not_priced


# --- the table ---------------------------------------------------------------------------------------------------------


def test_the_table_is_whole_and_larger_pictures_cost_more() -> None:
    assert len(COSTS) == 2 * 3 * 4
    for original in ("2mp", "12mp"):
        for output in ("jpeg", "webp", "avif", "png"):
            by_width = [COSTS[original, width, output] for width in (400, 800, 1600)]
            assert by_width == sorted(by_width, key=lambda one: (one.made_ms, one.picture_bytes))


def test_shares_are_weights() -> None:
    mixed = average("2mp", 800, {"webp": 3, "jpeg": 1})
    assert mixed.made_ms == pytest.approx(0.75 * 63 + 0.25 * 22)
    assert mixed.picture_bytes == pytest.approx(0.75 * 17_600 + 0.25 * 36_500)


def test_what_the_cache_in_memory_counts_is_what_it_counts() -> None:
    assert costs.MEMORY_ENTRY_BYTES == OVERHEAD_BYTES
    assert Replica().memory_cache_bytes == MemoryCacheSettings().memory_cache_bytes


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Demand(peak=1, mean=2),
        lambda: Demand(peak=0, mean=0),
        lambda: HitRatios(cdn=1.1),
        lambda: HitRatios(store=-0.1),
        lambda: Work(made_ms=0, picture_bytes=1, original_bytes=1),
        lambda: Replica(cpus=0),
        lambda: Replica(utilisation=1.1),
        lambda: Replica(spare=-1),
        lambda: Prices(cdn_gb=-1),
        lambda: average("2mp", 801, {"webp": 1}),
        lambda: average("2mp", 800, {"heic": 1}),
        lambda: average("2mp", 800, {"webp": 0}),
        lambda: average("2mp", 800, {"webp": 2, "jpeg": -1}),
    ],
)
def test_what_cannot_be_is_refused(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(ValueError, match=r"expected|not measured"):
        wrong()
