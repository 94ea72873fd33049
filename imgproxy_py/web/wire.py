"""One connection of a client, as aiohttp's protocol with our manners: counted, bounded, and polite to nonsense.

What a client may hold is bounded on every side: how long a request's head takes and how large it is, how many requests wait
in line (aiohttp: 32), how much of a body is read that nobody wants, and how long an answer waits to be taken. Requests whose
end or whose protocol others may see differently than we do are the last of their connection, so that nobody in front of us can
be led to take one client's answer for another's (RFC 9112 §11.2).
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import termios
from typing import Any, TypeGuard

import structlog
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.http_parser import RawRequestMessage

from imgproxy_py.web.middlewares import CONTENT_SECURITY_POLICY, fresh_id
from imgproxy_py.web.traffic import Traffic

HEAD_BYTES = 65536
"""The most that a request's target and header fields may have together; one field alone may have 8190 (aiohttp)."""

STEP_BYTES = 16384
"""What a client has to take of an answer within each `write_timeout`, to be given more time."""

_receive = web.RequestHandler.data_received
_TOO_MANY_FIELDS = "Too many headers"  # how aiohttp's parser says it; it has no class of its own
_log = structlog.get_logger()


def _refusal(status: str, body: bytes, *fields: str) -> bytes:
    """Give a whole answer that is sent past aiohttp."""
    lines = (
        f"HTTP/1.1 {status}",
        "Server: imgproxy",
        "Content-Type: text/plain",
        f"Content-Length: {len(body)}",
        *fields,
        "Cache-Control: no-store",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


_FULL = _refusal("503 Service Unavailable", b"Too many clients\n", "Retry-After: 1")
_HEAD_TOO_LARGE = _refusal("431 Request Header Fields Too Large", b"Invalid URL")


class Wire(web.RequestHandler):
    """A connection that counts itself in `traffic` and is refused when `max_clients` (0 = no limit) are there already.

    `read_timeout` are the seconds from a head's first byte to its last, `write_timeout` those in which a client has to take
    `STEP_BYTES` of an answer; it is cut off otherwise.
    """

    __slots__ = ("_head_bytes", "_max_clients", "_read_timeout", "_traffic", "_write_timeout", "_write_watch")

    def __init__(
        self,
        server: web.Server,
        traffic: Traffic,
        *,
        max_clients: int = 0,
        read_timeout: float = 10.0,
        write_timeout: float = 10.0,
        **options: Any,
    ) -> None:
        super().__init__(server, **options)
        self._traffic = traffic
        self._max_clients = max_clients
        self._read_timeout = read_timeout
        self._write_timeout = write_timeout
        self._head_bytes = 0
        self._write_watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, or say that there are too many."""
        self._traffic.connections += 1
        super().connection_made(transport)
        if self.transport:
            # Whatever the kernel does not take at once pauses us, so that the watch sees every answer that waits.
            self.transport.set_write_buffer_limits(high=0)
            if 0 < self._max_clients < self._traffic.connections:
                self._refuse(_FULL)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Count the connection no more."""
        self._traffic.connections -= 1
        self._stop_watching()
        super().connection_lost(exc)

    @property
    def idle(self) -> bool:
        """Whether no request is being answered or waits here."""
        return not self._request_in_progress and not self._messages

    # --- reading: heads that are slow, large, or not what they seem ----------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take what has come; a head that is not complete now has its time and its size."""
        _receive(self, data)
        messages = self._messages
        if messages:
            # Nearly always it is one plain request, whole: every microsecond here is one of each hit in memory.
            if len(messages) > 1 or self._head_bytes + len(data) > HEAD_BYTES or _ambiguous(messages[0][0]):
                self._check_heads()
            self._head_bytes = 0
        elif data and (self._waiter is not None or not self._request_count):  # it is a head's, not a body's
            self._head_goes_on(len(data))

    def _head_goes_on(self, length: int) -> None:
        if not self._head_bytes:
            self._close_unless_asked_within(self._read_timeout)
        self._head_bytes += length
        if self._head_bytes > HEAD_BYTES:
            self._refuse(_HEAD_TOO_LARGE)

    def _close_unless_asked_within(self, seconds: float) -> None:
        """Move the moment at which aiohttp closes a connection that no request comes from."""
        if self._keepalive_handle:
            self._keepalive_handle.cancel()
        self._next_keepalive_close_time = self._loop.time() + seconds
        self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)

    def _check_heads(self) -> None:
        """Refuse heads that are too large, and let ambiguous requests be the last of their connection."""
        for place, (message, payload) in enumerate(self._messages):
            if isinstance(message, RawRequestMessage) and _size(message) > HEAD_BYTES:
                self._messages.clear()
                self._refuse(_HEAD_TOO_LARGE)
                return
            if _ambiguous(message):
                self._messages[place] = (message._replace(should_close=True), payload)

    def _refuse(self, answer: bytes) -> None:
        if self.transport:
            self.transport.write(answer)
        self.force_close()

    # --- writing: answers that nobody takes ----------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """Begin to watch whether the client takes what waits for it."""
        super().pause_writing()
        if self.transport:
            self._watch(self.transport)

    def resume_writing(self) -> None:
        """Go on to write: the client has taken everything."""
        self._stop_watching()
        super().resume_writing()

    def _watch(self, transport: asyncio.Transport) -> None:
        self._write_watch = self._loop.call_later(
            self._write_timeout, self._cut_off_unless_taken, transport, _untaken(transport)
        )

    def _stop_watching(self) -> None:
        if self._write_watch:
            self._write_watch.cancel()
            self._write_watch = None

    def _cut_off_unless_taken(self, transport: asyncio.Transport, before: int) -> None:
        untaken = _untaken(transport)
        if before - untaken >= STEP_BYTES:
            self._watch(transport)
            return
        _log.debug("client_cut_off", untaken=untaken)
        transport.abort()

    # --- what is no HTTP -----------------------------------------------------------------------------------------------

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
        elif isinstance(exc, BadHttpMessage) and exc.message.startswith(_TOO_MANY_FIELDS):
            status = 431
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


def _ambiguous(message: object) -> TypeGuard[RawRequestMessage]:
    """Tell whether others may see the end of a request, or the protocol after it, differently than we do.

    Chunked bodies, not least in HTTP/1.0 or under further codings, offers of another protocol, and tunnels.
    """
    return type(message) is RawRequestMessage and (message.upgrade or message.chunked)


def _size(message: RawRequestMessage) -> int:
    """Give the bytes of a request's target and fields, separators included."""
    return len(message.path) + sum(len(name) + len(value) + 4 for name, value in message.raw_headers)


def _untaken(transport: asyncio.Transport) -> int:
    """Give the bytes that were sent and that the client's side has not acknowledged, in our buffer and in the kernel's.

    The kernel asks for more only when a third of its buffer is free, megabytes perhaps; its own count tells of slow
    clients who are nevertheless steady.
    """
    in_kernel = array.array("i", [0])
    with contextlib.suppress(OSError, ValueError):
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, in_kernel)
    return transport.get_write_buffer_size() + in_kernel[0]
