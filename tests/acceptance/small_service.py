"""A service for the tests of processes: `/_/slow` takes a while, `/_/pid` tells who answers, `/_/never` does not, `/_/hang`
stops its event loop for long."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from imgproxy_py.telemetry.logs import Logs, LogSettings
from imgproxy_py.telemetry.metrics import Metrics, MetricsSettings
from imgproxy_py.web.application import WebSettings, make_application
from imgproxy_py.web.doors import Door
from imgproxy_py.web.problems import ImgproxyVoice
from imgproxy_py.web.server import ServerSettings
from imgproxy_py.web.supervisor import run

BODY = b"x" * 20_000


async def answer(request: web.Request) -> web.Response:
    if "slow" in request.raw_path:
        await asyncio.sleep(0.05)
    if "longer" in request.raw_path:
        await asyncio.sleep(1.5)
    if "never" in request.raw_path:
        await asyncio.sleep(600)
    if "hang" in request.raw_path:
        time.sleep(600)  # noqa: ASYNC251 - what must never happen
    if "pid" in request.raw_path:
        return web.Response(text=str(os.getpid()))
    return web.Response(body=BODY, content_type="image/webp")


def main() -> int:
    server, metrics = ServerSettings.model_validate_json(sys.argv[1]), MetricsSettings.model_validate_json(sys.argv[2])
    with Logs(LogSettings(), output=2) as logs:

        @asynccontextmanager
        async def service() -> AsyncIterator[web.Application]:
            if os.environ.get("SMALL_SERVICE_FAILS"):
                raise RuntimeError("a setting is wrong")
            door = Door(path="/", prefix=True, handler=answer, voice=ImgproxyVoice(), dialect="imgproxy")
            yield make_application([door], settings=WebSettings(), metrics=Metrics(metrics), logs=logs)

        command = [sys.executable, __file__, *sys.argv[1:]]
        return run(service, settings=server, metrics=metrics, command=command)


if __name__ == "__main__":
    sys.exit(main())
