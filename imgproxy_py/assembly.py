"""The one root: everything is built here, in order, and closed in reverse. Nothing opens on import."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from imgproxy_py.caches.connection import RedisConnection
from imgproxy_py.caches.journal import Journal, LocalJournal, RedisJournal
from imgproxy_py.caches.memory import MemoryCache
from imgproxy_py.caches.port import Cache
from imgproxy_py.caches.purges import Purges
from imgproxy_py.caches.redis import RedisCache
from imgproxy_py.caches.stored import StoredCache
from imgproxy_py.caches.subscription import Subscription
from imgproxy_py.caches.sweeper import Sweeper
from imgproxy_py.caches.tiers import TieredCache
from imgproxy_py.delivery import purge
from imgproxy_py.delivery.clients import Clients
from imgproxy_py.delivery.handlers import Pictures
from imgproxy_py.delivery.question import Reader
from imgproxy_py.delivery.respond import Responder
from imgproxy_py.delivery.rounds import Rounds
from imgproxy_py.dialects.imgproxy import ImgproxyDialect
from imgproxy_py.dialects.imgproxy.info import INFO_PATH, InfoDialect
from imgproxy_py.dialects.port import Dialect
from imgproxy_py.dialects.query import QueryDialect
from imgproxy_py.edges import Edge, open_edges
from imgproxy_py.engine import libvips
from imgproxy_py.engine.isolation.processes import Isolation
from imgproxy_py.engine.lanes import Lane
from imgproxy_py.engine.pool import Job, Pool
from imgproxy_py.engine.sharing import SharedPixels
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import ImageError, ImgproxyError, SourceTooLarge
from imgproxy_py.kinds import UnusableSetting
from imgproxy_py.recipe.negotiation import Negotiation
from imgproxy_py.recipe.picture import Original
from imgproxy_py.recipe.request import ImageRequest
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.rendering.fallback import configured_fallback, read_configured
from imgproxy_py.rendering.leases import Leases
from imgproxy_py.rendering.making import Maker
from imgproxy_py.rendering.marks import MarkOriginals
from imgproxy_py.rendering.negative import NegativeCache
from imgproxy_py.rendering.originals import Originals
from imgproxy_py.rendering.redis_leases import RedisLeases
from imgproxy_py.rendering.refreshing import Refreshes
from imgproxy_py.rendering.render import Renderer
from imgproxy_py.settings import Settings
from imgproxy_py.settings.errors import SettingsError, WrongSetting
from imgproxy_py.settings.names import variable
from imgproxy_py.sources.allowed import AllowedSources
from imgproxy_py.sources.http import HttpSource
from imgproxy_py.sources.origins import Origins, SparingSource
from imgproxy_py.sources.passing import Passing
from imgproxy_py.sources.port import Source
from imgproxy_py.sources.router import SourceRouter
from imgproxy_py.sources.stored import Buckets, OneStore, Service, StoredSource
from imgproxy_py.stores.local import LocalStore
from imgproxy_py.stores.s3_profiles import S3Profile, open_s3, profiles_of
from imgproxy_py.telemetry.logs import Logs
from imgproxy_py.telemetry.metrics import Metrics
from imgproxy_py.web.application import make_application
from imgproxy_py.web.doors import Door
from imgproxy_py.web.problems import ImgproxyVoice, ProblemVoice, Voice
from imgproxy_py.web.readiness import ReadinessCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """All that makes pictures, without HTTP around it.

    `query` is there when the settings say where its keys are.
    """

    settings: Settings
    imgproxy: ImgproxyDialect
    info: InfoDialect
    query: QueryDialect | None
    transformer: Transformer
    sources: SourceRouter
    origins: Origins
    caches: TieredCache
    journal: Journal
    pool: Pool
    renderer: Renderer

    def check(self, request: ImageRequest) -> None:
        """Raise for a request that is refused before anything is fetched (dialect §3, steps 8 and 10)."""
        for source in request.originals:
            self.sources.check(source)
        self.transformer.check(request.recipe.output)


@asynccontextmanager
async def open_studio(settings: Settings) -> AsyncIterator[Studio]:
    """Open sources, caches and engine; all of it is closed again at the end of the block."""
    async with AsyncExitStack() as stack:
        origins = Origins(settings, patience=settings.timeout)
        sources = await _open_sources(settings, stack, origins)
        transformer = _transformer(settings, await _watermark(settings, sources))
        stack.callback(transformer.close)
        redis = await _open_redis(settings, stack)
        subscription = await stack.enter_async_context(Subscription(settings))
        # Closed after the caches, which tell them what they kept.
        leases = await _open_leases(settings, stack, redis, subscription)
        caches = await _open_caches(settings, stack, redis)
        journal = await _open_journal(settings, stack, redis, subscription, caches.purges)
        pool = Pool(
            _share(settings.workers, settings),
            _share(settings.requests_queue_size, settings),
            seats=_share(settings.max_originals, settings),
            huge=settings.huge_picture_milliseconds,
            niceness=settings.workers_niceness,
        )
        stack.callback(pool.close)
        refreshes = await stack.enter_async_context(Refreshes(settings.cache_refreshes))
        yield Studio(
            settings=settings,
            imgproxy=ImgproxyDialect(settings.imgproxy_config()),
            info=InfoDialect(settings.info_config()),
            query=_query_dialect(settings, transformer),
            transformer=transformer,
            sources=sources,
            origins=origins,
            caches=caches,
            journal=journal,
            pool=pool,
            renderer=Renderer(
                maker=await _open_maker(settings, sources, pool, transformer, caches.purges),
                caches=caches,
                etag_buster=settings.etag_buster,
                leases=leases,
                negative=NegativeCache(settings, caches.purges) if settings.negative_cache_seconds else None,
                policies=settings.policies(),
                refreshes=refreshes,
            ),
        )


@asynccontextmanager
async def open_application(settings: Settings, logs: Logs | None = None) -> AsyncIterator[web.Application]:
    """Open everything that answers requests."""
    async with open_studio(settings) as studio, _open_edges(settings) as edges:
        metrics = Metrics(settings)
        _watch(metrics, studio)
        yield make_application(
            [*_doors(studio), *_purge_door(studio, edges)],
            settings=settings,
            checks=list(_checks(studio)),
            logs=logs,
            metrics=metrics,
            alive=libvips.alive,
            formats=studio.transformer.abilities.document(),
        )


@asynccontextmanager
async def _open_edges(settings: Settings) -> AsyncIterator[tuple[Edge, ...]]:
    """Open the caches in front if this service is who tells them."""
    if not settings.purge_secret.get_secret_value():
        yield ()
        return
    async with open_edges(settings) as edges:
        yield edges


async def _open_maker(
    settings: Settings, sources: Source, pool: Pool, transformer: Transformer, purges: Purges
) -> Maker:
    originals = pixels = None
    if settings.originals_cache_bytes:
        pixels = SharedPixels(settings.pixels_cache_bytes)
        originals = Originals(
            sources,
            max_bytes=settings.originals_cache_bytes,
            seconds=settings.originals_cache_seconds,
            purges=purges,
            forgotten=pixels.forget,
        )
    return Maker(
        sources=sources,
        pool=pool,
        transformer=transformer,
        marks=MarkOriginals(sources, settings, max_bytes=settings.max_src_file_size, purges=purges),
        fallback=await configured_fallback(settings),
        originals=originals,
        pixels=pixels if settings.pixels_cache_bytes else None,
    )


def _share(total: int, settings: Settings) -> int:
    """Give this process's part of what is meant for all of them, rounded up."""
    return -(-total // settings.processes)


async def _open_sources(settings: Settings, stack: AsyncExitStack, origins: Origins) -> SourceRouter:
    allowed = AllowedSources(settings.allowed_sources)
    http = await stack.enter_async_context(
        HttpSource(
            settings,
            allowed=allowed,
            headers=settings.request_headers(),
            kept=settings.response_headers_passthrough,
        )
    )
    web_servers = SparingSource(http, origins)
    sources: dict[str, Source] = {"http": web_servers, "https": web_servers}
    if settings.local_filesystem_root:
        local = await stack.enter_async_context(
            LocalStore(Path(settings.local_filesystem_root), threads=settings.local_filesystem_threads)
        )
        sources["local"] = StoredSource(OneStore(local), settings)
    if settings.use_s3:
        s3 = await stack.enter_async_context(open_s3(settings, _profiles(settings)))
        sources["s3"] = SparingSource(StoredSource(Buckets(s3), settings), origins)
    for scheme, service in _clouds(settings):
        sources[scheme] = SparingSource(StoredSource(Buckets(service), settings), origins)
    return SourceRouter(sources, allowed=allowed)


def _profiles(settings: Settings) -> dict[str, S3Profile]:
    return profiles_of(settings.s3_profiles.get_secret_value(), settings.s3_profiles_path)


def _clouds(settings: Settings) -> Iterator[tuple[str, Service]]:
    if not (settings.use_gcs or settings.use_abs):
        return
    try:
        from imgproxy_py.stores import cloud  # what it needs is large, and installed only where it is wanted
    except ImportError:
        name = variable("use_gcs" if settings.use_gcs else "use_abs")
        raise SettingsError([WrongSetting(name, "true", "the extra: pip install 'imgproxy_py[cloud]'")]) from None
    if settings.use_gcs:
        yield "gs", cloud.google(settings)
    if settings.use_abs:
        yield "abs", cloud.azure(settings)


def _transformer(settings: Settings, watermark: bytes) -> Transformer:
    try:
        return Transformer(settings, watermark=watermark)
    except (ImageError, SourceTooLarge) as error:
        field = next(name for name in ("watermark_data", "watermark_path", "watermark_url") if getattr(settings, name))
        raise UnusableSetting(field, getattr(settings, field)[:200], f"a picture ({error.title})") from error


async def _watermark(settings: Settings, sources: Source) -> bytes:
    if settings.watermark_data:
        return b64decode(settings.watermark_data)
    if settings.watermark_path:
        return await read_configured("watermark_path", Path(settings.watermark_path))
    if settings.watermark_url:
        scheme, _, location = settings.watermark_url.partition("://")
        try:
            fetched = await sources.fetch(SourceRef(scheme=scheme, location=location))
        except ImgproxyError as error:
            expected = f"a picture that can be fetched ({error.title})"
            raise UnusableSetting("watermark_url", settings.watermark_url, expected) from error
        return fetched.data if isinstance(fetched, Original) else b""
    return b""


async def _open_redis(settings: Settings, stack: AsyncExitStack) -> RedisConnection | None:
    if not settings.redis_url.get_secret_value():
        return None
    return await stack.enter_async_context(RedisConnection(settings))


async def _open_leases(
    settings: Settings, stack: AsyncExitStack, redis: RedisConnection | None, subscription: Subscription
) -> Leases | None:
    if redis is None or not settings.lease_seconds:
        return None
    return await stack.enter_async_context(Leases(RedisLeases(redis, subscription), settings))


async def _open_caches(settings: Settings, stack: AsyncExitStack, redis: RedisConnection | None) -> TieredCache:
    tiers: list[Cache] = []
    if settings.memory_cache_bytes:
        tiers.append(MemoryCache(settings))
    if redis is not None:
        tiers.append(RedisCache(redis))
    if settings.result_store:
        tiers.append(await _open_result_store(settings, stack))
    return await stack.enter_async_context(TieredCache(tiers, Purges(complete=redis is None)))


async def _open_journal(
    settings: Settings,
    stack: AsyncExitStack,
    redis: RedisConnection | None,
    subscription: Subscription,
    purges: Purges,
) -> Journal:
    if redis is None:
        return LocalJournal(purges, _why_no_purge(settings))
    journal = RedisJournal(redis, purges, settings, lifetime=settings.picture_lifetime())
    return await stack.enter_async_context(journal.following(subscription))


def _why_no_purge(settings: Settings) -> str:
    if settings.processes > 1:
        return "several processes, each with a memory of its own, can only be told by Redis"
    return "what is purged from a store of results can only be remembered in Redis" if settings.result_store else ""


async def _open_result_store(settings: Settings, stack: AsyncExitStack) -> StoredCache:
    scheme, _, place = settings.result_store.partition("://")
    beyond = max(policy.beyond for policy in settings.policies().all)
    if scheme == "local":
        local = await stack.enter_async_context(LocalStore(Path(place)))
        await stack.enter_async_context(Sweeper(Path(place), settings))
        return StoredCache(local, settings, beyond=beyond)
    bucket, _, prefix = place.partition("/")
    # The lists of buckets say what originals may be read from; this one is ours.
    service = settings.model_copy(update={"s3_allowed_buckets": (), "s3_denied_buckets": ()})
    s3 = await stack.enter_async_context(open_s3(service, _profiles(settings)))
    prefix = f"{prefix.rstrip('/')}/" if prefix else ""
    return StoredCache(s3.bucket(bucket), settings, prefix=prefix, beyond=beyond)


def _query_dialect(settings: Settings, transformer: Transformer) -> QueryDialect | None:
    config = settings.query_config(transformer.abilities.savable)
    return QueryDialect(config) if config else None


def _doors(studio: Studio) -> Iterator[Door]:
    settings, savable, rounds = studio.settings, studio.transformer.abilities.savable, Rounds()
    plain = ImgproxyVoice(show_details=settings.development_errors_mode)
    pictures = _pictures(studio, studio.imgproxy, settings.switched_negotiation(savable), plain, rounds)
    yield Door(
        path="/",
        prefix=True,
        handler=pictures.handle,
        at_once=pictures.at_once,
        voice=plain,
        dialect="imgproxy",
    )
    told = _pictures(studio, studio.info, Negotiation(), plain, rounds)
    yield Door(
        path=f"{INFO_PATH}/",
        prefix=True,
        handler=told.handle,
        at_once=told.at_once,
        voice=plain,
        dialect="info",
    )
    if studio.query:
        problems = ProblemVoice(max_age=settings.error_max_age)
        queried = _pictures(studio, studio.query, settings.listed_negotiation(savable), problems, rounds)
        yield Door(
            path="/images/",
            prefix=True,
            handler=queried.handle,
            at_once=queried.at_once,
            voice=problems,
            dialect="query",
        )


def _purge_door(studio: Studio, edges: Sequence[Edge]) -> Iterator[Door]:
    secret = studio.settings.purge_secret.get_secret_value()
    if secret:
        purging = purge.Purging(
            secret=secret,
            originals=studio.settings.named_originals,
            beginnings=studio.settings.named_beginnings,
            journal=studio.journal,
            edges=edges,
        )
        yield Door(
            path=purge.PATH,
            handler=purging.handle,
            voice=ProblemVoice(),
            dialect="purge",
            methods=frozenset({"POST"}),
            guarded=False,  # by a secret of its own
        )


def _pictures(studio: Studio, dialect: Dialect, negotiation: Negotiation, voice: Voice, rounds: Rounds) -> Pictures:
    settings = studio.settings
    return Pictures(
        reader=Reader(
            dialect=dialect,
            negotiation=negotiation,
            check=studio.check,
            key=studio.renderer.key,
            frames=settings.max_animation_frames,
            hints=settings.enable_client_hints,
        ),
        renderer=studio.renderer,
        responder=Responder(
            settings=settings,
            custom=dict(settings.response_headers()),
            returned=settings.response_headers_passthrough,
            fallback=settings,
            status_of=voice.status,
        ),
        timeout=settings.timeout,
        passing=_passing(settings),
        clients=Clients(settings),
        rounds=rounds,
    )


def _passing(settings: Settings) -> Passing | None:
    # The bearer secret opens this service; no other one may learn it.
    ours = frozenset({"authorization"}) if settings.secret.get_secret_value() else frozenset()
    return Passing(settings, withheld=ours) or None


def _checks(studio: Studio) -> Iterator[ReadinessCheck]:
    yield ReadinessCheck(name="engine", ping=lambda: asyncio.to_thread(libvips.ping))
    yield ReadinessCheck(name="sources", ping=studio.sources.ping)
    for tier in studio.caches.tiers:  # without its caches the service is slower, not unable (delivery §6)
        yield ReadinessCheck(name=f"cache {tier.outcome}", ping=tier.ping, required=False)


def _watch(metrics: Metrics, studio: Studio) -> None:
    pool, renderer = studio.pool, studio.renderer
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
    metrics.watch_gauge("flights", "Different pictures being found or made.", lambda: len(renderer.flight))
    metrics.watch_gauge("vips_memory_bytes", "Bytes of pixels that libvips holds.", libvips.memory)
    if studio.transformer.isolation is not None:
        _watch_isolation(metrics, studio.transformer.isolation)
    _watch_origins(metrics, studio.origins)
    _watch_originals(metrics, "watermarks", renderer.maker.marks.originals)
    if renderer.maker.originals is not None:
        _watch_originals(metrics, "pictures", renderer.maker.originals)
    if renderer.maker.pixels is not None:
        _watch_pixels(metrics, renderer.maker.pixels)
    for tier in studio.caches.tiers:
        _watch_cache(metrics, tier)
    _watch_stale(metrics, renderer.refreshes)
    if renderer.leases is not None:
        _watch_leases(metrics, renderer.leases)


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
