"""Lists of what is to be asked for: lines of a text, a column of a CSV, sitemaps, compressed or not."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Final
from urllib.parse import urljoin, urlsplit

from imgproxy_py.warming.sitemap import MOST_BYTES as SITEMAP_BYTES
from imgproxy_py.warming.sitemap import read_sitemap

MOST_ENTRIES: Final = 1_000_000
MOST_BYTES: Final = 256 * 1024 * 1024
"""What a list may have uncompressed."""

MOST_SITEMAPS: Final = 1000
_DELIMITERS = ",;\t"

Load = Callable[[str], Awaitable[bytes]]
"""Gives the bytes at a URL or of a file; raises `ValueError` that says why it cannot."""


async def read_list(place: str, load: Load, *, column: str = "") -> list[str]:
    """Give the entries of a list, each once, in their order.

    What begins with `<` is a sitemap. With `column`, or where the name ends in `.csv` or `.tsv`, the entries are that column
    (`url` by default) below a line with names. Everything else is read line by line; blank ones and those that begin with `#`
    are comments. Raises `ValueError`.
    """
    data = gunzipped(await load(place), MOST_BYTES)
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        entries = await _of_sitemaps(place, data, load)
    elif column or place.lower().removesuffix(".gz").endswith((".csv", ".tsv")):
        entries = list(_of_table(_text(data), column or "url"))
    else:
        lines = (line.strip() for line in _text(data).splitlines())
        entries = [line for line in lines if line and not line.startswith("#")]
    return _bounded(list(dict.fromkeys(entries)))


def gunzipped(data: bytes, most: int) -> bytes:
    """Undo gzip if there is any; raises `ValueError` for what is damaged or becomes longer than `most`."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        plain = gzip.GzipFile(fileobj=io.BytesIO(data)).read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"damaged gzip: {error}") from None
    if len(plain) > most:
        raise ValueError(f"more than {most} bytes")
    return plain


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("no text in UTF-8") from None


def _of_table(text: str, column: str) -> Iterator[str]:
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = rows.fieldnames or ()
    if column not in names:
        raise ValueError(f"no column {column!r} among {', '.join(names)[:200]}")
    for row in rows:
        if entry := (row[column] or "").strip():
            yield entry


async def _of_sitemaps(place: str, data: bytes, load: Load) -> list[str]:
    """Read a sitemap and those it names, breadth first; a sitemap is read once."""
    entries: list[str] = []
    seen, waiting = {place}, [(place, data)]
    for at, content in waiting:  # grows while it is walked
        try:
            found = read_sitemap(gunzipped(content, SITEMAP_BYTES))
        except ValueError as error:
            raise ValueError(f"{at}: {error}") from None
        entries += found.urls
        _bounded(entries)
        for one in found.sitemaps:
            url = _followed(at, one)
            if url in seen:
                continue
            seen.add(url)
            if len(seen) > MOST_SITEMAPS:
                raise ValueError(f"more than {MOST_SITEMAPS} sitemaps")
            waiting.append((url, await load(url)))
    return entries


def _followed(place: str, url: str) -> str:
    """Give the URL of a sitemap that another one names; it is on the web, and on the same host if the other one is."""
    ours = urlsplit(place)
    target = urljoin(place, url) if ours.scheme in ("http", "https") else url
    theirs = urlsplit(target)
    if theirs.scheme not in ("http", "https"):
        raise ValueError(f"{place}: a sitemap at {url[:200]!r}, expected an http or https URL")
    if ours.scheme in ("http", "https") and ours.netloc.lower() != theirs.netloc.lower():
        raise ValueError(f"{place}: a sitemap at another host, {theirs.netloc[:100]!r}")
    return target


def _bounded(entries: list[str]) -> list[str]:
    if len(entries) > MOST_ENTRIES:
        raise ValueError(f"more than {MOST_ENTRIES} entries; divide the list")
    return entries
