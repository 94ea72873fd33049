"""The least that aiohttp can do for the same bytes: Application, router, one handler, `web.Response`.

    /picture    the bytes, from memory
    /unchanged  304
    /redis      the bytes, by one GET to Redis

Arguments: port, file with the bytes, Redis' URL.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import uvloop
from aiohttp import web
from redis.asyncio import BlockingConnectionPool, Redis

REDIS_KEY = "bare"
_ETAG = {"ETag": '"bare"'}


def make_application(data: bytes, redis_url: str) -> web.Application:
    """Give the application."""
    redis = Redis.from_pool(BlockingConnectionPool.from_url(redis_url))

    async def picture(_: web.Request) -> web.Response:
        return web.Response(body=data, content_type="image/jpeg")

    async def unchanged(_: web.Request) -> web.Response:
        return web.Response(status=304, headers=_ETAG)

    async def from_redis(_: web.Request) -> web.Response:
        return web.Response(body=await redis.get(REDIS_KEY), content_type="image/jpeg")

    async def filled(_: web.Application) -> AsyncIterator[None]:
        await redis.set(REDIS_KEY, data)
        yield
        await redis.aclose()

    application = web.Application()
    application.router.add_get("/picture", picture)
    application.router.add_get("/unchanged", unchanged)
    application.router.add_get("/redis", from_redis)
    application.cleanup_ctx.append(filled)
    return application


def main() -> None:
    """Serve until SIGTERM."""
    port, file, redis_url = sys.argv[1:]
    web.run_app(
        make_application(Path(file).read_bytes(), redis_url),
        host="127.0.0.1",
        port=int(port),
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop(),
    )


if __name__ == "__main__":
    main()
