"""What is known of one request when it has ended: the fields of its log line and of its metrics (delivery §8)."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from aiohttp import web

from imgproxy_py.errors import ImgproxyError
from imgproxy_py.recipe.picture import Outcome, Picture, Rendered, Staleness, Timings
from imgproxy_py.recipe.source import SourceRef

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?", re.ASCII)
_NO_TRACE = "0" * 32
_OPEN_SCHEMES = frozenset({"http", "https"})
_MADE_NOW = frozenset({Outcome.MADE, Outcome.BYPASSED})


@dataclass(slots=True, eq=False)
class RequestRecord:
    """A note that travels with a request and is filled on the way; after the answer nobody writes to it.

    `started` is on the `time.perf_counter` clock, `at` in Unix seconds; `queue` to `total` are milliseconds, `None` for
    what did not happen. `bytes_in` is the original's length. `error` is the slug of what went wrong, `detail` what only
    operators may read; with `fallback` a picture was shown all the same, and so was one that is out of date by `stale`
    seconds. `vary` is the `Vary` header of this URL: errors
    carry it as well, the log does not.
    """

    request_id: str
    method: str
    dialect: str
    started: float
    at: float
    trace_id: str = ""
    source: str = ""
    recipe: str = ""
    status: int = 0
    outcome: str = ""
    bytes_in: int | None = None
    bytes_out: int = 0
    width: int | None = None
    height: int | None = None
    format_in: str = ""
    format_out: str = ""
    credentials: str = ""
    ignored: str = ""
    shared: str = ""
    queue: float | None = None
    fetch: float | None = None
    decode: float | None = None
    transform: float | None = None
    encode: float | None = None
    total: float = 0.0
    error: str = ""
    detail: str = ""
    fallback: bool | None = None
    stale: float | None = None
    report: bool = False
    vary: str = ""

    def gives(self, rendered: Rendered) -> None:
        """Note a picture and where it came from; the times of its making count only if it was made just now."""
        self.outcome = rendered.outcome.value
        self._picture(rendered.picture)
        if rendered.outcome in _MADE_NOW:
            self.took(rendered.picture.timings)
        if rendered.failure:
            self.fallback = True
            self.failed(rendered.failure)
        if rendered.stale:
            self._outdated(rendered.stale)

    def failed(self, error: ImgproxyError) -> None:
        """Note what went wrong, and whether that was known before."""
        if error.remembered:
            self.outcome = Outcome.REMEMBERED.value
        self.error = error.slug
        self.detail = "; ".join(text for text in (error.detail, error.private) if text)
        self.report = error.report

    def took(self, timings: Timings) -> None:
        """Note the milliseconds of each part of the work."""
        self.queue = timings.queue
        self.fetch = timings.fetch
        self.decode = timings.decode
        self.transform = timings.transform
        self.encode = timings.encode
        self.shared = timings.shared

    def age(self) -> float:
        """Give the seconds since the request began."""
        return time.perf_counter() - self.started

    def ends(self, status: int) -> None:
        """Note the status, and the milliseconds since the request began."""
        self.status = status
        self.total = (time.perf_counter() - self.started) * 1000

    def _outdated(self, stale: Staleness) -> None:
        self.stale = round(stale.seconds, 3)
        if stale.failure:
            self.failed(stale.failure)

    def _picture(self, picture: Picture) -> None:
        self.bytes_in = picture.origin_bytes
        self.bytes_out = len(picture.data)
        self.width = picture.width
        self.height = picture.height
        self.format_in = picture.origin_format.value
        self.format_out = picture.kind
        self.credentials = picture.credentials
        self.ignored = picture.ignored


RECORD = web.RequestKey("RECORD", RequestRecord)
"""Where a handler finds its record: `request[RECORD]`."""


def public_source(source: SourceRef) -> str:
    """Give a source's URL as logs may show it: no credentials, and no query, which may hold tokens.

    >>> public_source(SourceRef(scheme="https", location="user:word@example.com/cat.jpg?token=1"))
    'https://example.com/cat.jpg'
    """
    if source.scheme not in _OPEN_SCHEMES:
        return source.url
    location = source.location.partition("?")[0].partition("#")[0]
    host, slash, path = location.partition("/")
    return f"{source.scheme}://{host.rpartition('@')[2]}{slash}{path}"


def trace_id(traceparent: str) -> str:
    """Give the trace id of a `traceparent` header (W3C Trace Context §3.2), blank if it has none that is valid."""
    match = _TRACEPARENT.fullmatch(traceparent)
    return match[1] if match and match[1] != _NO_TRACE and traceparent[:2] != "ff" else ""
