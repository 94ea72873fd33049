"""Headers that clients and origins send: Accept, hints, ranges, conditions, dates, trace contexts, origins' addresses."""

from __future__ import annotations

from collections.abc import Iterator

from imgproxy_py.delivery.conditional import asks_for_news, verdict
from imgproxy_py.delivery.headers import sendable
from imgproxy_py.errors import SourceError
from imgproxy_py.recipe.negotiation import client_hints, formats_in_accept
from imgproxy_py.recipe.picture import Validators
from imgproxy_py.sources.allowed import AllowedSources
from imgproxy_py.sources.guard import AddressGuard, read_address
from imgproxy_py.sources.http import read_url
from imgproxy_py.stores.conditions import (
    any_tag_matches,
    conditions,
    http_date,
    range_applies,
    ranges,
    read_date,
    unchanged,
)
from imgproxy_py.telemetry.record import trace_id

SECONDS, MEGABYTES, LONGEST = 5, 1000, 16384
WORDS = (
    *(
        b"image/avif",
        b"image/webp",
        b"*/*",
        b";q=0",
        b";q=0.5",
        b",",
        b"bytes=",
        b"0-",
        b"-1",
        b"-",
        b'W/"',
        b'"',
        b"*",
    ),
    *(b"Sun, 06 Nov 1994 08:49:37 GMT", b"GMT", b"+0000", b"Nov", b"9999", b"http://", b"[::1]", b"127.0.0.1", b"0x7f"),
    *(b"xn--", b"%00", b"%2e", b"..", b"@", b":80", b"\\", b"#", b"?", b"00-"),
)
ETAG, SIZE, NEWER = '"v1"', 1000, Validators(etag='"v1"', modified_at=784111777.0)
NAMES = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
ALLOWED = AllowedSources(("https://*.good.test/", "s3://bucket*/"))


def seeds() -> Iterator[bytes]:
    """Give an example of each header."""
    yield b"image/avif,image/webp;q=0.8,*/*;q=0.5"
    yield b"bytes=0-99,200-,-5"
    yield b'W/"a", "v1" , *'
    yield from (b"Sun, 06 Nov 1994 08:49:37 GMT", b"Sunday, 06-Nov-94 08:49:37 GMT", b"Sun Nov  6 08:49:37 1994")
    yield from (
        b"2.5",
        b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01",
        b"https://a.good.test:80/%7Ex?y#z",
        b"http://[::1]/",
    )


def judge(data: bytes) -> None:
    """Take the input for each of them."""
    text = data.decode("utf-8", "surrogateescape")
    formats_in_accept.__wrapped__(text)
    client_hints((("dpr", text), ("sec-ch-dpr", text), ("width", text), ("sec-ch-width", text)))
    trace_id(text)
    assert sendable(text).isprintable() or not text.isprintable()
    _ranges(text)
    _conditions(text)
    _addresses(data.decode("utf-8", "replace"))  # sources and redirects are text by then


def _ranges(text: str) -> None:
    for header in (text, f"bytes={text}"):
        for one in ranges(header, SIZE) or ():
            assert 0 <= one.first <= one.last < SIZE, one


def _conditions(text: str) -> None:
    for first in NAMES:
        asks_for_news({first: text})
        for second in NAMES:
            verdict({first: text, second: text}, ETAG, 784111777.0)
    any_tag_matches(text, ETAG)
    unchanged(NEWER, conditions(text, text))
    range_applies(text, NEWER)
    moment = read_date(text)
    if moment is not None and moment >= 0:
        assert read_date(http_date(moment)) == int(moment), text


def _addresses(text: str) -> None:
    read_address(text)
    AddressGuard().permits_host(text)
    ALLOWED.permit(text)
    for address in (text, f"http://{text}"):
        try:
            read_url(address)
        except SourceError:
            continue
