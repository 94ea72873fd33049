from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from imgproxy_py.caches.memory import MemoryCache, MemoryCacheSettings
from imgproxy_py.caches.policies import Policies, PolicySettings
from imgproxy_py.caches.tiers import TieredCache
from imgproxy_py.delivery.handlers import Pictures
from imgproxy_py.delivery.question import Reader
from imgproxy_py.delivery.respond import Responder
from imgproxy_py.delivery.settings import DeliverySettings
from imgproxy_py.dialects.imgproxy import ImgproxyDialect
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.port import Dialect
from imgproxy_py.dialects.query import QueryDialect
from imgproxy_py.dialects.query.config import QueryConfig
from imgproxy_py.engine.pool import Pool
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.recipe.negotiation import Negotiation
from imgproxy_py.rendering.fallback import FallbackImage, FallbackSettings
from imgproxy_py.rendering.making import Maker
from imgproxy_py.rendering.marks import MarkOriginals
from imgproxy_py.rendering.refreshing import Refreshes
from imgproxy_py.rendering.render import Renderer
from imgproxy_py.sources.passing import Passing
from imgproxy_py.sources.router import SourceRouter
from imgproxy_py.telemetry.metrics import Metrics, MetricsSettings
from imgproxy_py.web.application import WebSettings, make_application
from imgproxy_py.web.doors import Door
from imgproxy_py.web.problems import ImgproxyVoice, ProblemVoice, Voice
from tests.fakes import FakeSource, quiet_loop

NOW = 1_800_000_000.0
PLAIN, PROBLEMS = ImgproxyVoice(), ProblemVoice()


@dataclass
class Answer:
    """An answer as it came over the wire; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool
    """Whether the body ended as its head had promised."""


@dataclass(slots=True)
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


class Shop:
    """Both dialects served by one process over a source, with all within a test's reach."""

    def __init__(
        self,
        *,
        source: FakeSource | None = None,
        transformer: Any = None,
        imgproxy: dict[str, Any] | None = None,
        fallback: FallbackImage | None = None,
        fallback_settings: FallbackSettings | None = None,
        passing: Passing | None = None,
        custom: dict[str, str] | None = None,
        returned: tuple[str, ...] = (),
        timeout: float = 10.0,
        **settings: Any,
    ) -> None:
        self.source = source or FakeSource()
        self.settings = DeliverySettings(**settings)
        self.passing = passing
        self.responder: dict[str, Any] = {
            "settings": self.settings,
            "fallback": fallback_settings or FallbackSettings(),
            "custom": custom or {},
            "returned": returned,
        }
        self.transformer = Counting(transformer or Transformer(EngineSettings()))
        self.clock = Clock()
        self.memory = MemoryCache(MemoryCacheSettings(), clock=self.clock)
        self.pool = Pool(2)
        self.timeout = timeout
        self.metrics = Metrics(MetricsSettings())
        self.renderer = Renderer(
            maker=Maker(
                sources=SourceRouter(dict.fromkeys(("s3", "http", "https", "local"), self.source)),
                pool=self.pool,
                transformer=self.transformer,  # type: ignore[arg-type]
                marks=MarkOriginals(self.source),
                fallback=fallback,
                clock=self.clock,
            ),
            caches=TieredCache([self.memory], clock=self.clock),
            etag_buster=self.settings.etag_buster,
            policies=Policies(
                PolicySettings(),
                while_revalidate=self.settings.stale_while_revalidate,
                if_error=self.settings.stale_if_error,
            ),
            refreshes=Refreshes(4),
        )
        config = ImgproxyConfig(**(imgproxy or {}))
        savable = self.transformer.abilities.savable
        self.imgproxy = self.pictures(ImgproxyDialect(config), self.settings.switched_negotiation(savable), PLAIN)
        query = QueryDialect(QueryConfig(images_source="s3://bucket", shared=config))
        self.query = self.pictures(query, self.settings.listed_negotiation(savable), PROBLEMS)

    def pictures(self, dialect: Dialect, negotiation: Negotiation, voice: Voice = PLAIN) -> Pictures:
        return Pictures(
            reader=Reader(
                dialect=dialect,
                negotiation=negotiation,
                check=lambda request: self.transformer.check(request.recipe.output),
                key=self.renderer.key,
                frames=1,
                hints=self.settings.enable_client_hints,
            ),
            renderer=self.renderer,
            responder=Responder(**self.responder, status_of=voice.status, clock=self.clock),
            timeout=self.timeout,
            passing=self.passing,
        )

    def application(self) -> web.Application:
        doors = [
            Door(path="/", prefix=True, handler=self.imgproxy.handle, voice=PLAIN, dialect="imgproxy"),
            Door(path="/images/", prefix=True, handler=self.query.handle, voice=PROBLEMS, dialect="query"),
        ]
        return make_application(doors, settings=WebSettings(), metrics=self.metrics)


class Counting:
    """A transformer that counts."""

    def __init__(self, transformer: Any) -> None:
        self._transformer = transformer
        self.made = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transformer, name)

    def begin(self, *given: Any) -> Any:
        self.made += 1
        return self._transformer.begin(*given)


@dataclass
class Client:
    """Speaks to a shop byte by byte, so that targets and bodies are seen as they are on the wire."""

    shop: Shop
    server: TestServer

    async def get(self, target: str, method: str = "GET", **headers: str) -> Answer:
        reader, writer = await self.open(target, method, **headers)
        try:
            data = await reader.read()
        except ConnectionError:
            data = bytes(reader._buffer)  # type: ignore[attr-defined]  # what came before the connection was aborted
        writer.close()
        return _answer(data, method)

    async def head(self, target: str, **headers: str) -> Answer:
        return await self.get(target, "HEAD", **headers)

    async def open(
        self, target: str, method: str = "GET", **headers: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self.server.host, self.server.port)
        lines = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"))
        return reader, writer


def _answer(data: bytes, method: str) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert len(headers) == len(lines), f"a header was sent twice: {lines}"
    status = int(first.split()[1])
    whole = True
    if headers.get("transfer-encoding") == "chunked" and method != "HEAD":
        body, whole = _unchunked(body)
    elif "content-length" in headers and method != "HEAD" and status != 304:
        whole = int(headers["content-length"]) == len(body)
    return Answer(status, headers, body, whole)


def _unchunked(data: bytes) -> tuple[bytes, bool]:
    body = b""
    while data:
        size, _, rest = data.partition(b"\r\n")
        if size == b"0":
            return body, True
        body += rest[: int(size, 16)]
        data = rest[int(size, 16) + 2 :]
    return body, False


Serve = Callable[..., Awaitable[Client]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    clients: list[Client] = []

    async def start(**given: Any) -> Client:
        shop = Shop(**given)
        server = TestServer(shop.application())
        await server.start_server(access_log=None)
        clients.append(Client(shop, server))
        return clients[-1]

    async with quiet_loop():
        yield start
        for client in clients:
            client.shop.source.gate.set()
            await client.server.close()
            client.shop.pool.close()


@pytest.fixture
async def client(serve: Serve) -> Client:
    return await serve()
