"""How the query dialect is set up."""

from __future__ import annotations

from dataclasses import dataclass, field

from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.recipe.formats import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryConfig:
    """The dialect's configuration.

    `images_source` is where the keys are: `s3://bucket/prefix` or `local:///prefix`. `max_side` bounds width and height,
    in pixels. `savable` are the formats that may be asked for. `shared` is the other dialect's configuration, of which
    keys, path prefix, presets and the values before anything was said hold here too.
    """

    images_source: str
    max_side: int = 8192
    savable: frozenset[Format] = frozenset({Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF, Format.GIF, Format.TIFF})
    shared: ImgproxyConfig = field(default_factory=ImgproxyConfig)
