"""Conditional requests, decided on plain values (RFC 9110 §13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum

_ENTITY_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')


class Verdict(Enum):
    """What a conditional request comes to."""

    SEND = "send the picture"
    NOT_MODIFIED = "the client's copy is good: 304"
    FAILED = "the client's precondition does not hold: 412"


def verdict(headers: Mapping[str, str], etag: str, modified_at: float | None) -> Verdict:
    """Decide a `GET` or `HEAD` for a picture with this strong entity tag and time of change (RFC 9110 §13.2.2).

    Either may be missing: a blank entity tag is matched by `*` alone, without a time the conditions on it are ignored.
    """
    if (wanted := headers.get("If-Match")) is not None:
        if not _matches(wanted, etag, weak=False):
            return Verdict.FAILED
    elif _is_later(modified_at, _seconds(headers.get("If-Unmodified-Since"))):
        return Verdict.FAILED
    if (known := headers.get("If-None-Match")) is not None:
        return Verdict.NOT_MODIFIED if _matches(known, etag, weak=True) else Verdict.SEND
    moment = _seconds(headers.get("If-Modified-Since"))
    if moment is not None and modified_at is not None and int(modified_at) <= moment:
        return Verdict.NOT_MODIFIED
    return Verdict.SEND


def names(header: str, etag: str) -> bool:
    """Tell whether an `If-None-Match` header names the entity tag, by weak comparison."""
    return _matches(header, etag, weak=True)


def may_resume(if_range: str | None, etag: str, modified_at: float | None) -> bool:
    """Tell whether a `Range` may be honoured as far as `If-Range` is concerned (RFC 9110 §13.1.5)."""
    if if_range is None:
        return True
    if if_range.startswith('"'):
        return if_range == etag
    moment = _seconds(if_range)
    return moment is not None and modified_at is not None and int(modified_at) == moment


def _matches(header: str, etag: str, *, weak: bool) -> bool:
    if header.strip() == "*":
        return True
    if not etag:
        return False
    found = (match.group() for match in _ENTITY_TAG.finditer(header))
    return any((one.removeprefix("W/") if weak else one) == etag for one in found)


def _is_later(modified_at: float | None, moment: float | None) -> bool:
    return modified_at is not None and moment is not None and int(modified_at) > moment


def _seconds(header: str | None) -> float | None:
    if header is None:
        return None
    try:
        date = parsedate_to_datetime(header)
        # The old form of asctime names no zone; HTTP's dates are UTC all the same (RFC 9110 §5.6.7).
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
