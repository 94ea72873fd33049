"""The headers of an answer, from plain values (dialect §13.3, §13.4; delivery §2)."""

from __future__ import annotations

import re
from email.utils import formatdate
from math import ceil
from typing import Protocol
from urllib.parse import quote, unquote

from imgproxy_py.delivery.settings import OWN_TAGS_HEADER, TAG_SEPARATORS, DeliverySettings
from imgproxy_py.recipe.picture import Outcome, Picture, Rendered
from imgproxy_py.recipe.request import Delivery, ImageRequest
from imgproxy_py.recipe.source import SourceRef

_CACHE_STATUS = {
    Outcome.MEMORY: "imgproxy-py; hit; detail=memory",
    Outcome.REDIS: "imgproxy-py; hit; detail=redis",
    Outcome.STORED: "imgproxy-py; hit; detail=stored",
    Outcome.SHARED: "imgproxy-py; fwd=miss; collapsed",
    Outcome.MADE: "imgproxy-py; fwd=miss; stored",
    Outcome.BYPASSED: "imgproxy-py; fwd=bypass",
    Outcome.CONFIRMED: "imgproxy-py; fwd=stale; fwd-status=304; stored",
}
_FOR_ONE = re.compile(r"\b(private|no-store)\b", re.IGNORECASE)
_FOR_ALL = re.compile(r"(public|s-maxage|proxy-revalidate)\b", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_NAMELESS = "image"
_SHORTLY = (
    10  # seconds that a stale picture may be kept by others: a fresh one is on its way, or its server will be back
)
_EXTENSION = re.compile(r"\.[^.]*\Z")
_OPEN_SCHEMES = frozenset({"http", "https"})


def cache_status(rendered: Rendered) -> str:
    """Give `Cache-Status` (RFC 9211): where the answer came from."""
    if rendered.failure:
        return "imgproxy-py; fwd=miss; detail=fallback"
    if not rendered.picture.complete:
        return "imgproxy-py; fwd=miss"
    if rendered.stale:
        where = "fwd=stale; detail=stale-if-error" if rendered.stale.failure else f"hit; detail={rendered.outcome}"
        return f"imgproxy-py; {where}; ttl=-{max(1, ceil(rendered.stale.seconds))}"
    return _CACHE_STATUS[rendered.outcome]


class Lifespan(Protocol):
    """What is known of how long an answer is good: what its origin said, and whether it is whole."""

    @property
    def cache_control(self) -> str:
        """The origin's `Cache-Control`, verbatim."""
        ...

    @property
    def origin_expires_at(self) -> float | None:
        """The origin's `Expires` in Unix seconds."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the answer is whole."""
        ...


def cache_control(
    settings: DeliverySettings, delivery: Delivery, origin: Lifespan | None, now: float, *, private: bool = False
) -> str:
    """Give `Cache-Control`: never longer than the URL lives (dialect §13.4, §16 Q3), blank if only the origin knows.

    `origin` is `None` when only a picture's entity tag is known; `now` is in Unix seconds. A `private` answer is for none
    but the client, whatever its origin allows.
    """
    if _is_ours(settings, delivery, origin):
        return ", ".join(_directives(settings, delivery, now, private)) or "no-cache"
    if origin is None:
        return ""
    return _origins(origin, now, private) if origin.complete else "no-store"


def _is_ours(settings: DeliverySettings, delivery: Delivery, origin: Lifespan | None) -> bool:
    """Tell whether it is for us to say how long an answer may be kept: not of what is not whole, nor against its origin."""
    if origin is not None and not origin.complete:
        return False
    if delivery.expires_at or not settings.cache_control_passthrough:
        return True
    return origin is not None and not origin.cache_control and origin.origin_expires_at is None


def _origins(origin: Lifespan, now: float, private: bool) -> str:
    expires_at = origin.origin_expires_at or now
    said = sendable(origin.cache_control) or f"max-age={max(0, int(expires_at - now))}, public"
    if not private or _FOR_ONE.search(said):
        return said
    return ", ".join([*(one for one in map(str.strip, said.split(",")) if not _FOR_ALL.match(one)), "private"])


def sendable(value: str) -> str:
    """Give a foreign header's value without what no header may hold: control characters, and bytes that are no UTF-8."""
    return _UNSENDABLE.sub("", value)


def lifetime(longest: int, delivery: Delivery, now: float) -> int:
    """Give the seconds that an answer may be kept: at most `longest`, and not beyond the URL's expiry."""
    if not delivery.expires_at:
        return longest
    return max(0, min(longest, int(delivery.expires_at - now)))


def is_timeless(delivery: Delivery, picture: Picture) -> bool:
    """Tell whether the headers of a picture's answers are the same at all times: nothing in them ends at a moment."""
    return not delivery.expires_at and picture.origin_expires_at is None


def _directives(settings: DeliverySettings, delivery: Delivery, now: float, private: bool) -> list[str]:
    age, shared_age = lifetime(settings.ttl, delivery, now), lifetime(settings.cdn_ttl, delivery, now)
    if private:
        return [f"max-age={age}", "private"] if age else ["no-cache", "private"]
    if not age and not shared_age:
        return []
    directives = [f"max-age={age}", "public"]
    if shared_age:
        directives.append(f"s-maxage={shared_age}")
    if settings.stale_while_revalidate and not delivery.expires_at:
        directives.append(f"stale-while-revalidate={settings.stale_while_revalidate}")
    if settings.stale_if_error and not delivery.expires_at:
        directives.append(f"stale-if-error={settings.stale_if_error}")
    if delivery.cachebuster and not delivery.expires_at:
        directives.append("immutable")
    return directives


def cdn_headers(
    settings: DeliverySettings, delivery: Delivery, origin: Lifespan | None, now: float, *, private: bool = False
) -> dict[str, str]:
    """Give the headers that tell a CDN alone how long to keep an answer (RFC 9213), none unless switched on.

    CDNs heed them instead of `Cache-Control`, so where that is not ours, or private, they are not sent.
    """
    if private or not settings.cdn_cache_control or not _is_ours(settings, delivery, origin):
        return {}
    age = f"max-age={lifetime(settings.cdn_ttl or settings.ttl, delivery, now)}"
    return {"CDN-Cache-Control": age, "Surrogate-Control": age}


def stale_caching(
    settings: DeliverySettings, delivery: Delivery, origin: Lifespan, age: float, now: float
) -> dict[str, str]:
    """Give the caching headers that a stale picture has instead of a fresh one's: `Age`, and so much time more.

    Its age counts against every lifetime (RFC 9111 §4.2), so what is ours to say ends shortly after now.
    """
    told = {"Age": str(int(age))}
    if not _is_ours(settings, delivery, origin):
        return told
    longer = lifetime(min(settings.ttl, _SHORTLY), delivery, now)
    longer_shared = lifetime(min(settings.cdn_ttl or settings.ttl, _SHORTLY), delivery, now)
    if not longer and not longer_shared:
        return told | {"Cache-Control": "no-cache"}
    directives = [f"max-age={int(age) + longer if longer else 0}", "public"]
    if longer_shared != longer:
        directives.append(f"s-maxage={int(age) + longer_shared}")
    for_cdns = f"max-age={int(age) + longer_shared}"
    cdn = {"CDN-Cache-Control": for_cdns, "Surrogate-Control": for_cdns} if settings.cdn_cache_control else {}
    return told | {"Cache-Control": ", ".join(directives)} | cdn


def content_disposition(request: ImageRequest, extension: str, *, attached_by_default: bool) -> str:
    """Give `Content-Disposition` with a file name whose extension is the result's (RFC 6266, RFC 8187)."""
    delivery = request.delivery
    attached = attached_by_default if delivery.attachment is None else delivery.attachment
    name = (_CONTROLS.sub("", delivery.filename or source_stem(request.source)) or _NAMELESS) + extension
    kind = "attachment" if attached else "inline"
    plain = name.encode("ascii", "replace").decode().replace("\\", "_").replace('"', "%22")
    if name.isascii():
        return f'{kind}; filename="{plain}"'
    encoded = quote(name, safe="", errors="replace")
    return f"{kind}; filename=\"{plain.replace('?', '_')}\"; filename*=UTF-8''{encoded}"


def source_stem(source: SourceRef) -> str:
    """Give the last part of a source's path without its extension, `image` if there is none (dialect §16 Q9)."""
    path = source.location
    if source.scheme in _OPEN_SCHEMES:
        path = unquote(path.partition("?")[0].partition("#")[0].partition("/")[2])
    last = path.rpartition("/")[2]
    return _EXTENSION.sub("", last) or _NAMELESS


class Validated(Protocol):
    """What tells one state of an answer from another."""

    @property
    def etag(self) -> str:
        """The entity tag, quotes included, blank for none."""
        ...

    @property
    def modified_at(self) -> float | None:
        """The time of change in Unix seconds."""
        ...


def validators(settings: DeliverySettings, picture: Validated) -> dict[str, str]:
    """Give `ETag` and `Last-Modified`, as far as they are known and switched on."""
    headers = {}
    if settings.use_etag and picture.etag:
        headers["ETag"] = picture.etag
    modified_at = modified(settings, picture)
    if modified_at is not None:
        headers["Last-Modified"] = formatdate(modified_at, usegmt=True)
    return headers


def modified(settings: DeliverySettings, picture: Validated) -> float | None:
    """Give the time that `Last-Modified` tells, in Unix seconds: the original's, not before the configured floor."""
    if not settings.use_last_modified or picture.modified_at is None:
        return None
    return max(picture.modified_at, settings.modified_floor)


def canonical_link(settings: DeliverySettings, source: SourceRef) -> dict[str, str]:
    """Give the `Link` to the original, if switched on and the original has a public address."""
    if not settings.set_canonical_header or source.scheme not in _OPEN_SCHEMES:
        return {}
    url = quote(source.url, safe=_URL_SAFE, errors="surrogateescape")
    return {"Link": f'<{url}>; rel="canonical"'}


_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"


def debug_headers(settings: DeliverySettings, rendered: Rendered) -> dict[str, str]:
    """Give sizes, the fate of Content Credentials, an ignored option, and times of what was made just now, if switched on."""
    if not settings.enable_debug_headers:
        return {}
    picture, timings = rendered.picture, rendered.picture.timings
    headers = {
        "X-Origin-Content-Length": str(picture.origin_bytes),
        "X-Origin-Width": str(picture.origin_width),
        "X-Origin-Height": str(picture.origin_height),
        "X-Result-Width": str(picture.width),
        "X-Result-Height": str(picture.height),
    }
    if picture.credentials:
        headers["X-Content-Credentials"] = picture.credentials
    if picture.ignored:
        headers["X-Ignored-Option"] = picture.ignored
    if rendered.outcome is Outcome.MADE:
        parts = ("queue", "fetch", "decode", "transform", "encode")
        headers["Server-Timing"] = ", ".join(f"{part};dur={getattr(timings, part):.2f}" for part in parts)
    return headers


def tag_headers(names: tuple[str, ...], tags: tuple[str, ...]) -> dict[str, str]:
    """Give the headers that carry cache tags, each divided as its CDN reads it."""
    return {name: TAG_SEPARATORS[name.lower()].join(tags) for name in names}


def tags_told(settings: DeliverySettings, delivery: Delivery, tags: tuple[str, ...]) -> dict[str, str]:
    """Give the headers with the tags of a URL's answers, as configured.

    Tags that the URL gives itself are sent even where no header is configured: whoever wrote it wants them (dialect §5.6).
    """
    own = (OWN_TAGS_HEADER,) if delivery.cache_tags else ()
    return tag_headers(settings.cache_tag_headers or own, tags)


def fallback_caching(
    settings: DeliverySettings, ttl: int, delivery: Delivery, now: float, *, private: bool
) -> dict[str, str]:
    """Give the caching headers of an answer with a fallback image: `ttl` seconds at most, however long pictures live."""
    age = f"max-age={lifetime(ttl, delivery, now)}"
    if private:
        return {"Cache-Control": f"{age}, private"}
    told = {"Cache-Control": f"{age}, public"}
    return told | ({"CDN-Cache-Control": age, "Surrogate-Control": age} if settings.cdn_cache_control else {})
