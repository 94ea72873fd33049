"""Where pictures are kept, who makes them for all, and what is told of purges."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from imgproxy_py.assembly.sources import s3_profiles
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
from imgproxy_py.rendering.leases import Leases
from imgproxy_py.rendering.redis_leases import RedisLeases
from imgproxy_py.settings import Settings
from imgproxy_py.stores.local import LocalStore
from imgproxy_py.stores.s3_profiles import open_s3


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Where pictures are kept, the `leases` by which one process makes each (if any), and who tells of purges."""

    caches: TieredCache
    leases: Leases | None
    journal: Journal


async def open_kept(settings: Settings, stack: AsyncExitStack) -> Kept:
    """Open caches, leases and journal, closed with the stack."""
    redis = await _open_redis(settings, stack)
    subscription = await stack.enter_async_context(Subscription(settings))
    # Closed after the caches, which tell them what they kept.
    leases = await _open_leases(settings, stack, redis, subscription)
    caches = await _open_caches(settings, stack, redis)
    journal = await _open_journal(settings, stack, redis, subscription, caches.purges)
    return Kept(caches=caches, leases=leases, journal=journal)


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
    s3 = await stack.enter_async_context(open_s3(service, s3_profiles(settings)))
    prefix = f"{prefix.rstrip('/')}/" if prefix else ""
    return StoredCache(s3.bucket(bucket), settings, prefix=prefix, beyond=beyond)


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
