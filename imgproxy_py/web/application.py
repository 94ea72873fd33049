"""The aiohttp application around the wings: doors in, headers on, errors spoken, all of it counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import orjson
from aiohttp import web
from pydantic import AfterValidator, BaseModel, Field, SecretStr
from yarl import URL

from imgproxy_py.kinds import Count, Flag
from imgproxy_py.telemetry.logs import Logs
from imgproxy_py.telemetry.metrics import Metrics
from imgproxy_py.web.doors import Door, Doors, Handler
from imgproxy_py.web.liveness import Liveness
from imgproxy_py.web.middlewares import Around
from imgproxy_py.web.pages import landing_page
from imgproxy_py.web.problems import Asked, ImgproxyVoice
from imgproxy_py.web.readiness import ReadinessCheck, ReadinessProbe
from imgproxy_py.web.shortcut import AROUND
from imgproxy_py.web.traffic import TRAFFIC, Traffic

METRICS = web.AppKey("METRICS", Metrics)
"""Where an application keeps its metrics, if it has any: `application.get(METRICS)`."""

_LANDING_PAGE = landing_page().encode()


def _path(value: str) -> str:
    trimmed = value.strip("/")
    return f"/{trimmed}" if trimmed else ""


class WebSettings(BaseModel):
    """What is around the pictures: paths, permissions, and how errors look (dialect §13, §14)."""

    path_prefix: Annotated[str, AfterValidator(_path)] = Field(
        default="", description="What all paths begin with, such as `/images`; blank for nothing."
    )
    secret: SecretStr = Field(
        default=SecretStr(""),
        description="If set, requests for pictures must carry `Authorization: Bearer` and this secret.",
    )
    allow_origin: str = Field(
        default="", description="If set, the `Access-Control-Allow-Origin` of all answers, such as `*`."
    )
    health_check_path: Annotated[str, AfterValidator(_path)] = Field(
        default="", description="One more path that answers as `/health` does."
    )
    development_errors_mode: Flag = Field(
        default=False, description="Errors tell all they know to the client. Never in production."
    )
    error_max_age: Count = Field(
        default=10, description="How many seconds caches may keep a problem document of 404, 410, 415 or 422."
    )


def make_application(
    doors: Sequence[Door],
    *,
    settings: WebSettings,
    checks: Sequence[ReadinessCheck] = (),
    alive: Callable[[], bool] = lambda: True,
    formats: Mapping[str, Sequence[str]] | None = None,
    logs: Logs | None = None,
    metrics: Metrics | None = None,
) -> web.Application:
    """Give the application that answers at `doors`, at its own front page and at its probes.

    `checks` say whether requests are wanted (`/ready`), `alive` whether the image library is well (`/health`),
    `formats` which are read and written here, by `read` and `write`. The application carries its `TRAFFIC`, for the server,
    and its `METRICS`.
    """
    traffic = Traffic()
    front = _FrontDoors(ReadinessProbe(checks, traffic, formats=formats), Liveness(alive), ImgproxyVoice())
    probes = list(front.probes(settings.health_check_path))
    around = Around(
        Doors(
            [*doors, *front.doors(), *probes],
            elsewhere=front.elsewhere(),
            path_prefix=settings.path_prefix,
            unprefixed=[*probes, front.landing()],
        ),
        traffic=traffic,
        logs=logs,
        metrics=metrics,
        secret=settings.secret.get_secret_value(),
        allow_origin=settings.allow_origin,
    )
    application = web.Application()
    application[TRAFFIC] = traffic
    application[AROUND] = around
    if metrics:
        application[METRICS] = metrics
        metrics.watch_gauge("requests_in_progress", "Requests being answered.", lambda: traffic.in_flight)
        metrics.watch_gauge("open_connections", "Connections of clients.", lambda: traffic.connections)
    application.router.register_resource(_Everything(around.answer))
    application.on_response_prepare.append(around.dress)
    return application


class _FrontDoors:
    """The doors that every application has: front page, probes, and what is not here."""

    def __init__(self, readiness: ReadinessProbe, liveness: Liveness, voice: ImgproxyVoice) -> None:
        self._readiness = readiness
        self._liveness = liveness
        self._voice = voice

    def doors(self) -> Iterator[Door]:
        """Give the front page, and the paths that browsers and crawlers try everywhere (dialect §13.1)."""
        yield self.landing()
        yield self._door("/favicon.ico", self._nothing)
        yield self._door("/.well-known/", self._nothing, prefix=True)

    def probes(self, extra: str) -> Iterator[Door]:
        """Give the doors for whoever asks how we are; `extra` is one more path for `/health`."""
        yield self._door("/health", self._health, known=self._known_health)
        yield self._door("/ready", self._ready)
        if extra:
            yield self._door(extra, self._health, known=self._known_health)

    def landing(self) -> Door:
        """Give the front page."""
        return self._door("/", self._landing)

    def elsewhere(self) -> Door:
        """Give the door for paths that lead nowhere; those are told of."""
        return Door(path="", handler=self._nothing, voice=self._voice, dialect="none", guarded=False)

    def _door(
        self,
        path: str,
        handler: Handler,
        *,
        prefix: bool = False,
        known: Callable[[], web.Response | None] | None = None,
    ) -> Door:
        return Door(
            path=path,
            handler=handler,
            voice=self._voice,
            dialect="none",
            prefix=prefix,
            guarded=False,
            quiet=True,
            known=known,
        )

    async def _landing(self, _: web.Request) -> web.Response:
        return web.Response(body=_LANDING_PAGE, content_type="text/html", headers={"Cache-Control": "no-cache"})

    async def _health(self, _: web.Request) -> web.Response:
        return _health(well=await self._liveness.ask())

    def _known_health(self) -> web.Response | None:
        return _health(well=True) if self._liveness.known() else None

    async def _ready(self, _: web.Request) -> web.Response:
        readiness = await self._readiness.ask()
        return web.Response(
            status=200 if readiness.ready else 503,
            body=orjson.dumps(readiness.document()),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    async def _nothing(self, _: web.Request) -> web.Response:
        return self._voice.no_such_route(Asked(""))


def _health(*, well: bool) -> web.Response:
    status, body = (200, b"imgproxy is running") if well else (500, b"Error")
    return web.Response(status=status, body=body, content_type="text/plain", headers={"Cache-Control": "no-cache"})


class _Everything(web.AbstractResource):
    """The one resource that aiohttp's router knows: every path of every method, none of them looked at."""

    def __init__(self, handler: Handler) -> None:
        super().__init__()
        self._route = web.ResourceRoute("*", handler, self)

    @property
    def canonical(self) -> str:
        """The path under which aiohttp's router ends up with whatever it is asked for."""
        return "/"

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo, set[str]]:
        """Match."""
        return web.UrlMappingMatchInfo({}, self._route), set()

    def url_for(self, **_: str) -> URL:
        """Give the front page's URL."""
        return URL("/")

    def add_prefix(self, prefix: str) -> None:
        """Refuse: this application is never a part of another."""
        raise NotImplementedError(prefix)

    def get_info(self) -> Any:
        """Tell aiohttp's introspection what there is."""
        return {"path": "/"}

    def raw_match(self, path: str) -> bool:
        """Match."""
        return True

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        return iter((self._route,))
