"""Telling every edge at once to forget."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp

from imgproxy_py.edges.akamai import Akamai
from imgproxy_py.edges.bunny import Bunny
from imgproxy_py.edges.calling import Caller
from imgproxy_py.edges.cloudflare import Cloudflare
from imgproxy_py.edges.cloudfront import CloudFront
from imgproxy_py.edges.fastly import Fastly
from imgproxy_py.edges.port import Edge, EdgeRefused, PathEdge
from imgproxy_py.edges.settings import EdgeSettings
from imgproxy_py.edges.varnish import Varnish
from imgproxy_py.kinds import UnusableSetting


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of telling one edge: what it said, and whether it refused."""

    edge: str
    said: str
    refused: bool = False


@asynccontextmanager
async def open_edges(settings: EdgeSettings) -> AsyncIterator[tuple[Edge, ...]]:
    """Give the edges that are configured, none if there are none; `UnusableSetting` for one that lacks a secret."""
    _check_whole(settings)
    timeout = aiohttp.ClientTimeout(total=settings.purge_timeout)
    async with AsyncExitStack() as closing:
        session = await closing.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        yield tuple(_edges(settings, Caller(session), closing))


def _edges(settings: EdgeSettings, caller: Caller, closing: AsyncExitStack) -> Iterator[Edge]:
    secret = settings.purge_varnish_secret.get_secret_value()
    yield from (Varnish(url, secret, caller) for url in settings.purge_varnish_urls)
    if settings.purge_fastly_service:
        yield Fastly(settings, caller)
    if settings.purge_cloudflare_zone:
        yield Cloudflare(settings, caller)
    if settings.purge_cloudfront_distribution:
        cloudfront = CloudFront(settings, settings.purge_timeout)
        closing.push_async_callback(cloudfront.aclose)
        yield cloudfront
    if settings.purge_akamai_url:
        yield Akamai(settings, caller)
    if settings.purge_bunny_zone:
        yield Bunny(settings, caller)


_NEEDED = {
    "purge_varnish_urls": ("purge_varnish_secret",),
    "purge_fastly_service": ("purge_fastly_token",),
    "purge_cloudflare_zone": ("purge_cloudflare_token",),
    "purge_akamai_url": ("purge_akamai_client_token", "purge_akamai_client_secret", "purge_akamai_access_token"),
    "purge_bunny_zone": ("purge_bunny_key",),
}
"""The setting that puts an edge to use, and the secrets that it is of no use without."""


def _check_whole(settings: EdgeSettings) -> None:
    for given, needed in _NEEDED.items():
        lacking = [
            name for name in needed if getattr(settings, given) and not getattr(settings, name).get_secret_value()
        ]
        if lacking:
            raise UnusableSetting(lacking[0], None, f"a value, since IMGPROXY_{given.upper()} is set")


async def tell(edges: Sequence[Edge], tags: Sequence[str], paths: Sequence[str] = ()) -> list[Told]:
    """Have all edges forget the tags and paths; one that refuses, or knows no paths, keeps no other from it."""
    return list(await asyncio.gather(*(_told(edge, tags, paths) for edge in edges)))


async def _told(edge: Edge, tags: Sequence[str], paths: Sequence[str]) -> Told:
    try:
        if isinstance(edge, PathEdge):
            return Told(edge=edge.name, said=await edge.forget(tags, paths))
        said = await edge.forget(tags) if tags else ""
        return _without_paths(edge.name, said) if paths else Told(edge=edge.name, said=said)
    except EdgeRefused as refusal:
        return Told(edge=edge.name, said=str(refusal), refused=True)


def _without_paths(name: str, said: str) -> Told:
    return Told(edge=name, said=f"{said}; knows no paths" if said else "knows no paths", refused=True)
