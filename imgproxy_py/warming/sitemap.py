"""Sitemaps (sitemaps.org, with the extension for images): which pages, pictures and further sitemaps one names.

They come from strangers: document types, and with them entities, are refused, nothing is loaded from elsewhere, and size and
depth are bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from lxml import etree

MOST_BYTES: Final = 50 * 1024 * 1024
"""What a sitemap may have uncompressed (sitemaps.org)."""

_DEEPEST = 16
_LONGEST_URL = 16_384
_ROOTS = ("urlset", "sitemapindex")


@dataclass(slots=True)
class Sitemap:
    """What a sitemap names, each list in its order: pictures (`image:loc`), pages (`loc`), and other sitemaps."""

    pictures: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)

    @property
    def urls(self) -> list[str]:
        """The pictures, or the pages of a sitemap that names no picture."""
        return self.pictures or self.pages


def read_sitemap(data: bytes) -> Sitemap:
    """Read a sitemap or an index of sitemaps; raises `ValueError` that says what is wrong with it."""
    if len(data) > MOST_BYTES:
        raise ValueError(f"a sitemap of more than {MOST_BYTES} bytes")
    reader = _Reader()
    options: Any = {
        "target": reader,
        "resolve_entities": False,
        "no_network": True,
        "load_dtd": False,
        "huge_tree": False,
    }
    parser = etree.XMLParser(**options, remove_comments=True)
    try:
        parser.feed(data)
        parser.close()
    except etree.XMLSyntaxError as error:
        raise ValueError(f"no XML: {error.msg}") from None
    return reader.found


class _Reader:
    """Hears of elements as they come, and keeps the texts of those it wants; namespaces are not looked at."""

    def __init__(self) -> None:
        self.found = Sitemap()
        self._path: list[str] = []
        self._text: list[str] | None = None
        self._kept = {
            ("url", "loc"): self.found.pages,
            ("image", "loc"): self.found.pictures,
            ("sitemap", "loc"): self.found.sitemaps,
        }

    def doctype(self, name: str | None, public: str | None, system: str | None) -> None:
        raise ValueError("a sitemap has no document type")

    def start(self, tag: str, attributes: object) -> None:
        name = tag.rpartition("}")[2]
        if not self._path and name not in _ROOTS:
            raise ValueError(f"{name[:50]!r} at the root, expected {' or '.join(_ROOTS)}")
        if len(self._path) >= _DEEPEST:
            raise ValueError("elements within elements, too deep for a sitemap")
        self._path.append(name)
        self._text = [] if tuple(self._path[-2:]) in self._kept else None

    def data(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def end(self, tag: str) -> None:
        if self._text is not None:
            url = "".join(self._text).strip()
            if len(url) > _LONGEST_URL:
                raise ValueError(f"a URL of more than {_LONGEST_URL} characters")
            if url:
                self._kept[self._path[-2], self._path[-1]].append(url)
            self._text = None
        self._path.pop()

    def close(self) -> None: ...
