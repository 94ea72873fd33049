"""Headers between callers and the servers of originals: what the operator adds, and what he lets through.

What a caller sends along makes the answer his: the server may look at it. So nothing is passed on unless it is named
here, it goes to the server that the URL names and to no other one (redirects included), and such answers go past all
caches of ours and are `private` to those in between (RFC 9111 §5.2.2.7).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationInfo, field_validator

from imgproxy_py.kinds import Flag, Texts
from imgproxy_py.recipe.source import SourceRef

Headers = tuple[tuple[str, str], ...]
"""Pairs of lower-case name and value."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\ud7ff\ue000-\U0010ffff]*\Z")
_OPEN_SCHEMES = frozenset({"http", "https"})
_PORTS = {"http": 80, "https": 443}

_PER_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade", "content-length", "expect"}
)
_ASKED_BY_US = frozenset({"accept-encoding", "if-match", "if-modified-since", "if-none-match", "if-range"}) | {
    "if-unmodified-since",
    "range",
}
_SAID_BY_US = frozenset(
    {"accept-ranges", "age", "cache-control", "cache-status", "cdn-cache-control", "content-disposition", "date"}
    | {"content-encoding", "content-range", "content-security-policy", "content-type", "cross-origin-resource-policy"}
    | {"etag", "expires", "fallback-image", "last-modified", "link", "server", "server-timing", "set-cookie"}
    | {"surrogate-control", "vary", "x-content-type-options", "x-request-id"}
)


def _base_url(text: str) -> str:
    if text and (urlsplit(text).scheme not in _OPEN_SCHEMES or not urlsplit(text).hostname):
        raise ValueError("an http or https URL")
    return text


class PassingSettings(BaseModel):
    """Headers to and from the servers of `http` and `https` originals."""

    cookie_passthrough: Flag = Field(
        default=False, description="Send callers' cookies on to originals that lie where the cookies apply."
    )
    cookie_base_url: Annotated[str, AfterValidator(_base_url)] = Field(
        default="",
        description="URL whose cookies callers send; blank for this service's own, by `X-Forwarded-Host`, `-Port` and "
        "`-Scheme`, or `Host`.",
    )
    cookie_passthrough_all: Flag = Field(
        default=False,
        description="Send callers' cookies to whatever server a URL names. Never where URLs are not signed.",
    )
    request_headers_passthrough: Texts = Field(
        default=(), description="Headers of callers that are sent on to the servers of originals, divided by commas."
    )
    response_headers_passthrough: Texts = Field(
        default=(), description="Headers of originals' servers that answers have as well, divided by commas."
    )
    custom_headers_separator: Annotated[str, Field(min_length=1)] = Field(
        default="\\;", description="What divides the headers of the next two."
    )
    custom_request_headers: SecretStr = Field(
        default=SecretStr(""), description="Headers sent to the servers of originals: `Name=value\\;Name=value`."
    )
    custom_response_headers: str = Field(
        default="", description="Headers that every answer with a picture has: `Name=value\\;Name=value`."
    )

    @field_validator("request_headers_passthrough")
    @classmethod
    def _may_be_asked(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _names(names, _PER_CONNECTION | _ASKED_BY_US)

    @field_validator("response_headers_passthrough")
    @classmethod
    def _may_be_said(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _names(names, _PER_CONNECTION | _SAID_BY_US)

    @field_validator("custom_request_headers")
    @classmethod
    def _are_sendable(cls, text: SecretStr, info: ValidationInfo) -> SecretStr:
        _pairs(text.get_secret_value(), info.data.get("custom_headers_separator", ""), _PER_CONNECTION | _ASKED_BY_US)
        return text

    @field_validator("custom_response_headers")
    @classmethod
    def _are_answerable(cls, text: str, info: ValidationInfo) -> str:
        _pairs(text, info.data.get("custom_headers_separator", ""), _PER_CONNECTION | _SAID_BY_US)
        return text

    def request_headers(self) -> Headers:
        """Give the headers that the servers of originals get."""
        return _pairs(self.custom_request_headers.get_secret_value(), self.custom_headers_separator)

    def response_headers(self) -> Headers:
        """Give the headers that answers with a picture have."""
        return _pairs(self.custom_response_headers, self.custom_headers_separator)


class Passing:
    """Says which headers of a caller the server of an original gets.

    `withheld` are names that stay here whatever is configured: what speaks to this service itself.
    """

    def __init__(self, settings: PassingSettings, *, withheld: frozenset[str] = frozenset()) -> None:
        self._names = tuple(name for name in settings.request_headers_passthrough if name not in withheld)
        self._cookies = settings.cookie_passthrough
        self._everywhere = settings.cookie_passthrough_all
        self._base = settings.cookie_base_url

    def __repr__(self) -> str:
        return f"<Passing: {', '.join((*self._names, *(('cookies',) if self._cookies else ())))}>"

    def __bool__(self) -> bool:
        return bool(self._names) or self._cookies

    def heeded(self, source: SourceRef, headers: Mapping[str, str], scheme: str) -> tuple[str, ...]:
        """Give the names of the headers that an original's server would get, sent or not: what answers vary by.

        `headers` are a request's, found whatever the case of their names; `scheme` is the one it came by.
        """
        if source.scheme not in _OPEN_SCHEMES:
            return ()
        applies = self._cookies and (self._everywhere or cookies_apply(self._base or _own(headers, scheme), source.url))
        return (*self._names, "cookie") if applies and "cookie" not in self._names else self._names


def passed(names: tuple[str, ...], headers: Mapping[str, str]) -> Headers:
    """Give those of a request's headers that have these names."""
    return tuple((name, headers[name]) for name in names if name in headers)


def cookies_apply(base: str, url: str) -> bool:
    """Tell whether cookies of one URL belong to another one.

    A `Cookie` header does not say where its cookies come from, so the narrowest scope is assumed: the same scheme, host and
    port, and a path below the base's folder (RFC 6265 §5.1.4).
    """
    ours, theirs = urlsplit(base), urlsplit(url)
    try:
        if _origin(ours.scheme, ours.hostname, ours.port) != _origin(theirs.scheme, theirs.hostname, theirs.port):
            return False
    except ValueError:  # a port that is none
        return False
    folder = ours.path.rpartition("/")[0] + "/"
    return (theirs.path or "/").startswith(folder) and ".." not in unquote(theirs.path)


def _origin(scheme: str, host: str | None, port: int | None) -> tuple[str, str, int | None]:
    return scheme, (host or "").lower(), port or _PORTS.get(scheme)


def _own(headers: Mapping[str, str], scheme: str) -> str:
    host = headers.get("x-forwarded-host") or headers.get("host", "")
    port = headers.get("x-forwarded-port", "")
    if port and not re.search(r":\d+\Z", host):
        host = f"{host}:{port}"
    return f"{headers.get('x-forwarded-scheme') or headers.get('x-forwarded-proto') or scheme}://{host}/"


def _names(names: tuple[str, ...], refused: frozenset[str]) -> tuple[str, ...]:
    lower = tuple(dict.fromkeys(name.lower() for name in names))
    if wrong := [name for name in lower if not _TOKEN.match(name) or name in refused]:
        raise ValueError(f"names of headers that are not ours to say or of the connection, not {', '.join(wrong)}")
    return lower


def _pairs(text: str, separator: str, refused: frozenset[str] = frozenset()) -> Headers:
    parts = [part.partition("=") for part in text.split(separator) if part.strip()] if separator else []
    pairs = tuple((name.strip().lower(), value.strip()) for name, _, value in parts)
    _names(tuple(name for name, _ in pairs), refused)
    if not all(equals and _VALUE.match(value) for (_, equals, _), (_, value) in zip(parts, pairs, strict=True)):
        raise ValueError("Name=value, divided by the separator")
    return pairs
