"""A picture becomes an answer: 200, 206, 304, 412 and 416 in one place (delivery §2, §3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from weakref import ref

from aiohttp import hdrs, web
from multidict import CIMultiDict

from imgproxy_py.delivery.conditional import Verdict, asks_for_news, verdict
from imgproxy_py.delivery.headers import (
    Validated,
    cache_control,
    cache_status,
    canonical_link,
    cdn_headers,
    content_disposition,
    debug_headers,
    fallback_caching,
    is_timeless,
    modified,
    sendable,
    stale_caching,
    tags_told,
    validators,
)
from imgproxy_py.delivery.question import Head, Heads, Question
from imgproxy_py.delivery.settings import DeliverySettings
from imgproxy_py.errors import ImgproxyError, PreconditionFailed
from imgproxy_py.recipe.picture import Picture, Rendered, Staleness, Validators
from imgproxy_py.rendering.fallback import FallbackSettings
from imgproxy_py.stores.conditions import range_applies, ranges

_OPEN_TO_ALL = {"Accept-Ranges": "bytes", "Cross-Origin-Resource-Policy": "cross-origin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Responder:
    """Makes answers of pictures.

    `custom` are headers that every answer with a picture has, `returned` the lower-case names of those of origins that
    relayed originals keep. `status_of` gives the status with which the dialect answers
    an error; `clock` gives Unix seconds.
    """

    settings: DeliverySettings
    custom: Mapping[str, str] = field(default_factory=dict)
    returned: tuple[str, ...] = ()
    fallback: FallbackSettings = field(default_factory=FallbackSettings)
    status_of: Callable[[ImgproxyError], int] = lambda error: error.status
    clock: Callable[[], float] = time.time

    def answer(self, request: web.Request, question: Question, rendered: Rendered) -> web.Response:
        """Give the answer to a request for a picture; raises `PreconditionFailed`."""
        if rendered.failure:
            return self._instead(question, rendered, rendered.failure)
        picture, headers = rendered.picture, request.headers
        etag = picture.etag if self.settings.use_etag else ""
        modified_at = modified(self.settings, picture)
        match verdict(headers, etag, modified_at):
            case Verdict.FAILED:
                raise PreconditionFailed("the picture has another entity tag now")
            case Verdict.NOT_MODIFIED:
                return web.Response(status=304, headers=self._heads(question, rendered).kept.headers)
        ranged = "Range" in headers and request.method == "GET"  # no other method has ranges (RFC 9110 §14.2)
        if ranged and range_applies(headers.get("If-Range", ""), Validators(etag=etag, modified_at=modified_at)):
            return self._part(request, question, rendered)
        return web.Response(body=picture.data, headers=self._heads(question, rendered).whole.headers)

    def head(self, headers: Mapping[str, str], question: Question, rendered: Rendered) -> Head:
        """Give the head of the answer to a request that `asks_for_all` of a picture: of a 200, or of a 304."""
        heads = self._heads(question, rendered)
        known = headers.get(hdrs.IF_NONE_MATCH)
        if known is None and hdrs.IF_MODIFIED_SINCE not in headers:
            return heads.whole
        # A tag comes back as it was given, as a rule: then there is no more to decide, and a 304 costs no more than a 200.
        if known and known == heads.etag:
            return heads.kept
        return heads.kept if self.is_known(headers, rendered.picture) else heads.whole

    def heeds(self, headers: Mapping[str, str]) -> bool:
        """Tell whether a request may come to a 304 without a picture."""
        by_tag = "If-None-Match" in headers
        switched_on = self.settings.use_etag if by_tag else self.settings.use_last_modified
        return switched_on and asks_for_news(headers)

    def is_known(self, headers: Mapping[str, str], current: Validated) -> bool:
        """Tell whether the client has what these validators describe."""
        etag = current.etag if self.settings.use_etag else ""
        return verdict(headers, etag, modified(self.settings, current)) is Verdict.NOT_MODIFIED

    def not_modified(self, question: Question, current: Validators) -> web.Response:
        """Give the 304 for a picture that was not made, because its validators alone say that the client has it."""
        headers = self._cacheability(question, None) | validators(self.settings, current)
        return web.Response(status=304, headers=headers)

    def _instead(self, question: Question, rendered: Rendered, failure: ImgproxyError) -> web.Response:
        """Give the fallback: without validators and without parts, because it is not what was asked."""
        settings, delivery = self.settings, question.request.delivery
        headers = self._described(question, rendered)
        headers |= fallback_caching(
            settings,
            self.fallback.fallback_lifetime,
            delivery,
            self.clock(),
            private=question.request.private,
        )
        headers |= tags_told(settings, delivery, question.tags) | {"Fallback-Image": "1"}
        if question.vary:
            headers["Vary"] = question.vary
        status = self.fallback.fallback_image_http_code or self.status_of(failure)
        return web.Response(status=status, body=rendered.picture.data, headers=headers)

    def _part(self, request: web.Request, question: Question, rendered: Rendered) -> web.Response:
        data = rendered.picture.data
        headers = self._heads(question, rendered).whole.headers.copy()
        found = ranges(request.headers["Range"], len(data))
        if found == ():
            # A cache that does not look at the status would give it to those who ask for the whole.
            refusal = {"Cache-Control": "no-store", "Content-Range": f"bytes */{len(data)}"}
            return web.Response(status=416, headers=refusal)
        if found is None or len(found) > 1:  # several at once are not worth a multipart answer (RFC 9110 §14.2)
            return web.Response(body=data, headers=headers)
        (part,) = found
        headers["Content-Range"] = f"bytes {part.first}-{part.last}/{len(data)}"
        return web.Response(status=206, body=data[part.first : part.last + 1], headers=headers)

    def _heads(self, question: Question, rendered: Rendered) -> Heads:
        """Give the headers, those of the last answer if they hold for this one: working them out takes 20 µs."""
        picture = rendered.picture
        if rendered.stale is not None:
            return self._stale_heads(question, rendered, rendered.stale)
        heads = question.heads.get(picture.format)
        if heads is not None and heads.outcome is rendered.outcome and heads.picture() is picture:
            return heads
        kept = self._cacheability(question, picture) | validators(self.settings, picture)
        heads = self._headed(question, rendered, kept)
        if is_timeless(question.request.delivery, picture):
            question.heads[picture.format] = heads
        return heads

    def _stale_heads(self, question: Question, rendered: Rendered, stale: Staleness) -> Heads:
        """Give the headers of what is out of date, which hold for this moment only."""
        settings, delivery, picture = self.settings, question.request.delivery, rendered.picture
        briefly = stale_caching(settings, delivery, picture, stale.age, self.clock())
        kept = self._cacheability(question, picture) | briefly | validators(settings, picture)
        return self._headed(question, rendered, kept)

    def _headed(self, question: Question, rendered: Rendered, kept: Mapping[str, str]) -> Heads:
        return Heads(
            picture=ref(rendered.picture),
            outcome=rendered.outcome,
            etag=rendered.picture.etag if self.settings.use_etag else "",
            whole=Head(200, CIMultiDict(self._whole(question, rendered, kept))),
            kept=Head(304, CIMultiDict(kept)),
        )

    def _whole(self, question: Question, rendered: Rendered, kept: Mapping[str, str]) -> dict[str, str]:
        return {
            **self._described(question, rendered),
            **kept,
            **_OPEN_TO_ALL,
            **canonical_link(self.settings, question.request.source),
            **{name: sendable(value) for name, value in rendered.picture.headers},
        }

    def _described(self, question: Question, rendered: Rendered) -> dict[str, str]:
        settings, picture = self.settings, rendered.picture
        return {
            "Content-Type": picture.media_type,
            "Content-Disposition": content_disposition(
                question.request, picture.extension, attached_by_default=settings.return_attachment
            ),
            "Cache-Status": cache_status(rendered),
            **self.custom,
            **debug_headers(settings, rendered),
        }

    def _cacheability(self, question: Question, picture: Picture | None) -> dict[str, str]:
        settings, delivery, now = self.settings, question.request.delivery, self.clock()
        private = question.request.private
        headers = {
            "Cache-Control": cache_control(settings, delivery, picture, now, private=private),
            "Vary": question.vary,
            **cdn_headers(settings, delivery, picture, now, private=private),
            **tags_told(settings, delivery, question.tags),
        }
        return {name: value for name, value in headers.items() if value}
