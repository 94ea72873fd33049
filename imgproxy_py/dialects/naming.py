"""From the text that names an original to its `SourceRef`, one for each original however it is spelled."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from imgproxy_py.errors import BadRequest
from imgproxy_py.recipe.source import SourceRef

HTTP_SCHEMES = frozenset({"http", "https"})

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST_END = re.compile(r"[/?#]")
_BAD_HOST = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")
_NO_BYTE = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")
_WIRE = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=-]*\Z")
_TO_ESCAPE = re.compile(r"[^A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]|%(?![0-9A-Fa-f]{2})")


def name_source(text: str, query_separator: str = "") -> SourceRef:
    """Give the original that a text names (dialect §1.4).

    For object stores and local files `query_separator` ends the key, unless it is blank; what follows is the version
    where there are versions, and ignored elsewhere. A text without `scheme://` has the scheme "". Bytes that are no
    UTF-8 come as lone surrogates; only in the path and query of a URL do they mean something.
    Raises `BadRequest` for them elsewhere and for a host that cannot be one.
    """
    match = _SCHEME.match(text)
    if match is None:
        return SourceRef(scheme="", location=_legible(text))
    scheme, location = match[1].lower(), text[match.end() :]
    if scheme in HTTP_SCHEMES:
        return SourceRef(scheme=scheme, location=_wire(location))
    namer = _NAMERS.get(scheme, _verbatim)
    return namer(scheme, _legible(location), query_separator)


def _legible(text: str) -> str:
    if _NO_TEXT.search(text):
        raise BadRequest("The source is not UTF-8 without NUL")
    return text


def _wire(location: str) -> str:
    """Spell host, path and query as they go on the wire: no fragment, and escapes for what needs them."""
    if _WIRE.match(location):
        return location
    end = _HOST_END.search(location)
    at = end.start() if end else len(location)
    host, path = location[:at], location[at:].partition("#")[0]
    if _BAD_HOST.search(host) or _NO_BYTE.search(path):
        raise BadRequest("The source's address is malformed")
    return host + _TO_ESCAPE.sub(_escape, path)


def _escape(match: re.Match[str]) -> str:
    return quote(match[0], safe="", errors="surrogateescape")


def _cut(location: str, separator: str) -> tuple[str, str]:
    if not separator:
        return location, ""
    key, _, query = location.partition(separator)
    return key, query


def _versioned(scheme: str, location: str, separator: str) -> SourceRef:
    location, version = _cut(location, separator)
    return SourceRef(scheme=scheme, location=_bucket_and_key(location), version=version)


def _unversioned(scheme: str, location: str, separator: str) -> SourceRef:
    return SourceRef(scheme=scheme, location=_bucket_and_key(_cut(location, separator)[0]))


def _bucket_and_key(location: str) -> str:
    bucket, slash, key = location.partition("/")
    return bucket + slash + key.lstrip("/")


def _local(scheme: str, location: str, separator: str) -> SourceRef:
    return SourceRef(scheme=scheme, location="/" + _cut(location, separator)[0].lstrip("/"))


def _verbatim(scheme: str, location: str, separator: str) -> SourceRef:
    return SourceRef(scheme=scheme, location=location)


_NAMERS: dict[str, Callable[[str, str, str], SourceRef]] = {
    "local": _local,
    "s3": _versioned,
    "gs": _versioned,
    "abs": _unversioned,
    "swift": _unversioned,
}
