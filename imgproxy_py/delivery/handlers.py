"""The doors for pictures, one a dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from aiohttp import hdrs, web
from multidict import MultiMapping

from imgproxy_py.deadline import Deadline
from imgproxy_py.delivery.clients import Clients, ClientSettings
from imgproxy_py.delivery.conditional import asks_for_all
from imgproxy_py.delivery.headers import sendable
from imgproxy_py.delivery.question import Head, Question, Reader, Variant
from imgproxy_py.delivery.raw import relay
from imgproxy_py.delivery.respond import Responder
from imgproxy_py.engine.rates import retry_after
from imgproxy_py.errors import LinkExpired, SourceError, TooLate
from imgproxy_py.recipe.negotiation import client_hints
from imgproxy_py.recipe.picture import Rendered, Validators
from imgproxy_py.recipe.request import ClientHints
from imgproxy_py.rendering.render import Renderer
from imgproxy_py.sources.passing import Passing, passed
from imgproxy_py.telemetry.record import RECORD, RequestRecord

_HINT_HEADERS = ("sec-ch-dpr", "dpr", "sec-ch-width", "width")


class Hit(NamedTuple):
    """An answer that is there already: its head, the picture it is about, and what logs tell of it."""

    head: Head
    rendered: Rendered
    source: str
    recipe: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Answers requests for pictures in one dialect, each within `timeout` seconds.

    `passing` says which of a caller's headers the originals' servers get, if any; `clients` tells whose turn a picture takes.
    """

    reader: Reader
    renderer: Renderer
    responder: Responder
    timeout: float
    passing: Passing | None = None
    clients: Clients = field(default_factory=lambda: Clients(ClientSettings()))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Read the URL, find or make the picture, answer.

        A picture in memory is answered without a task, a thread or a copy.
        """
        record = request[RECORD]
        now = self.responder.clock()
        hints = self._hints(request.headers)
        self._check_in_time(record)
        question = self.reader.read(request.raw_path, hints, now)
        if self.passing:
            question = _passing_on(self.passing, question, request)
        record.vary, record.source = question.vary, question.source
        if _is_over(question, now):
            raise LinkExpired("the URL's expiry time has passed")
        if question.request.delivery.raw:
            return await relay(request, question, self.renderer.maker.sources, self.responder, now)
        variant = self.reader.variant(question, _accept(request.headers))
        record.recipe = variant.digest
        rendered = None if question.request.past_caches else self.renderer.cached(variant.key, question.tags)
        if rendered is None:
            rendered = self.renderer.meanwhile(variant.request, variant.key)
        if rendered is None:
            deadline = Deadline.after(self.timeout - record.age(), self.clients.key(request))
            if known := await self._unchanged(request, variant, deadline):
                return self.responder.not_modified(question, known)
            rendered = await self.renderer.render(variant.request, variant.key, deadline)
        record.gives(rendered)
        return self.responder.answer(request, question, rendered)

    def _check_in_time(self, record: RequestRecord) -> None:
        """Raise `TooLate` for a request that has waited too long to be begun, because there were too many before it."""
        if record.age() > self.timeout:
            raise TooLate(retry_after=retry_after(self.timeout))

    def at_once(self, target: str, headers: MultiMapping[str]) -> Hit | None:
        """Give what `handle` would answer to a `GET` or `HEAD` of a picture in memory, its headers included.

        `None` for whatever takes more than looking up: unknown URLs, parts, preconditions, errors.
        """
        question = self.reader.known(target, self._hints(headers))
        if question is None or self.passing or not asks_for_all(headers):
            return None
        asked = question.request
        if asked.delivery.raw or asked.past_caches or _is_over(question, self.responder.clock()):
            return None
        variant = self.reader.variant(question, _accept(headers))
        rendered = self.renderer.cached(variant.key, question.tags)
        if rendered is None:
            return None
        return Hit(self.responder.head(headers, question, rendered), rendered, question.source, variant.digest)

    def _hints(self, headers: Mapping[str, str]) -> ClientHints | None:
        if not self.reader.hints:
            return None
        return client_hints((name, headers.get(name, "")) for name in _HINT_HEADERS)

    async def _unchanged(self, request: web.Request, variant: Variant, deadline: Deadline) -> Validators | None:
        """Give the picture's validators if by them the client has it, so that it needs not be made; `None` otherwise."""
        if not self.responder.heeds(request.headers):
            return None
        try:
            current = await self.renderer.current(variant.request, variant.key, deadline)
        except SourceError:
            return None  # whatever is wrong, fetching will say it
        return current if self.responder.is_known(request.headers, current) else None


def _passing_on(passing: Passing, question: Question, request: web.Request) -> Question:
    """Give the question as this caller asks it: with what his original's server is told of him, and what that varies."""
    source = question.request.source
    names = passing.heeded(source, request.headers, request.scheme)
    if not names:
        return question
    told = tuple((name, sendable(value)) for name, value in passed(names, request.headers))
    return replace(
        question,
        request=replace(question.request, source=replace(source, passed=told)),
        vary=", ".join([*filter(None, [question.vary]), *(name.title() for name in names)]),
        variants={},
        heads={},
    )


def _is_over(question: Question, now: float) -> bool:
    expires_at = question.request.delivery.expires_at
    return expires_at is not None and 0 < expires_at < now


def _accept(headers: MultiMapping[str]) -> str:
    return ", ".join(headers.getall(hdrs.ACCEPT, ()))
