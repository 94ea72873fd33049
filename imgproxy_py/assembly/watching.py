"""What the metrics read of those who work."""

from __future__ import annotations

from imgproxy_py.assembly.studio import Studio
from imgproxy_py.caches.memory import MemoryCache
from imgproxy_py.caches.port import Cache
from imgproxy_py.engine import libvips
from imgproxy_py.engine.isolation.processes import Isolation
from imgproxy_py.engine.lanes import Lane
from imgproxy_py.engine.pool import Job, Pool
from imgproxy_py.engine.sharing import SharedPixels
from imgproxy_py.rendering.leases import Leases
from imgproxy_py.rendering.originals import Originals
from imgproxy_py.rendering.refreshing import Refreshes
from imgproxy_py.sources.origins import Origins
from imgproxy_py.telemetry.metrics import Metrics


def watch(metrics: Metrics, studio: Studio) -> None:
    """Have the metrics read, whenever they are asked for, how everything in a studio is doing."""
    renderer, maker = studio.renderer, studio.renderer.maker
    _watch_pool(metrics, studio.pool)
    metrics.watch_gauge("flights", "Different pictures being found or made.", lambda: len(renderer.flight))
    metrics.watch_gauge("vips_memory_bytes", "Bytes of pixels that libvips holds.", libvips.memory)
    if studio.transformer.isolation is not None:
        _watch_isolation(metrics, studio.transformer.isolation)
    _watch_origins(metrics, studio.origins)
    _watch_originals(metrics, "watermarks", maker.marks.originals)
    if maker.originals is not None:
        _watch_originals(metrics, "pictures", maker.originals)
    if maker.pixels is not None:
        _watch_pixels(metrics, maker.pixels)
    for tier in studio.caches.tiers:
        _watch_cache(metrics, tier)
    _watch_stale(metrics, renderer.refreshes)
    if renderer.leases is not None:
        _watch_leases(metrics, renderer.leases)


def _watch_pool(metrics: Metrics, pool: Pool) -> None:
    metrics.watch_gauge("places", "Threads that make pictures.", lambda: pool.places)
    metrics.watch_gauge("places_in_use", "Threads that are making a picture.", lambda: pool.working)
    metrics.watch_gauge("queue_depth", "Requests inside without a place: fetching or waiting.", lambda: pool.waiting)
    metrics.watch_gauge("seats", "Originals that may be held to make pictures of.", lambda: pool.seats.count)
    metrics.watch_gauge("seats_in_use", "Of those, being fetched, waiting or worked on.", lambda: pool.seats.taken)
    metrics.watch_gauge("cost_in_use", "Milliseconds of CPU expected for what is worked on.", lambda: pool.cost_in_use)
    metrics.watch_gauge("cost_waiting", "Milliseconds of CPU expected for what waits.", lambda: pool.cost_waiting)
    _watch_lane(metrics, "small", pool.lanes.small)
    _watch_lane(metrics, "huge", pool.lanes.huge)
    refused = "Requests refused because too many wait, or because they would be too late."
    metrics.watch_counter("refused", refused, lambda: pool.refused_full, labels={"reason": "full"})
    metrics.watch_counter("refused", refused, lambda: pool.refused_late, labels={"reason": "late"})


def _watch_isolation(metrics: Metrics, isolation: Isolation) -> None:
    metrics.watch_gauge("isolated", "Pictures that processes of their own work on.", lambda: isolation.working)
    metrics.watch_counter("isolated_killed", "Such processes killed at a deadline.", lambda: isolation.killed)
    metrics.watch_counter("isolated_died", "Such processes that crashed.", lambda: isolation.died)


def _watch_origins(metrics: Metrics, origins: Origins) -> None:
    stats, refusals = origins.stats, "Fetches not begun."
    metrics.watch_gauge("origins_left_alone", "Servers and buckets that are left alone.", lambda: origins.lost)
    metrics.watch_gauge("origin_fetches", "Fetches from servers and buckets under way.", lambda: origins.fetching)
    metrics.watch_gauge("origin_waiting", "Fetches that wait for their turn.", lambda: origins.waiting)
    metrics.watch_counter("origins_lost", "Times a server or bucket was given up for a while.", lambda: stats.lost)
    alone, away = {"reason": "left_alone"}, {"reason": "too_many"}
    metrics.watch_counter("origin_refusals", refusals, lambda: stats.left_alone, labels=alone)
    metrics.watch_counter("origin_refusals", refusals, lambda: stats.turned_away, labels=away)


def _watch_lane(metrics: Metrics, name: str, lane: Lane[Job]) -> None:
    labels = {"lane": name}
    metrics.watch_gauge("lane_in_use", "Threads at work for a lane.", lambda: lane.running, labels=labels)
    metrics.watch_gauge("lane_waiting", "Originals that wait in a lane.", lambda: len(lane.line), labels=labels)


def _watch_stale(metrics: Metrics, refreshes: Refreshes) -> None:
    stats, given, done = refreshes.stats, "Stale pictures given.", "Stale pictures made fresh, or not."
    metrics.watch_gauge("refreshes", "Stale pictures being refreshed behind a caller's back.", lambda: len(refreshes))
    metrics.watch_counter("stale", given, lambda: stats.given, labels={"reason": "refreshing"})
    metrics.watch_counter("stale", given, lambda: stats.excused, labels={"reason": "error"})
    metrics.watch_counter("refreshed", done, lambda: stats.confirmed, labels={"result": "confirmed"})
    metrics.watch_counter("refreshed", done, lambda: stats.remade, labels={"result": "remade"})
    metrics.watch_counter("refreshed", done, lambda: stats.failed, labels={"result": "failed"})
    metrics.watch_counter("refreshed", done, lambda: stats.put_off, labels={"result": "put_off"})


def _watch_originals(metrics: Metrics, use: str, originals: Originals) -> None:
    labels, stats = {"use": use}, originals.stats
    metrics.watch_counter("originals_hits", "Originals in memory or on their way.", lambda: stats.hits, labels=labels)
    metrics.watch_counter("originals_misses", "Originals fetched for all.", lambda: stats.misses, labels=labels)
    metrics.watch_counter("originals_evictions", "Originals dropped for room.", lambda: stats.evictions, labels=labels)
    metrics.watch_gauge("originals_bytes", "Bytes of originals kept.", lambda: originals.bytes, labels=labels)


def _watch_pixels(metrics: Metrics, pixels: SharedPixels) -> None:
    stats = pixels.stats
    metrics.watch_counter("pixels_hits", "Decoded or resized pixels found in memory.", lambda: stats.hits)
    metrics.watch_counter("pixels_misses", "Pixels computed for all.", lambda: stats.misses)
    metrics.watch_counter("pixels_waits", "Times pixels were being made by another.", lambda: stats.waits)
    metrics.watch_counter("pixels_evictions", "Pixels dropped for room.", lambda: stats.evictions)
    metrics.watch_gauge("pixels_bytes", "Bytes of pixels kept for further pictures.", lambda: pixels.bytes)


def _watch_leases(metrics: Metrics, leases: Leases) -> None:
    stats = leases.stats
    metrics.watch_gauge("leases_held", "Pictures that this process makes for all.", lambda: len(leases))
    metrics.watch_counter("leases_taken", "Leases got.", lambda: stats.taken)
    metrics.watch_counter("leases_waited", "Pictures that another process was making.", lambda: stats.waited)
    metrics.watch_counter("leases_taken_over", "Leases got after a wait.", lambda: stats.taken_over)
    metrics.watch_counter("leases_lost", "Leases that lapsed before the work was done.", lambda: stats.lost)
    metrics.watch_counter("leases_missed", "Times nobody could say who makes a picture.", lambda: stats.missed)


def _watch_cache(metrics: Metrics, tier: Cache) -> None:
    labels, stats = {"tier": str(tier.outcome)}, tier.stats
    metrics.watch_counter("cache_hits", "Pictures found in a cache.", lambda: stats.hits, labels=labels)
    metrics.watch_counter("cache_misses", "Pictures not found in a cache.", lambda: stats.misses, labels=labels)
    metrics.watch_counter("cache_puts", "Pictures put into a cache.", lambda: stats.puts, labels=labels)
    metrics.watch_counter("cache_errors", "Times a cache was out of order.", lambda: stats.errors, labels=labels)
    metrics.watch_counter("cache_evictions", "Pictures dropped for room.", lambda: stats.evictions, labels=labels)
    if isinstance(tier, MemoryCache):
        metrics.watch_gauge("cache_bytes", "Bytes that a cache holds.", lambda: tier.bytes, labels=labels)
