import asyncio
import contextlib

import pytest

from imgproxy_py.telemetry.metrics import Metrics, MetricsSettings, measure_loop_lag
from tests.unit.telemetry.makers import a_record, read


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return read(metrics.exposition())[name, frozenset(labels.items())]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(MetricsSettings())


def test_requests_are_counted_by_dialect_method_status_and_outcome(metrics):
    metrics.answered(a_record(outcome="made"))
    metrics.answered(a_record(outcome="made"))
    labels = {"dialect": "imgproxy", "method": "GET", "status": "200", "outcome": "made"}
    assert value(metrics, "imgproxy_requests_total", **labels) == 2


def test_a_method_that_a_client_invented_makes_no_series_of_its_own(metrics):
    for method in ("FOO", "BAR"):
        metrics.answered(a_record(method=method))
    labels = {"dialect": "imgproxy", "method": "other", "status": "200", "outcome": ""}
    assert value(metrics, "imgproxy_requests_total", **labels) == 2


def test_durations_are_in_seconds_and_cumulative(metrics):
    for total in (0.4, 3.0, 99_000.0):
        metrics.answered(a_record(total=total))
    name = "imgproxy_request_duration_seconds"
    assert value(metrics, f"{name}_bucket", dialect="imgproxy", le="0.0005") == 1
    assert value(metrics, f"{name}_bucket", dialect="imgproxy", le="0.005") == 2
    assert value(metrics, f"{name}_bucket", dialect="imgproxy", le="+Inf") == 3
    assert value(metrics, f"{name}_count", dialect="imgproxy") == 3
    assert value(metrics, f"{name}_sum", dialect="imgproxy") == pytest.approx(99.0034)


def test_parts_of_the_work_count_only_when_there_was_work(metrics):
    metrics.answered(a_record(outcome="memory", bytes_in=7, bytes_out=5, format_out="webp"))
    metrics.answered(a_record(outcome="made", bytes_in=7, bytes_out=5, format_out="webp", fetch=10.0, decode=20.0))
    assert value(metrics, "imgproxy_stage_duration_seconds_count", stage="decode") == 1
    assert value(metrics, "imgproxy_stage_duration_seconds_sum", stage="fetch") == 0.01
    assert value(metrics, "imgproxy_bytes_in_total") == 7
    assert value(metrics, "imgproxy_bytes_out_total") == 10
    assert value(metrics, "imgproxy_results_total", format="webp") == 2


def test_errors_are_counted_by_slug(metrics):
    metrics.answered(a_record(error="overloaded", status=503))
    assert value(metrics, "imgproxy_errors_total", slug="overloaded") == 1


def test_what_others_hold_is_read_when_asked(metrics):
    held = {"bytes": 1.0}
    metrics.watch_gauge("cache_bytes", "Bytes.", lambda: held["bytes"], labels={"tier": "memory"})
    metrics.watch_gauge("cache_bytes", "Bytes.", lambda: 9, labels={"tier": "redis"})
    metrics.watch_counter("cache_hits", "Hits.", lambda: 3)
    held["bytes"] = 2.0
    assert value(metrics, "imgproxy_cache_bytes", tier="memory") == 2
    assert value(metrics, "imgproxy_cache_bytes", tier="redis") == 9
    assert value(metrics, "imgproxy_cache_hits_total") == 3


def test_one_name_has_one_kind_and_one_set_of_labels(metrics):
    metrics.watch_gauge("places", "Places.", lambda: 0)
    with pytest.raises(ValueError, match="places"):
        metrics.watch_counter("places", "Places.", lambda: 0)
    with pytest.raises(ValueError, match="places"):
        metrics.watch_gauge("places", "Places.", lambda: 0, labels={"tier": "x"})


def test_the_namespace_is_configurable():
    metrics = Metrics(MetricsSettings(prometheus_namespace=""))
    assert value(metrics, "bytes_in_total") == 0


def test_two_registries_know_nothing_of_each_other(metrics):
    metrics.answered(a_record(error="x"))
    assert b"errors_total{" not in Metrics(MetricsSettings()).exposition()


def test_the_process_is_measured(metrics):
    assert value(metrics, "process_resident_memory_bytes") > 0


async def test_the_lag_of_the_loop_is_counted(metrics):
    task = asyncio.create_task(measure_loop_lag(metrics, every=0.001))
    await asyncio.sleep(0.05)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert value(metrics, "imgproxy_event_loop_lag_seconds_count") > 5
