"""Which originals a text means that is no URL of this service: a source's URL, or a key of the query dialect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.imgproxy.source import SourceReader
from imgproxy_py.dialects.query import QueryConfig, QueryDialect
from imgproxy_py.dialects.query.dialect import MOUNT
from imgproxy_py.recipe.source import SourceRef


def named_originals(config: ImgproxyConfig, images_source: str, text: str) -> Iterator[SourceRef]:
    """Give the originals that a text names in URLs of the one dialect or of the other, as they name it.

    `images_source` is where the query dialect's keys are, blank for nowhere known. Raises `BadRequest`.
    """
    if "://" in text or config.base_url:
        yield SourceReader(config).named(text)
    if "://" not in text:
        root = images_source or ("" if config.base_url else "local:///")
        if root:
            dialect = QueryDialect(QueryConfig(images_source=root, shared=config))
            prefix = config.path_prefix.strip("/")
            target = f"{'/' + prefix if prefix else ''}{MOUNT}{quote(text.removeprefix('/'))}"
            yield dialect.read(dialect.split(target), now=0.0).source


def named_beginnings(config: ImgproxyConfig, images_source: str, text: str) -> Iterator[SourceRef]:
    """Give what the URLs of originals begin with, by such a beginning or that of a key; raises `BadRequest`."""
    folder = "://" not in text and text.endswith("/")  # a folder's name is no key
    for ref in named_originals(config, images_source, text.removesuffix("/") if folder else text):
        yield replace(ref, location=f"{ref.location}/") if folder else ref
