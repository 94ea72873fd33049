import asyncio
import contextlib

import pytest

from imgproxy_py.telemetry.aggregate import Aggregate, keep_writing, snapshot_path, write_snapshot
from imgproxy_py.telemetry.metrics import Metrics, MetricsSettings
from tests.unit.telemetry.makers import a_record, read

SETTINGS = MetricsSettings()


def a_worker(*, requests: int, in_flight: int) -> Metrics:
    metrics = Metrics(SETTINGS)
    for _ in range(requests):
        metrics.answered(a_record(total=3.0))
    metrics.watch_gauge("requests_in_progress", "Requests.", lambda: in_flight)
    return metrics


@pytest.fixture
def aggregate(tmp_path) -> Aggregate:
    write_snapshot(a_worker(requests=2, in_flight=1), snapshot_path(tmp_path, 1))
    write_snapshot(a_worker(requests=3, in_flight=4), snapshot_path(tmp_path, 2))
    return Aggregate(SETTINGS, tmp_path)


REQUESTS = (
    "imgproxy_requests_total",
    frozenset({"dialect": "imgproxy", "method": "GET", "status": "200", "outcome": ""}.items()),
)
BUCKET = ("imgproxy_request_duration_seconds_bucket", frozenset({"dialect": "imgproxy", "le": "0.005"}.items()))
IN_FLIGHT = ("imgproxy_requests_in_progress", frozenset[tuple[str, str]]())


def test_counters_buckets_and_gauges_are_added_up(aggregate):
    values = read(aggregate.exposition())
    assert (values[REQUESTS], values[BUCKET], values[IN_FLIGHT]) == (5, 5, 5)


def test_the_counters_of_the_dead_stay_and_their_gauges_go(aggregate, tmp_path):
    aggregate.retire(1)
    values = read(aggregate.exposition())
    assert (values[REQUESTS], values[BUCKET], values[IN_FLIGHT]) == (5, 5, 4)
    write_snapshot(a_worker(requests=1, in_flight=0), snapshot_path(tmp_path, 3))
    aggregate.retire(2)
    values = read(aggregate.exposition())
    assert (values[REQUESTS], values[IN_FLIGHT]) == (6, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["worker-3.json"]


def test_a_worker_that_never_wrote_is_retired_all_the_same(aggregate):
    aggregate.retire(99)
    assert read(aggregate.exposition())[REQUESTS] == 5


def test_a_time_of_start_is_not_added_up(aggregate):
    values = read(aggregate.exposition())
    assert values["process_start_time_seconds", frozenset()] < 1e11


def test_the_supervisor_tells_of_its_workers(aggregate):
    aggregate.workers, aggregate.restarts = 2, 7
    values = read(aggregate.exposition())
    assert values["imgproxy_worker_processes", frozenset()] == 2
    assert values["imgproxy_worker_restarts_total", frozenset()] == 7


async def test_a_worker_keeps_writing(tmp_path):
    metrics = a_worker(requests=1, in_flight=0)
    task = asyncio.create_task(keep_writing(metrics, snapshot_path(tmp_path, 1), every=0.001))
    await asyncio.sleep(0.01)
    metrics.answered(a_record())
    await asyncio.sleep(0.05)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert read(Aggregate(SETTINGS, tmp_path).exposition())[REQUESTS] == 2
