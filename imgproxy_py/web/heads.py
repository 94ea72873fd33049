"""The heads of answers that are given again and again, as bytes made once."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import hdrs
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http_writer import _serialize_headers

from imgproxy_py.delivery.question import Head

_GAP = secrets.token_hex(16)
_NOT_OURS = (hdrs.CONNECTION, hdrs.CONTENT_LENGTH, hdrs.DATE, hdrs.TRANSFER_ENCODING)


def laid_out(head: Head, length: int, common: Mapping[str, str]) -> tuple[bytes, ...]:
    """Give a head as aiohttp would send it for a picture of `length` bytes, in parts for `filled`.

    `common` are the headers of all answers. No part at all if the head meddles with how answers are framed. Raises
    `ValueError` for characters that no header may hold.
    """
    headers = head.headers.copy()
    if any(name in headers for name in _NOT_OURS):
        return ()
    if head.status == HTTPStatus.OK:
        headers[hdrs.CONTENT_LENGTH] = str(length)
    headers[hdrs.DATE] = _GAP
    headers.setdefault(hdrs.SERVER, "")
    headers.update(common)
    headers["X-Request-ID"] = _GAP
    status = HTTPStatus(head.status)
    return tuple(_serialize_headers(f"HTTP/1.1 {status.value} {status.phrase}", headers).split(_GAP.encode()))


def filled(parts: tuple[bytes, ...], request_id: str) -> bytes:
    """Give the head of one answer, with the date and the request's id."""
    before, between, after = parts
    return b"".join((before, rfc822_formatted_time().encode(), between, request_id.encode(), after))
