"""What happens around every request, whatever its route.

Read `Around.answer`: the route is found, a record opened, the request counted, answered, sent, and told, whatever
happened in between. It is one function made of small ones, not a chain of middlewares: each link would cost every
request another coroutine.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import re
import secrets
import time
from collections.abc import Callable, Mapping

import structlog
from aiohttp import hdrs, web
from multidict import MultiMapping, istr
from yarl import URL

from imgproxy_py.delivery.clients import has_left
from imgproxy_py.delivery.handlers import Hit
from imgproxy_py.delivery.question import Head
from imgproxy_py.errors import ClientGone, ImgproxyError, SecretMismatch
from imgproxy_py.telemetry.logs import Logs
from imgproxy_py.telemetry.metrics import Metrics
from imgproxy_py.telemetry.record import RECORD, RequestRecord, trace_id
from imgproxy_py.web.doors import PICTURE_METHODS, Door, Doors
from imgproxy_py.web.heads import filled, laid_out
from imgproxy_py.web.problems import Asked
from imgproxy_py.web.traffic import Traffic

CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
"""On every answer, errors included (dialect §13.3)."""

_log = structlog.get_logger()
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)  # dialect §13.1; the bound is ours: the id is logged
_ID_PREFIX = secrets.token_urlsafe(12)  # 96 random bits tell processes apart, the counter requests
_COUNTER = itertools.count(1)
_REQUEST_ID, _TRACEPARENT = istr("X-Request-ID"), istr("traceparent")  # istr: looked up without being lowered
_EMPTY_STATUSES = frozenset({204, 304})
_APART_FROM = (
    65536  # bytes of a body that leaves apart from its head: aiohttp would copy it behind the head, and keep the copy
)


def fresh_id() -> str:
    """Give an id that no other request of any process has."""
    return f"{_ID_PREFIX}-{next(_COUNTER):x}"


class Around:
    """Everything around the handlers of one application.

    `secret` is the bearer secret, blank for none; `allow_origin` the CORS origin, blank for none.
    """

    def __init__(
        self,
        doors: Doors,
        *,
        traffic: Traffic,
        logs: Logs | None = None,
        metrics: Metrics | None = None,
        secret: str = "",
        allow_origin: str = "",
    ) -> None:
        self._doors = doors
        self._traffic = traffic
        self._logs = logs
        self._metrics = metrics
        self._authorization = f"Bearer {secret}".encode() if secret else b""
        self._headers = _common_headers(allow_origin)

    async def answer(self, request: web.Request, waited: float = 0.0) -> web.StreamResponse:
        """Answer a request, which came `waited` seconds ago: send the answer, count it, tell of it."""
        request = _origin_form(request)
        door = self._doors.find(request.raw_path)
        started, at = time.perf_counter() - waited, time.time() - waited
        record = request[RECORD] = _open_record(request.method, request.headers, door, started, at)
        self._traffic.in_flight += 1
        try:
            response = await self._answer(request, door, record)
            record.ends(response.status)
            await _send(request, response, record)
        except (asyncio.CancelledError, ConnectionError) as error:
            _client_left(record, error)
            raise
        finally:
            self._traffic.in_flight -= 1
            self._tell(door, record)
        return response

    def at_once(self, method: str, target: str, headers: MultiMapping[str]) -> tuple[bytes, ...] | None:
        """Give the answer to a request of HTTP/1.1 for what is there already, as bytes to send; it is counted and told.

        `None` if it takes more than looking up: then `answer` gives it, or says why not.
        """
        door = self._doors.find(target)
        started, at = time.perf_counter(), time.time()
        if method not in PICTURE_METHODS or self._traffic.closes:
            return None
        if door.known is not None:
            return self._known(door.known, method, self._headers, _request_id(headers))
        if (hit := self._hit(door, target, headers)) is None:
            return None
        record = _open_record(method, headers, door, started, at)
        record.source, record.recipe = hit.source, hit.recipe
        record.gives(hit.rendered)
        if hit.head.status in _EMPTY_STATUSES or method == hdrs.METH_HEAD:
            record.bytes_out = 0
        record.ends(hit.head.status)
        self._tell(door, record)
        head = filled(hit.head.wire, record.request_id)
        return (head, hit.rendered.picture.data) if record.bytes_out else (head,)

    def _known(
        self, known: Callable[[], web.Response | None], method: str, common: Mapping[str, str], request_id: str
    ) -> tuple[bytes, ...] | None:
        """Give what a door knows, with its head; nothing that is not well."""
        response = known()
        if response is None or not isinstance(response.body, bytes):
            return None
        head = Head(response.status, response.headers)
        wire = filled(laid_out(head, len(response.body), common), request_id)
        return (wire,) if method == hdrs.METH_HEAD else (wire, response.body)

    def probes(self) -> tuple[str, ...]:
        """Give the paths at which `health` is what a `GET` is answered."""
        return self._doors.probes()

    def health(self) -> bytes:
        """Give the answer to a probe, which closes its connection, as bytes; blank if it is not known that all is well."""
        common = {**self._headers, hdrs.CONNECTION: "close"}
        for path in self.probes():
            if known := self._doors.find(path).known:
                return b"".join(self._known(known, hdrs.METH_GET, common, fresh_id()) or ())
        return b""

    def is_probe(self, target: str) -> bool:
        """Tell whether a target is one that neither waits nor is told of."""
        return self._doors.find(target).quiet

    def _hit(self, door: Door, target: str, headers: MultiMapping[str]) -> Hit | None:
        """Give what a door has for an asker who may have it, its head laid out."""
        if door.at_once is None or (door.guarded and not self._is_trusted(headers)):
            return None
        try:
            hit = door.at_once(target, headers)
            if hit is not None and not hit.head.wire:
                hit.head.wire = laid_out(hit.head, len(hit.rendered.picture.data), self._headers)
        except Exception:
            return None  # `answer` meets it as well, and has words for it
        return hit if hit is not None and hit.head.wire else None

    async def dress(self, request: web.Request, response: web.StreamResponse) -> None:
        """Put on the headers that every answer has; called as an answer's head leaves."""
        headers = response.headers
        headers.update(self._headers)
        record = request.get(RECORD)
        headers["X-Request-ID"] = record.request_id if record else _request_id(request.headers)
        if record and record.vary and response.status >= 400:
            headers.setdefault(hdrs.VARY, record.vary)
        if self._traffic.closes:
            headers[hdrs.CONNECTION] = "close"
            response.force_close()

    async def _answer(self, request: web.Request, door: Door, record: RequestRecord) -> web.StreamResponse:
        """Let the handler answer, or say in the voice of its route why not."""
        try:
            if refusal := _refused(request, door, record):
                return refusal
            self._check_secret(request, door)
            return await door.handler(request)
        except web.HTTPException as error:  # aiohttp's own, such as a body that is too large
            return web.Response(status=error.status, text=error.reason)
        except Exception as error:
            if has_left(request, error):
                raise
            return _apology(error, request, door, record)

    def _check_secret(self, request: web.Request, door: Door) -> None:
        if door.guarded and not self._is_trusted(request.headers):
            raise SecretMismatch

    def _is_trusted(self, headers: Mapping[str, str]) -> bool:
        """Tell whether the bearer secret is there, if there is one (dialect §13.1); takes constant time."""
        if not self._authorization:
            return True
        given = headers.get(hdrs.AUTHORIZATION, "").encode(errors="surrogateescape")
        return hmac.compare_digest(given, self._authorization)

    def _tell(self, door: Door, record: RequestRecord) -> None:
        if door.quiet:
            return
        if self._metrics:
            self._metrics.answered(record)
        if self._logs:
            self._logs.answered(record)


def _common_headers(allow_origin: str) -> dict[str, str]:
    headers = {
        hdrs.SERVER: "imgproxy",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if allow_origin:
        headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = allow_origin
        headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = "GET, OPTIONS"
    return headers


def _origin_form(request: web.Request) -> web.Request:
    """Give a request whose target begins with `/`, whichever form it came in (RFC 9112 §3.2)."""
    target = request.raw_path
    if target.startswith("/") or "://" not in target:
        return request
    _, slash, path = target.partition("://")[2].partition("/")
    return request.clone(rel_url=URL(f"/{path}" if slash else "/", encoded=True))


def _open_record(method: str, headers: Mapping[str, str], door: Door, started: float, at: float) -> RequestRecord:
    traceparent = headers.get(_TRACEPARENT)
    return RequestRecord(
        request_id=_request_id(headers),
        method=method,
        dialect=door.dialect,
        started=started,
        at=at,
        trace_id=trace_id(traceparent) if traceparent else "",
    )


def _request_id(headers: Mapping[str, str]) -> str:
    given = headers.get(_REQUEST_ID)
    return given if given and _CLIENT_ID.fullmatch(given) else fresh_id()


def _refused(request: web.Request, door: Door, record: RequestRecord) -> web.Response | None:
    """Give the answer for a method that the door does not serve, `None` if it does (dialect §13.1)."""
    method = request.method
    if method in door.methods:
        return None
    if method == hdrs.METH_OPTIONS:
        return web.Response(body=b" ", content_type="text/plain")
    return door.voice.no_such_method(_asked(request, record), ", ".join(sorted(door.methods)))


def _apology(error: Exception, request: web.Request, door: Door, record: RequestRecord) -> web.Response:
    """Note what went wrong and give the answer for it."""
    if isinstance(error, ImgproxyError):
        record.failed(error)
    else:
        record.error = ImgproxyError.slug
        record.detail = type(error).__name__
        record.report = True
        _log.error("request_failed", request_id=record.request_id, exc_info=error)
    return door.voice.answer(error, _asked(request, record))


def _asked(request: web.Request, record: RequestRecord) -> Asked:
    return Asked(record.request_id, reads_html="text/html" in request.headers.get(hdrs.ACCEPT, ""))


async def _send(request: web.Request, response: web.StreamResponse, record: RequestRecord) -> None:
    """Send an answer here rather than leave it to aiohttp, so that a client who is gone by now is noticed."""
    record.bytes_out = _body_length(request, response)
    writer = await response.prepare(request)
    if writer and record.bytes_out > _APART_FROM:
        writer.send_headers()
    await response.write_eof()
    if not isinstance(response, web.Response):
        record.bytes_out = response.body_length


def _body_length(request: web.Request, response: web.StreamResponse) -> int:
    if request.method == hdrs.METH_HEAD or response.status in _EMPTY_STATUSES:
        return 0
    body = response.body if isinstance(response, web.Response) else None
    return len(body) if isinstance(body, (bytes, bytearray)) else 0


def _client_left(record: RequestRecord, error: BaseException) -> None:
    record.ends(ClientGone.status)
    record.error = ClientGone.slug
    record.detail = type(error).__name__
