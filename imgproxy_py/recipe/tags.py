"""Cache tags: names by which a CDN can be told to forget pictures (delivery §2)."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from imgproxy_py.recipe.request import ImageRequest
from imgproxy_py.recipe.source import SourceRef

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_TAG = re.compile(r"[!-+\--~]{1,128}\Z")

MOST_TAGS = 32
"""How many tags a URL may give: so many of the longest fill half of the 8 KiB that proxies reserve for all headers."""


def is_tag(text: str) -> bool:
    """Tell whether a text can be a tag in every CDN's header: 1 to 128 visible ASCII characters without the comma."""
    return _TAG.match(text) is not None


def source_tag(source: SourceRef) -> str:
    """Give the tag of all pictures of one original, in every version of it."""
    return _tag_of(source.url)


@lru_cache(maxsize=256)  # a picture that is made asks for its tags several times
def _tag_of(url: str) -> str:
    return f"source-{hashlib.sha256(url.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"


def cache_tags(request: ImageRequest) -> tuple[str, ...]:
    """Give the tags of a picture, each once: its original, the presets its URL named, and those the URL gave itself."""
    presets = (f"preset-{_UNFIT.sub('-', name)}" for name in request.delivery.preset_names)
    return tuple(dict.fromkeys((source_tag(request.source), *presets, *request.delivery.cache_tags)))
