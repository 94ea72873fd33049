"""All that answers requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from aiohttp import web

from imgproxy_py.assembly.doors import doors
from imgproxy_py.assembly.studio import Studio, open_studio
from imgproxy_py.assembly.watching import watch
from imgproxy_py.edges import Edge, open_edges
from imgproxy_py.engine import libvips
from imgproxy_py.settings import Settings
from imgproxy_py.telemetry.logs import Logs
from imgproxy_py.telemetry.metrics import Metrics
from imgproxy_py.web.application import make_application
from imgproxy_py.web.readiness import ReadinessCheck


@asynccontextmanager
async def open_application(settings: Settings, logs: Logs | None = None) -> AsyncIterator[web.Application]:
    """Open everything that answers requests."""
    async with open_studio(settings) as studio, _open_edges(settings) as edges:
        metrics = Metrics(settings)
        watch(metrics, studio)
        yield make_application(
            list(doors(studio, edges)),
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


def _checks(studio: Studio) -> Iterator[ReadinessCheck]:
    yield ReadinessCheck(name="engine", ping=lambda: asyncio.to_thread(libvips.ping))
    yield ReadinessCheck(name="sources", ping=studio.sources.ping)
    for tier in studio.caches.tiers:  # without its caches the service is slower, not unable (delivery §6)
        yield ReadinessCheck(name=f"cache {tier.outcome}", ping=tier.ping, required=False)
