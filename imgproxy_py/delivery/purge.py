"""`POST /purge`: what was made of an original is forgotten, here and in front.

::

    POST /purge
    Authorization: Bearer <IMGPROXY_PURGE_SECRET>
    Content-Type: application/json

    {"sources": ["s3://bucket/cat.jpg"], "tags": ["preset-card"], "prefixes": ["s3://bucket/2024/"],
     "paths": ["/images/2024/*"], "edges": true, "by": "cms"}

`sources` are originals as URLs name them, or keys of the query dialect; `prefixes` are beginnings of such URLs. Caches in
front know no prefixes, but some of them know `paths` of pictures, which our own do not.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from aiohttp import hdrs, web
from pydantic import BaseModel, Field, SecretStr

from imgproxy_py.caches.journal import MOST_NAMES, Journal, Recorded
from imgproxy_py.edges import Edge, Told, is_path, tell
from imgproxy_py.errors import BadRequest, PurgeUnavailable, SecretMismatch, WrongParameter
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.recipe.tags import is_tag, source_tag
from imgproxy_py.telemetry.record import RECORD, public_source

PATH = "/purge"
_PATIENCE = 10.0  # seconds for the body to come
_LONGEST_BY = 100
_LISTS = ("sources", "tags", "prefixes", "paths")
_SHAPES: dict[str, tuple[Callable[[str], bool], str]] = {
    "tags": (is_tag, "1 to 128 visible ASCII characters"),
    "paths": (is_path, "a path as it goes on the wire, * at its end only"),
}
"""What the names of a list are to be, and how that is told."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger("imgproxy_py.delivery")


class PurgeSettings(BaseModel):
    """Settings of purging over HTTP."""

    purge_secret: SecretStr = Field(
        SecretStr(""),
        description="If set, `POST /purge` has caches forget pictures; it demands `Authorization: Bearer` and this secret.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be forgotten: what carries one of `tags`, and what is made of originals whose URLs begin with `prefixes`.

    `paths` are for the caches in front alone. `told` is the same as logs may show it. `by` is who the caller says he is.
    """

    tags: tuple[str, ...]
    prefixes: tuple[str, ...]
    told: Mapping[str, Sequence[str]]
    paths: tuple[str, ...] = ()
    edges: bool = True
    by: str = ""


Meant = Callable[[str], Iterable[SourceRef]]
"""Gives the originals, or the beginnings of their URLs, that a text means; raises `BadRequest`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purging:
    """Answers orders to forget that come with the `secret`.

    The service's own caches forget before those in front are told, which would fill themselves with the old again.
    """

    secret: str
    originals: Meant
    beginnings: Meant
    journal: Journal
    edges: Sequence[Edge] = ()

    async def handle(self, request: web.Request) -> web.Response:
        """Have everything forgotten that the body names, and say where, and what it came to."""
        self._check_secret(request)
        order = read_order(await _body(request), self.originals, self.beginnings)
        if order.paths and not (order.edges and self.edges):
            raise BadRequest("paths are for caches in front, and none is told")
        try:
            recorded = await self._recorded(order)
        except PurgeUnavailable as error:
            _log.warning("purge_failed", **_audit(request, order), error=error.slug)
            raise
        told = await tell(self.edges, order.tags, order.paths) if order.edges and (order.tags or order.paths) else []
        outcome = _outcome(order, recorded, told)
        _log.info("pictures_purged", **_audit(request, order), **outcome)
        return web.Response(
            body=orjson.dumps(outcome), content_type="application/json", headers={"Cache-Control": "no-store"}
        )

    async def _recorded(self, order: Order) -> Recorded:
        if not order.tags and not order.prefixes:
            return Recorded(generation=0, forgotten=0, processes=0)
        return await self.journal.record(order.tags, order.prefixes)

    def _check_secret(self, request: web.Request) -> None:
        given = request.headers.get(hdrs.AUTHORIZATION, "").encode(errors="surrogateescape")
        if not hmac.compare_digest(given, f"Bearer {self.secret}".encode()):
            raise SecretMismatch


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise BadRequest("the body is too long") from None
    except TimeoutError:
        raise BadRequest("the body did not come in time") from None


def read_order(body: bytes, originals: Meant, beginnings: Meant) -> Order:
    """Read an order; raises `BadRequest` that lists all that is wrong."""
    given = _object(body)
    lists = _lists(given)
    sources = [ref for text in lists["sources"] for ref in originals(text)]
    begun = [ref for text in lists["prefixes"] for ref in beginnings(text)]
    tags = dict.fromkeys((*map(source_tag, sources), *lists["tags"]))
    prefixes = dict.fromkeys(ref.url for ref in begun)
    names = len(tags) + len(prefixes) + len(lists["paths"])
    if names > MOST_NAMES:
        raise BadRequest(f"names {names} at once, expected {MOST_NAMES} at most")
    told = {
        "sources": [public_source(ref) for ref in sources],
        "tags": lists["tags"],
        "prefixes": [public_source(ref) for ref in begun],
        "paths": lists["paths"],
    }
    return Order(
        tags=tuple(tags),
        prefixes=tuple(prefixes),
        told=told,
        paths=tuple(lists["paths"]),
        edges=given.get("edges", True),
        by=given.get("by", ""),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        given: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise BadRequest("the body is no JSON object")
    return given


def _lists(given: Mapping[str, Any]) -> dict[str, list[str]]:
    """Give what each list names, each name once."""
    if wrong := tuple(_wrong(given)):
        raise BadRequest(wrong=wrong)
    lists = {name: list(dict.fromkeys(given.get(name, ()))) for name in _LISTS}
    if not any(lists.values()):
        raise BadRequest(f"nothing to purge: give {', '.join(_LISTS)}")
    return lists


def _wrong(given: Mapping[str, Any]) -> Iterable[WrongParameter]:
    for name in given.keys() - {*_LISTS, "edges", "by"}:
        yield WrongParameter(name, str(given[name]), "no such field")
    for name in _LISTS:
        texts = given.get(name, [])
        if not isinstance(texts, list) or not all(isinstance(one, str) and one for one in texts):
            yield WrongParameter(name, str(texts), "a list of texts that are not blank")
        elif name in _SHAPES:
            is_good, expected = _SHAPES[name]
            yield from (WrongParameter(name, one, expected) for one in texts if not is_good(one))
    if not isinstance(given.get("edges", True), bool):
        yield WrongParameter("edges", str(given["edges"]), "true or false")
    by = given.get("by", "")
    if not isinstance(by, str) or len(by) > _LONGEST_BY:
        yield WrongParameter("by", str(by), f"a text of {_LONGEST_BY} characters at most")


def _audit(request: web.Request, order: Order) -> dict[str, Any]:
    """Tell who ordered what."""
    who = {"request_id": request[RECORD].request_id, "address": request.remote or "", "by": order.by}
    return who | {name: texts for name, texts in order.told.items() if texts}


def _outcome(order: Order, recorded: Recorded, told: Sequence[Told]) -> dict[str, Any]:
    return {
        "generation": recorded.generation,
        "names": len(order.tags) + len(order.prefixes) + len(order.paths),
        "forgotten": recorded.forgotten,
        "processes": recorded.processes,
        "edges": [{"edge": one.edge, "said": one.said, "refused": one.refused} for one in told],
        "complete": not any(one.refused for one in told),
    }
