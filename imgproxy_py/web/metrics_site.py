"""Metrics on an address of their own (delivery §8)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from imgproxy_py.web.addresses import listen


@asynccontextmanager
async def metrics_site(address: str, exposition: Callable[[], bytes]) -> AsyncIterator[None]:
    """Serve what `exposition` gives at any path of `address`; a blank address serves nothing."""
    if not address:
        yield
        return

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listen(address)).start()
        yield
    finally:
        await runner.cleanup()
