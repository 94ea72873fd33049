"""Conditional requests, decided on plain values (RFC 9110 §13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

from aiohttp import hdrs

from imgproxy_py.stores.conditions import any_tag_matches, read_date

_ENTITY_TAG = re.compile(r'(?:W/)?"[^"]*"')


class Verdict(Enum):
    """What a conditional request comes to."""

    SEND = "send the picture"
    NOT_MODIFIED = "the client's copy is good: 304"
    FAILED = "the client's precondition does not hold: 412"


def verdict(headers: Mapping[str, str], etag: str, modified_at: float | None) -> Verdict:
    """Decide a `GET` or `HEAD` for a picture with this strong entity tag and time of change (RFC 9110 §13.2.2).

    Either may be missing: a blank entity tag is matched by `*` alone, without a time the conditions on it are ignored.
    """
    if (wanted := headers.get(hdrs.IF_MATCH)) is not None:
        if not _matches_strongly(wanted, etag):
            return Verdict.FAILED
    elif _is_later(modified_at, read_date(headers.get(hdrs.IF_UNMODIFIED_SINCE, ""))):
        return Verdict.FAILED
    if (known := headers.get(hdrs.IF_NONE_MATCH)) is not None:
        return Verdict.NOT_MODIFIED if any_tag_matches(known, etag) else Verdict.SEND
    moment = read_date(headers.get(hdrs.IF_MODIFIED_SINCE, ""))
    if moment is not None and modified_at is not None and int(modified_at) <= moment:
        return Verdict.NOT_MODIFIED
    return Verdict.SEND


def asks_for_news(headers: Mapping[str, str]) -> bool:
    """Tell whether a request may come to a 304 by validators alone, before there is a picture.

    Not with `*`, which asks whether there is a picture at all, nor where a precondition comes first (RFC 9110 §13.2.2).
    """
    if hdrs.IF_MATCH in headers or hdrs.IF_UNMODIFIED_SINCE in headers:
        return False
    known = headers.get(hdrs.IF_NONE_MATCH)
    return hdrs.IF_MODIFIED_SINCE in headers if known is None else known.strip() != "*"


def asks_for_all(headers: Mapping[str, str]) -> bool:
    """Tell whether a request comes to a 200 or a 304, whatever there is: no part is asked for, and nothing can fail."""
    return not (hdrs.RANGE in headers or hdrs.IF_MATCH in headers or hdrs.IF_UNMODIFIED_SINCE in headers)


def _matches_strongly(header: str, etag: str) -> bool:
    return header.strip() == "*" or (bool(etag) and etag in _ENTITY_TAG.findall(header))


def _is_later(modified_at: float | None, moment: float | None) -> bool:
    return modified_at is not None and moment is not None and int(modified_at) > moment
