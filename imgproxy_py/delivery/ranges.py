"""Byte ranges of finished pictures (RFC 9110 §14)."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,19})-([0-9]{0,19})\s*\Z", re.ASCII)


class Unsatisfiable(Exception):
    """The range begins beyond the picture's end."""


def requested_range(header: str | None, length: int) -> tuple[int, int] | None:
    """Give first and last byte (inclusive) of a single range, `None` if the whole is to be sent.

    Several ranges, other units and malformed headers are ignored, as RFC 9110 §14.2 permits. Raises `Unsatisfiable`.
    """
    match = _RANGE.match(header or "")
    if not match or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if not first:
        wanted = min(int(last), length)
        if not wanted:
            raise Unsatisfiable
        return length - wanted, length - 1
    if last and int(last) < int(first):
        return None
    if int(first) >= length:
        raise Unsatisfiable
    return int(first), min(int(last), length - 1) if last else length - 1
