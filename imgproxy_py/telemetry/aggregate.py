"""The metrics of several processes as one.

Each worker writes what it has counted into a file, every second and at its end. Whoever serves the metrics adds the files up.
When a worker has died, its counters stay in the sum, so that no counter ever falls, while its gauges vanish with it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

import orjson
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from imgproxy_py.telemetry.metrics import Metrics, MetricsSettings

EVERY = 1.0
"""Seconds between two snapshots of a worker: what a killed worker's counters may miss, at most."""

Family: TypeAlias = dict[str, Any]
_Series: TypeAlias = dict[tuple[str, tuple[tuple[str, str], ...]], float]

# The sum of these would be a number without meaning.
_MERGES: dict[str, Callable[[float, float], float]] = {"process_start_time_seconds": min, "process_max_fds": max}


def snapshot(metrics: Metrics) -> list[Family]:
    """Give everything counted so far as plain values; numbers that are not finite are left out."""
    return [
        {
            "name": family.name,
            "type": family.type,
            "documentation": family.documentation,
            "samples": [(one.name, one.labels, one.value) for one in family.samples if math.isfinite(one.value)],
        }
        for family in metrics.registry.collect()
    ]


def write_snapshot(metrics: Metrics, path: Path) -> None:
    """Put a snapshot in place of the last one; a reader sees the one or the other, never a mix."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(orjson.dumps(snapshot(metrics)))
    unfinished.replace(path)


async def keep_writing(metrics: Metrics, path: Path, *, every: float = EVERY) -> None:
    """Write a snapshot `every` so many seconds, until cancelled; the last one is the caller's to write."""
    while True:
        write_snapshot(metrics, path)
        await asyncio.sleep(every)


def snapshot_path(directory: Path, pid: int) -> Path:
    """Give the file of one worker."""
    return directory / f"worker-{pid}.json"


class Aggregate(Collector):
    """The sum over all workers that write to `directory`, the dead ones included.

    `workers` and `restarts` are the supervisor's to set.
    """

    def __init__(self, settings: MetricsSettings, directory: Path) -> None:
        self.workers = 0
        self.restarts = 0
        self._directory = directory
        self._prefix = f"{settings.prometheus_namespace}_" if settings.prometheus_namespace else ""
        self._retired: list[Family] = []
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def retire(self, pid: int) -> None:
        """Keep a dead worker's counters, drop its gauges and its file."""
        path = snapshot_path(self._directory, pid)
        lasting = [family for family in _read(path) if family["type"] != "gauge"]
        self._retired = [_plain(family) for family in _merged([*self._retired, *lasting])]
        path.unlink(missing_ok=True)
        path.with_suffix(".unfinished").unlink(missing_ok=True)

    def exposition(self) -> bytes:
        """Give everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """Give the metrics as prometheus-client's registry wants them."""
        files = sorted(self._directory.glob("worker-*.json"))
        yield from _merged([*self._retired, *(family for path in files for family in _read(path))])
        yield GaugeMetricFamily(self._prefix + "worker_processes", "Worker processes alive.", self.workers)
        yield CounterMetricFamily(
            self._prefix + "worker_restarts", "Workers replaced after their death.", self.restarts
        )


def _read(path: Path) -> list[Family]:
    try:
        families: list[Family] = orjson.loads(path.read_bytes())
    except FileNotFoundError:  # it never wrote, or was retired in between
        return []
    return families


def _merged(families: list[Family]) -> list[Metric]:
    merged: dict[str, tuple[Family, _Series]] = {}
    for family in families:
        _, series = merged.setdefault(family["name"], (family, {}))
        merge = _MERGES.get(family["name"], float.__add__)
        for name, labels, value in family["samples"]:
            key = (name, tuple(labels.items()))
            series[key] = merge(series[key], float(value)) if key in series else float(value)
    return [_metric(family, series) for family, series in merged.values()]


def _metric(family: Family, series: _Series) -> Metric:
    metric = Metric(family["name"], family["documentation"], family["type"])
    for (name, labels), value in series.items():
        metric.add_sample(name, dict(labels), value)
    return metric


def _plain(metric: Metric) -> Family:
    return {
        "name": metric.name,
        "type": metric.type,
        "documentation": metric.documentation,
        "samples": [(one.name, one.labels, one.value) for one in metric.samples],
    }
