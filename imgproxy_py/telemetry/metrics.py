"""Metrics in Prometheus' format: what requests did, and what others let us read (delivery §8).

A request is counted in plain numbers, without locks, by the one thread that answers requests: the event loop's. Everything
else is read when somebody asks. Nothing is global: each `Metrics` has a registry of its own.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel, Field

from imgproxy_py.telemetry.record import RequestRecord

BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds in seconds: from a hit in memory to what no client waits for."""

_Key = TypeVar("_Key")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE"})


class MetricsSettings(BaseModel):
    """Where metrics are read, and how they are called."""

    prometheus_bind: str = Field(
        default="", description="Address on which metrics are served, as in `bind`; blank serves none."
    )
    prometheus_namespace: str = Field(
        default="imgproxy",
        pattern=r"^([a-zA-Z_][a-zA-Z0-9_]*)?$",
        description="What the metrics' names begin with; an underscore follows.",
    )


class Histogram:
    """Counts of seconds by label and bucket, for one thread."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._series: dict[str, tuple[list[int], list[float]]] = {}

    def observe(self, value: str, seconds: float) -> None:
        """Count so many seconds under a label's value."""
        series = self._series.get(value)
        if series is None:
            series = self._series[value] = ([0] * (len(BUCKETS) + 1), [0.0])
        series[0][bisect_left(BUCKETS, seconds)] += 1
        series[1][0] += seconds

    def family(self, name: str, documentation: str) -> Metric:
        """Give the histogram under a name, its buckets cumulative."""
        family = HistogramMetricFamily(name, documentation, labels=[self.label] if self.label else [])
        for value, (counts, total) in self._series.items():
            family.add_metric([value] if self.label else [], _cumulative(counts), total[0])
        return family


class Metrics(Collector):
    """All metrics of one process. `answered` belongs to the event loop's thread."""

    def __init__(self, settings: MetricsSettings) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._prefix = f"{settings.prometheus_namespace}_" if settings.prometheus_namespace else ""
        self._requests: dict[tuple[str, str, int, str], int] = {}
        self._formats: dict[str, int] = {}
        self._errors: dict[str, int] = {}
        self._bytes_in = 0
        self._bytes_out = 0
        self._durations = Histogram("dialect")
        self._stages = Histogram("stage")
        self._lag = Histogram("")
        self._watched: dict[str, _Watched] = {}
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def answered(self, record: RequestRecord) -> None:
        """Count a request that has ended."""
        method = record.method if record.method in _METHODS else "other"
        _add(self._requests, (record.dialect, method, record.status, record.outcome))
        self._durations.observe(record.dialect, record.total / 1000)
        self._bytes_out += record.bytes_out
        if record.error:
            _add(self._errors, record.error)
        if record.format_out:
            _add(self._formats, record.format_out)
        if record.fetch is not None:
            self._made(record)

    def lagged(self, seconds: float) -> None:
        """Count how much later than asked for the event loop came back."""
        self._lag.observe("", seconds)

    def watch_gauge(
        self, name: str, documentation: str, read: Callable[[], float], *, labels: Mapping[str, str] | None = None
    ) -> None:
        """Show what `read` gives, whenever metrics are asked for.

        The same name may be watched with other values of the same labels. `read` is called on the event loop and must
        be quick. Over several processes the values are added up.
        """
        self._watch(GaugeMetricFamily, name, documentation, read, labels or {})

    def watch_counter(
        self, name: str, documentation: str, read: Callable[[], float], *, labels: Mapping[str, str] | None = None
    ) -> None:
        """Show what `read` gives as a counter, called `name` and `_total`; otherwise as `watch_gauge`."""
        self._watch(CounterMetricFamily, name, documentation, read, labels or {})

    def exposition(self) -> bytes:
        """Give everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def collect(self) -> Iterable[Metric]:
        """Give the metrics as prometheus-client's registry wants them."""
        yield self._counter(
            "requests", "Requests answered.", ["dialect", "method", "status", "outcome"], self._requests
        )
        yield self._durations.family(self._prefix + "request_duration_seconds", "From a request to its answer.")
        yield self._stages.family(self._prefix + "stage_duration_seconds", "Parts of the making of a picture.")
        yield self._lag.family(self._prefix + "event_loop_lag_seconds", "How late the event loop came back.")
        yield self._counter("results", "Pictures given, by format.", ["format"], self._formats)
        yield self._counter("errors", "Requests that ended in an error.", ["slug"], self._errors)
        yield self._counter("bytes_in", "Bytes of originals that pictures were made from.", [], {"": self._bytes_in})
        yield self._counter("bytes_out", "Bytes of bodies sent.", [], {"": self._bytes_out})
        for name, watched in self._watched.items():
            yield watched.family(self._prefix + name)

    def _made(self, record: RequestRecord) -> None:
        """Count the parts of the making of a picture; that it was fetched here tells that it was made here."""
        self._bytes_in += record.bytes_in or 0
        observe = self._stages.observe
        observe("queue", (record.queue or 0.0) / 1000)
        observe("fetch", (record.fetch or 0.0) / 1000)
        observe("decode", (record.decode or 0.0) / 1000)
        observe("transform", (record.transform or 0.0) / 1000)
        observe("encode", (record.encode or 0.0) / 1000)

    def _counter(self, name: str, documentation: str, labels: list[str], values: Mapping[_Key, int]) -> Metric:
        family = CounterMetricFamily(self._prefix + name, documentation, labels=labels)
        for key, value in values.items():
            parts = key if isinstance(key, tuple) else (key,)
            family.add_metric([str(part) for part in parts] if labels else [], value)
        return family

    def _watch(
        self,
        kind: type[GaugeMetricFamily | CounterMetricFamily],
        name: str,
        documentation: str,
        read: Callable[[], float],
        labels: Mapping[str, str],
    ) -> None:
        watched = self._watched.setdefault(name, _Watched(kind, documentation, tuple(labels)))
        if watched.kind is not kind or watched.labels != tuple(labels):
            raise ValueError(f"the metric {name} is watched already, with other labels or as another kind")
        watched.reads[tuple(labels.values())] = read


class _Watched:
    """A metric whose values others hold."""

    def __init__(
        self, kind: type[GaugeMetricFamily | CounterMetricFamily], documentation: str, labels: tuple[str, ...]
    ) -> None:
        self.kind = kind
        self.documentation = documentation
        self.labels = labels
        self.reads: dict[tuple[str, ...], Callable[[], float]] = {}

    def family(self, name: str) -> Metric:
        family = self.kind(name, self.documentation, labels=list(self.labels))
        for values, read in self.reads.items():
            family.add_metric(list(values), read())
        return family


async def measure_loop_lag(metrics: Metrics, *, every: float = 0.25) -> None:
    """Sleep `every` so many seconds and count how late one wakes; runs until it is cancelled."""
    while True:
        asleep = time.perf_counter()
        await asyncio.sleep(every)
        metrics.lagged(max(0.0, time.perf_counter() - asleep - every))


def _add(counts: dict[_Key, int], key: _Key) -> None:
    counts[key] = counts.get(key, 0) + 1


def _cumulative(counts: list[int]) -> list[tuple[str, float]]:
    total = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, total))
    return buckets
