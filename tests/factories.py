"""Makers of values with good defaults: a case states only what differs."""

from __future__ import annotations

from functools import cache
from typing import Any

import pyvips

from imgproxy_py.caches.memory import MemoryCache, MemoryCacheSettings
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Output, Recipe, Resize, Stage
from imgproxy_py.recipe.picture import Original, Outcome, Picture, Rendered, Validators
from imgproxy_py.recipe.request import Delivery, ImageRequest
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.rendering.making import Maker
from imgproxy_py.rendering.marks import MarkOriginals

MODIFIED_AT = 784111777.0
"""Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples."""

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="20" height="10"/></svg>'


@cache
def jpeg(width: int = 64, height: int = 48) -> bytes:
    return _encoded(width, height, ".jpg")


@cache
def png(width: int = 64, height: int = 48) -> bytes:
    return _encoded(width, height, ".png")


def _encoded(width: int, height: int, ending: str) -> bytes:
    gradient = pyvips.Image.xyz(width, height) * (255 / max(width, height))
    rgb = gradient.bandjoin(128).cast("uchar").copy(interpretation="srgb")
    return bytes(rgb.write_to_buffer(ending))


def make_source(url: str = "s3://bucket/cat.jpg", version: str = "", hashsum: str = "") -> SourceRef:
    scheme, _, location = url.partition("://")
    return SourceRef(scheme=scheme, location=location, version=version, hashsum=hashsum)


def make_recipe(width: int = 0, height: int = 0, **output: Any) -> Recipe:
    return Recipe(stages=(Stage(resize=Resize(width=width, height=height)),), output=Output(**output))


def make_request(
    source: SourceRef | str = "s3://bucket/cat.jpg", recipe: Recipe | None = None, **delivery: Any
) -> ImageRequest:
    return ImageRequest(
        source=make_source(source) if isinstance(source, str) else source,
        recipe=recipe or make_recipe(width=16),
        delivery=Delivery(**delivery),
    )


def make_original(
    data: bytes | None = None, *, etag: str = '"v1"', modified_at: float | None = MODIFIED_AT, **given: Any
) -> Original:
    validators = Validators(etag=etag, modified_at=modified_at)
    return Original(data=jpeg() if data is None else data, media_type="image/jpeg", validators=validators, **given)


def make_picture(data: bytes = b"picture", **given: Any) -> Picture:
    defaults: dict[str, Any] = {
        "format": Format.JPEG,
        "width": 16,
        "height": 12,
        "origin_format": Format.PNG,
        "origin_width": 64,
        "origin_height": 48,
        "origin_bytes": 4096,
        "etag": '"tag"',
        "modified_at": MODIFIED_AT,
    }
    return Picture(data=data, **(defaults | given))


def make_rendered(outcome: Outcome = Outcome.MADE, **picture: Any) -> Rendered:
    return Rendered(picture=make_picture(**picture), outcome=outcome)


def make_memory_cache(**settings: Any) -> MemoryCache:
    return MemoryCache(MemoryCacheSettings(**settings))


def make_maker(sources: Any, pool: Any, transformer: Any, **given: Any) -> Maker:
    """A maker whose watermarks come from where its originals do."""
    return Maker(sources=sources, pool=pool, transformer=transformer, marks=MarkOriginals(sources), **given)
