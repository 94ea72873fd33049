"""The model: rates through the caches, CPU and memory, requests and bytes. Rates are a second's, sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from imgproxy_py.capacity import costs

LOOP_UTILISATION = 0.5
"""How busy an event loop may be and still answer hits without a queue."""
REDIS_SPARE = 1.25
"""Redis' memory over its data: fragmentation, buffers of clients and replicas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Requests for pictures at the edge: the busiest second, and the mean of a month."""

    peak: float
    mean: float

    def __post_init__(self) -> None:
        if not 0 < self.mean <= self.peak:
            raise ValueError(f"peak {self.peak:g}, mean {self.mean:g}: expected 0 < mean ≤ peak")


@dataclass(frozen=True, slots=True, kw_only=True)
class HitRatios:
    """Which share of the requests that reach a cache are found there; 0 where there is none."""

    cdn: float = 0.0
    memory: float = 0.0
    redis: float = 0.0
    store: float | None = None
    """Of the store of results; none if there is no such store."""

    def __post_init__(self) -> None:
        for name in ("cdn", "memory", "redis", "store"):
            ratio = getattr(self, name)
            if ratio is not None and not 0 <= ratio <= 1:
                raise ValueError(f"{name} hits {ratio:g}: expected a share, 0–1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Milliseconds of CPU for an answer, and bytes."""

    made_ms: float
    picture_bytes: float
    original_bytes: float
    memory_ms: float = costs.MEMORY_HIT_MS
    redis_ms: float = costs.REDIS_HIT_MS
    store_ms: float = costs.STORE_HIT_MS

    def __post_init__(self) -> None:
        if min(self.made_ms, self.picture_bytes, self.original_bytes) <= 0:
            raise ValueError("milliseconds and bytes: expected more than 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """What one replica is given, how busy it may be at the peak, and how many more than needed there are."""

    cpus: float = 2.0
    utilisation: float = 0.6
    spare: int = 1
    memory_cache_bytes: float = 128 * 1024 * 1024

    def __post_init__(self) -> None:
        if self.cpus <= 0 or not 0 < self.utilisation <= 1 or self.spare < 0 or self.memory_cache_bytes < 0:
            raise ValueError("replica: expected CPUs above 0, utilisation above 0 up to 1, spares and cache from 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caching:
    """Redis: how long entries live, and how many different pictures there are to be kept, if that is known."""

    redis_lifetime: float = 3600.0
    pictures: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """A second's requests by where they end; the last four add up to what reaches the service."""

    edge: float
    service: float
    memory: float
    redis: float
    store: float
    made: float

    @classmethod
    def of(cls, rate: float, ratios: HitRatios) -> Flows:
        """Follow requests through the caches."""
        service = rate * (1 - ratios.cdn)
        memory = service * ratios.memory
        redis = (service - memory) * ratios.redis
        store = (service - memory - redis) * (ratios.store or 0.0)
        made = max(0.0, service - memory - redis - store)
        return cls(edge=rate, service=service, memory=memory, redis=redis, store=store, made=made)

    def cpu(self, work: Work) -> float:
        """Give the CPUs that are busy with it."""
        milliseconds = (
            self.memory * work.memory_ms
            + self.redis * work.redis_ms
            + self.store * work.store_ms
            + self.made * work.made_ms
        )
        return milliseconds / 1000

    def loops(self, work: Work) -> float:
        """Give what of that is the event loops'."""
        milliseconds = (
            self.memory * work.memory_ms
            + self.redis * work.redis_ms
            + self.store * work.store_ms
            + self.made * min(work.made_ms, costs.LOOP_MS_OF_MADE)
        )
        return milliseconds / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What it takes. Rates and traffic are the peak's unless their names say `month`."""

    flows: Flows
    cpus_busy: float
    replicas: int
    replicas_needed: int
    cpus_each: float
    processes_each: int
    memory_each: float
    network_each: float
    """Bytes a second of a needed replica: pictures out, originals and cached pictures in."""
    replicas_without_cdn: int
    """Needed at most while the CDN is empty: as if the caches behind it then found no larger share than they do now."""
    redis_entries: float
    redis_bytes: float
    redis_requests: float
    redis_traffic: float
    origin_traffic: float
    s3_gets: float
    s3_puts: float
    pictures_month: float
    cdn_bytes_month: float
    service_bytes_month: float
    origin_bytes_month: float
    s3_gets_month: float
    s3_puts_month: float


HOURS_A_MONTH = 730
_SECONDS_A_MONTH = HOURS_A_MONTH * 3600


def estimate(demand: Demand, ratios: HitRatios, work: Work, replica: Replica, caching: Caching) -> Estimate:
    """Work out what a demand takes."""
    peak, mean = Flows.of(demand.peak, ratios), Flows.of(demand.mean, ratios)
    needed = _replicas(peak.cpu(work), replica)
    processes = max(1, ceil(peak.loops(work) / needed / LOOP_UTILISATION))
    has_redis, has_store = ratios.redis > 0, ratios.store is not None
    entries = _redis_entries(peak, caching) if has_redis else 0.0
    asked_redis = peak.service - peak.memory if has_redis else 0.0
    put_redis = peak.made + peak.store if has_redis else 0.0
    return Estimate(
        flows=peak,
        cpus_busy=peak.cpu(work),
        replicas=needed + replica.spare,
        replicas_needed=needed,
        cpus_each=replica.cpus,
        processes_each=processes,
        memory_each=_memory(processes, replica, work),
        network_each=_traffic(peak, work, has_redis=has_redis, has_store=has_store) / needed,
        replicas_without_cdn=_replicas(Flows.of(demand.peak, _without_cdn(ratios)).cpu(work), replica),
        redis_entries=entries,
        redis_bytes=entries * (work.picture_bytes * costs.REDIS_FACTOR + costs.REDIS_ENTRY_BYTES) * REDIS_SPARE,
        redis_requests=asked_redis + put_redis,
        redis_traffic=(peak.redis + put_redis) * work.picture_bytes,
        origin_traffic=peak.made * work.original_bytes,
        s3_gets=_gets(peak, has_store=has_store),
        s3_puts=peak.made if has_store else 0.0,
        pictures_month=mean.edge * _SECONDS_A_MONTH,
        cdn_bytes_month=mean.edge * work.picture_bytes * _SECONDS_A_MONTH if ratios.cdn else 0.0,
        service_bytes_month=mean.service * work.picture_bytes * _SECONDS_A_MONTH,
        origin_bytes_month=mean.made * work.original_bytes * _SECONDS_A_MONTH,
        s3_gets_month=_gets(mean, has_store=has_store) * _SECONDS_A_MONTH,
        s3_puts_month=mean.made * _SECONDS_A_MONTH if has_store else 0.0,
    )


def _replicas(busy: float, replica: Replica) -> int:
    return max(1, ceil(busy / (replica.cpus * replica.utilisation) - 1e-9))


def _memory(processes: int, replica: Replica, work: Work) -> float:
    """Give the greatest size: each thread holds a picture at work and its original, read and joined."""
    threads = max(processes, ceil(2 * replica.cpus))  # what IMGPROXY_WORKERS is by default
    process = costs.PROCESS_BYTES + costs.SHARED_BYTES + replica.memory_cache_bytes
    return processes * process + threads * (costs.THREAD_BYTES + 2 * work.original_bytes)


def _redis_entries(flows: Flows, caching: Caching) -> float:
    entries = (flows.made + flows.store) * caching.redis_lifetime
    return entries if caching.pictures is None else min(entries, caching.pictures)


def _traffic(flows: Flows, work: Work, *, has_redis: bool, has_store: bool) -> float:
    pictures = flows.service + flows.redis + flows.store
    pictures += (flows.made + flows.store) * has_redis + flows.made * has_store
    return pictures * work.picture_bytes + flows.made * work.original_bytes


def _gets(flows: Flows, *, has_store: bool) -> float:
    """Give the GETs: an original's for each picture made, and one of the store for each that no cache before it had."""
    return flows.made + (flows.store + flows.made) * has_store


def _without_cdn(ratios: HitRatios) -> HitRatios:
    return HitRatios(memory=ratios.memory, redis=ratios.redis, store=ratios.store)
