"""Preconditions and ranges of RFC 9110 as plain functions, for what is read from stores."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime

from imgproxy_py.recipe.picture import Validators
from imgproxy_py.stores.port import ByteRange

_TAG = re.compile(r'(?:W/)?"[^"]*"')
_RANGE = re.compile(r"\s*(?:(\d{1,19})\s*-\s*(\d{1,19})?|-\s*(\d{1,19}))\s*\Z", re.ASCII)


def http_date(seconds: float) -> str:
    """Write Unix seconds as an HTTP date (RFC 9110 §5.6.7); fractions are cut off."""
    return formatdate(int(seconds), usegmt=True)


def read_date(text: str) -> float | None:
    """Read an HTTP date as Unix seconds, `None` if it is none."""
    if not text:
        return None  # at once: a header that is not there is the usual case, and finding out by an error takes 5 µs
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    # A date without a zone, as asctime writes them, is in UTC, not where this server stands (RFC 9110 §5.6.7).
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def any_tag_matches(header: str, etag: str) -> bool:
    """Tell whether a list of entity tags (or `*`) names this one, by weak comparison (RFC 9110 §8.8.3.2)."""
    if (
        header == etag != "" or header.strip() == "*"
    ):  # the former at once: who asks for news has had one answer, as a rule
        return True
    return bool(etag) and _opaque(etag) in map(_opaque, _TAG.findall(header))


def unchanged(now: Validators, unless: Validators) -> bool:
    """Tell whether `unless` still describes what is there; an entity tag, if given, decides alone (§13.2.2)."""
    if unless.etag:
        return any_tag_matches(unless.etag, now.etag)
    if unless.modified_at is None or now.modified_at is None:
        return False
    return int(now.modified_at) <= unless.modified_at


def conditions(if_none_match: str, if_modified_since: str) -> Validators:
    """Give the two headers' content as validators to compare with; a date that is none is ignored (§13.1.3)."""
    return Validators(etag=if_none_match.strip(), modified_at=read_date(if_modified_since))


def range_applies(if_range: str, now: Validators) -> bool:
    """Tell whether `If-Range` lets a range be served: blank, the same strong tag, or the exact date (§13.1.5)."""
    wanted = if_range.strip()
    if not wanted:
        return True
    if wanted.endswith('"'):
        return wanted == now.etag and not wanted.startswith("W/")
    return now.modified_at is not None and read_date(wanted) == int(now.modified_at)


def ranges(header: str, size: int) -> tuple[ByteRange, ...] | None:
    """Resolve a `Range` header against a length in bytes (§14.1.2).

    `None`: there is no range, or none that is understood, and all is served. An empty tuple: no range lies within,
    which is 416.
    """
    unit, equals, specs = header.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    found = [_RANGE.match(spec) for spec in specs.split(",") if spec.strip()]
    if not found or any(one is None or _backwards(one) for one in found):
        return None
    return tuple(one for match in found if match and (one := _resolve(match, size)))


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/")


def _backwards(spec: re.Match[str]) -> bool:
    return bool(spec[2]) and int(spec[2]) < int(spec[1])


def _resolve(spec: re.Match[str], size: int) -> ByteRange | None:
    if spec[3] is not None:
        first, last = max(size - int(spec[3]), 0), size - 1
        return ByteRange(first=first, last=last) if int(spec[3]) and size else None
    first = int(spec[1])
    last = min(int(spec[2]) if spec[2] else size - 1, size - 1)
    return ByteRange(first=first, last=last) if first < size else None
