"""Originals relayed untouched (dialect §13.6)."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass

import structlog
from aiohttp import web

from imgproxy_py.delivery.clients import has_left
from imgproxy_py.delivery.headers import cache_control, cdn_headers, content_disposition, sendable, tags_told
from imgproxy_py.delivery.question import Question
from imgproxy_py.delivery.respond import Responder
from imgproxy_py.delivery.settings import DeliverySettings
from imgproxy_py.errors import ImgproxyError
from imgproxy_py.recipe.formats import ABILITIES
from imgproxy_py.recipe.picture import Outcome
from imgproxy_py.sources.port import PASSED_ON, RawAnswer, Source
from imgproxy_py.stores.conditions import read_date
from imgproxy_py.telemetry.record import RECORD, RequestRecord

_log: structlog.stdlib.BoundLogger = structlog.get_logger("imgproxy_py.delivery")

_RELAYED = (
    "content-type",
    "content-encoding",
    "content-range",
    "content-length",
    "accept-ranges",
    "last-modified",
    "etag",
)


class _Relayed(web.StreamResponse):
    """An answer that may break off; then nothing more is written, not even its end."""

    broken = False

    def break_off(self, request: web.Request) -> None:
        """Abort the connection: a whole answer was promised, and nothing else tells the client the truth."""
        self.broken = True
        if request.transport is not None:
            request.transport.abort()

    async def write_eof(self, data: bytes = b"") -> None:
        """Say that the answer is whole, unless it is not."""
        if not self.broken:
            await super().write_eof(data)


async def relay(
    request: web.Request, question: Question, sources: Source, responder: Responder, now: float
) -> web.StreamResponse:
    """Stream an original as its origin gives it; a stream that breaks off aborts the connection.

    `now` is in Unix seconds.
    """
    record = request[RECORD]
    record.outcome = Outcome.BYPASSED.value
    asked = {name: sendable(request.headers[name]) for name in PASSED_ON if name in request.headers}
    async with sources.raw(question.request.source, asked) as answer:
        response = _Relayed(status=answer.status, headers=_headers(answer, question, responder, now))
        await response.prepare(request)
        if request.method != "HEAD":
            try:
                async for chunk in answer.chunks:
                    record.bytes_out += len(chunk)
                    await response.write(chunk)
            except Exception as error:
                if has_left(request, error):
                    raise
                _note(record, error)
                response.break_off(request)
                return response
        await response.write_eof()
    return response


def _note(record: RequestRecord, error: Exception) -> None:
    if isinstance(error, ImgproxyError):
        record.error, record.detail = error.slug, error.private or error.detail
    else:
        record.error, record.detail, record.report = ImgproxyError.slug, type(error).__name__, True
        _log.error("relay_failed", request_id=record.request_id, exc_info=error)


@dataclass(frozen=True, slots=True)
class _Relaying:
    """What the origin of a relayed original says of its lifetime."""

    cache_control: str
    origin_expires_at: float | None
    complete: bool = True


def _headers(answer: RawAnswer, question: Question, responder: Responder, now: float) -> dict[str, str]:
    names = (*_RELAYED, *responder.returned)
    headers = {name.title(): sendable(answer.headers[name]) for name in names if name in answer.headers}
    if question.vary:
        headers["Vary"] = question.vary
    if answer.status < 400:
        headers |= _caching(answer, question, responder.settings, now) | dict(responder.custom)
        headers |= tags_told(responder.settings, question.request.delivery, question.tags)
    if 200 <= answer.status < 300:
        headers["Content-Disposition"] = content_disposition(
            question.request, _extension(answer, question), attached_by_default=responder.settings.return_attachment
        )
    return headers


def _caching(answer: RawAnswer, question: Question, settings: DeliverySettings, now: float) -> dict[str, str]:
    delivery, private = question.request.delivery, question.request.private
    expires = answer.headers.get("expires")
    origin = _Relaying(answer.headers.get("cache-control", ""), None if expires is None else read_date(expires) or 0.0)
    told = cdn_headers(settings, delivery, origin, now, private=private)
    return {"Cache-Control": cache_control(settings, delivery, origin, now, private=private), **told}


def _extension(answer: RawAnswer, question: Question) -> str:
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    known = next((one.extension for one in ABILITIES.values() if one.media_type == media_type), None)
    return known or mimetypes.guess_extension(media_type) or ""
