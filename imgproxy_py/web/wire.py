"""One connection of a client, as aiohttp's protocol with our manners: counted, bounded, and polite to nonsense."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from imgproxy_py.web.middlewares import CONTENT_SECURITY_POLICY, fresh_id
from imgproxy_py.web.traffic import Traffic

_log = structlog.get_logger()
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nServer: imgproxy\r\nContent-Type: text/plain\r\nContent-Length: 17\r\n"
    b"Retry-After: 1\r\nCache-Control: no-store\r\nConnection: close\r\n\r\nToo many clients\n"
)


class Wire(web.RequestHandler):
    """A connection that counts itself in `traffic` and is refused when `max_clients` (0 = no limit) are there already."""

    __slots__ = ("_max_clients", "_traffic")

    def __init__(self, server: web.Server, traffic: Traffic, *, max_clients: int = 0, **options: Any) -> None:
        super().__init__(server, **options)
        self._traffic = traffic
        self._max_clients = max_clients

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, or say that there are too many."""
        self._traffic.connections += 1
        super().connection_made(transport)
        if 0 < self._max_clients < self._traffic.connections and self.transport:
            self.transport.write(_FULL)
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Count the connection no more."""
        self._traffic.connections -= 1
        super().connection_lost(exc)

    @property
    def idle(self) -> bool:
        """Whether no request is being answered or waits here."""
        return not self._request_in_progress and not self._messages

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or is too long, without telling what we are made of; closes the connection."""
        if isinstance(exc, LineTooLong):
            status = 414 if exc.args[1] == self.max_line_size else 431
        _log.debug("request_malformed", status=status, reason=type(exc).__name__, remote=request.remote)
        if status >= 500 and not isinstance(exc, ConnectionError):  # a client who left has a line of his own
            _log.error("request_failed", exc_info=exc)
        response = web.Response(
            status=status,
            body=b"Invalid URL" if status < 500 else b"Internal error",
            content_type="text/plain",
            headers={
                "Server": "imgproxy",
                "X-Request-ID": fresh_id(),
                "Content-Security-Policy": CONTENT_SECURITY_POLICY,
                "X-Content-Type-Options": "nosniff",
            },
        )
        response.force_close()
        return response
