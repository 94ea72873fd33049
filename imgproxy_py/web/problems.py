"""Errors over HTTP: one place, two voices.

`ImgproxyVoice` answers as the imgproxy dialect does (dialect §13.2): fixed statuses, short plain texts. `ProblemVoice`
answers with problem details (RFC 9457, delivery §5). An error is looked up by its class, then by the classes it descends
from; what is not of our tree is an internal error and is never shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from traceback import format_exception
from typing import Any, Protocol

import orjson
from aiohttp import web

from imgproxy_py.errors import (
    BadRequest,
    BrokenSvg,
    CallerError,
    CapacityError,
    ClientGone,
    DeadlineExceeded,
    Forbidden,
    HashsumMismatch,
    ImageError,
    ImgproxyError,
    OptionForbidden,
    OutputUnsupported,
    Overloaded,
    PreconditionFailed,
    ResultTooLarge,
    SignatureMissing,
    SourceError,
    SourceFailed,
    SourceForbidden,
    SourceIncomplete,
    SourceLeftAlone,
    SourceMissing,
    SourceTimeout,
    SourceTooLarge,
    TooLate,
    UndecodableImage,
    UnsupportedImage,
)
from imgproxy_py.web.pages import error_page

_BRIEFLY_CACHED = frozenset({404, 410, 415, 422})
_NEVER_CACHED = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """What a voice must know of the request it answers: its id, and whether the client reads HTML."""

    request_id: str
    reads_html: bool = False


class Voice(Protocol):
    """How the errors of one dialect sound."""

    def answer(self, error: Exception, asked: Asked) -> web.Response:
        """Give the answer for an error; one that is not an `ImgproxyError` is an internal error."""
        ...

    def status(self, error: ImgproxyError) -> int:
        """Give the status of the answer for an error."""
        ...

    def no_such_route(self, asked: Asked) -> web.Response:
        """Give the answer for a path that leads nowhere."""
        ...

    def no_such_method(self, asked: Asked, allowed: str) -> web.Response:
        """Give the answer for a method that the route does not have; `allowed` is the value of `Allow`."""
        ...


# --- the imgproxy dialect's voice ------------------------------------------------------------------------------------

_UNREACHABLE = "Source is unreachable"
_INVALID_SOURCE = (422, "Invalid source image")
_FORGOTTEN_SIGNATURE = (
    "The signature appears to be a processing option. The signature section should always be present in the URL."
)

IMGPROXY_ANSWERS: dict[type[ImgproxyError], tuple[int, str]] = {
    ImgproxyError: (500, "Internal error"),
    CallerError: (404, "Invalid URL"),
    ResultTooLarge: (422, "Invalid URL"),
    Forbidden: (403, "Forbidden"),
    SignatureMissing: (403, _FORGOTTEN_SIGNATURE),
    OptionForbidden: (403, "Invalid URL"),
    SourceForbidden: (404, "Invalid source URL"),
    PreconditionFailed: (412, "Precondition failed"),  # the dialect knows no If-Match; RFC 9110 §13.1.1 does
    OutputUnsupported: (422, "Invalid URL"),
    SourceError: (404, _UNREACHABLE),
    SourceMissing: (404, _UNREACHABLE),  # its status is the origin's
    SourceFailed: (502, _UNREACHABLE),
    SourceLeftAlone: (502, _UNREACHABLE),
    SourceIncomplete: (422, "Source response is incomplete"),
    SourceTimeout: (504, _UNREACHABLE),
    SourceTooLarge: _INVALID_SOURCE,
    HashsumMismatch: _INVALID_SOURCE,
    ImageError: (422, "Broken or unsupported image"),
    UnsupportedImage: _INVALID_SOURCE,
    UndecodableImage: (422, "Invalid URL"),
    BrokenSvg: (422, "Broken or unsupported SVG image"),
    CapacityError: (503, "Timeout"),
    Overloaded: (429, "Too many requests"),
    TooLate: (503, "Timeout"),
    ClientGone: (499, "Cancelled"),
}


class ImgproxyVoice:
    """The imgproxy dialect's own answers; with `show_details` (development) they tell everything."""

    def __init__(self, *, show_details: bool = False) -> None:
        self._show_details = show_details

    def answer(self, error: Exception, asked: Asked) -> web.Response:
        """Give the dialect's status and text (dialect §13.2)."""
        status, text = imgproxy_answer(error)
        response = self._detailed(status, text, error, asked) if self._show_details else _plain(status, text)
        _retry_after(response, error)
        return response

    def status(self, error: ImgproxyError) -> int:
        """Give the dialect's status (dialect §13.2)."""
        return imgproxy_answer(error)[0]

    def no_such_route(self, asked: Asked) -> web.Response:
        """Give 404 and a single space (dialect §13.2)."""
        return _plain(404, " ")

    def no_such_method(self, asked: Asked, allowed: str) -> web.Response:
        """Give 404 and a single space (dialect §13.1)."""
        return _plain(404, " ")

    def _detailed(self, status: int, text: str, error: Exception, asked: Asked) -> web.Response:
        details = _details(error)
        if asked.reads_html:
            page = error_page(status, text, details, asked.request_id)
            return web.Response(status=status, text=page, content_type="text/html")
        told = "\n\n".join(part for part in (text, details) if part)
        return _plain(status, told)


def imgproxy_answer(error: Exception) -> tuple[int, str]:
    """Give the status and the text with which the imgproxy dialect answers an error."""
    if isinstance(error, SourceMissing):
        return error.upstream_status, _UNREACHABLE
    for kind in type(error).__mro__:
        if found := IMGPROXY_ANSWERS.get(kind):
            return found
    return IMGPROXY_ANSWERS[ImgproxyError]


def _plain(status: int, text: str) -> web.Response:
    return web.Response(status=status, body=text.encode(errors="replace"), content_type="text/plain")


def _details(error: Exception) -> str:
    if not isinstance(error, ImgproxyError):
        return "".join(format_exception(error))
    sentences = [f"{type(error).__name__}: {error.title}", error.detail, error.private]
    return "\n".join(one for one in sentences if one)


# --- problem details -------------------------------------------------------------------------------------------------


class ProblemVoice:
    """Problem details (RFC 9457); `max_age` is how many seconds a cache may keep 404, 410, 415 and 422."""

    def __init__(self, *, max_age: int = 10) -> None:
        self._max_age = max_age

    def answer(self, error: Exception, asked: Asked) -> web.Response:
        """Give the status and the problem document of an error (delivery §5)."""
        told = error if isinstance(error, ImgproxyError) else ImgproxyError()
        response = self._problem(told.slug, told.title, told.status, told.detail, asked, _wrong(told))
        _retry_after(response, told)
        return response

    def status(self, error: ImgproxyError) -> int:
        """Give the error's own status (delivery §5)."""
        return error.status

    def no_such_route(self, asked: Asked) -> web.Response:
        """Give 404."""
        return self._problem("not-found", "There is nothing here", 404, "", asked, {})

    def no_such_method(self, asked: Asked, allowed: str) -> web.Response:
        """Give 405 with `Allow` (RFC 9110 §15.5.6)."""
        response = self._problem("method-not-allowed", "The method is not allowed here", 405, "", asked, {})
        response.headers["Allow"] = allowed
        return response

    def _problem(
        self, slug: str, title: str, status: int, detail: str, asked: Asked, more: dict[str, Any]
    ) -> web.Response:
        problem = {"type": slug, "title": title, "status": status}
        if detail:
            problem["detail"] = detail
        response = web.Response(
            status=status,
            body=_json({**problem, "instance": asked.request_id, **more}),
            content_type="application/problem+json",
        )
        if caching := self._caching(status):
            response.headers["Cache-Control"] = caching
        return response

    def _caching(self, status: int) -> str:
        if status >= _NEVER_CACHED or status == 429:
            return "no-store"
        return f"public, max-age={self._max_age}" if status in _BRIEFLY_CACHED else ""


def _wrong(error: ImgproxyError) -> dict[str, Any]:
    if not isinstance(error, BadRequest) or not error.wrong:
        return {}
    return {"errors": [{"parameter": o.parameter, "value": o.value, "expected": o.expected} for o in error.wrong]}


def _json(problem: dict[str, Any]) -> bytes:
    """Render a problem; a value that is no Unicode (a path's odd bytes) is shown with replacement characters."""
    try:
        return orjson.dumps(problem)
    except orjson.JSONEncodeError:
        return orjson.dumps(_unicode(problem))


def _unicode(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {key: _unicode(inner) for key, inner in value.items()}
    return [_unicode(inner) for inner in value] if isinstance(value, list) else value


def _retry_after(response: web.Response, error: Exception) -> None:
    if isinstance(error, Overloaded | SourceLeftAlone):
        response.headers["Retry-After"] = str(error.retry_after)
    elif isinstance(error, DeadlineExceeded):
        response.headers["Retry-After"] = "1"
