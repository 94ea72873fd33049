"""Cache tags: names by which a CDN can be told to forget pictures (delivery §2)."""

from __future__ import annotations

import hashlib
import re

from imgproxy_py.recipe.request import ImageRequest
from imgproxy_py.recipe.source import SourceRef

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


def source_tag(source: SourceRef) -> str:
    """Give the tag of all pictures of one original, in every version of it."""
    return f"source-{hashlib.sha256(source.url.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"


def cache_tags(request: ImageRequest) -> tuple[str, ...]:
    """Give the tags of a picture: its original, and the presets its URL named."""
    presets = (f"preset-{_UNFIT.sub('-', name)}" for name in request.delivery.preset_names)
    return source_tag(request.source), *presets
