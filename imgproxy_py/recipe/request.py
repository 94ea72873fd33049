"""What a URL says: which original, what is to be made of it, and how the answer is delivered."""

from __future__ import annotations

from dataclasses import dataclass

from imgproxy_py.recipe.model import Recipe
from imgproxy_py.recipe.source import SourceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How the answer leaves; never part of a cache key.

    `filename` is the stem offered to browsers, `expires_at` Unix seconds, `raw` streams the original untouched,
    `preset_names` are the presets the URL named (for cache tags), `cache_tags` the tags it gives itself. `fallback` is
    what is shown when the original cannot be had. `bypass_cache` neither reads nor fills caches.
    """

    filename: str = ""
    attachment: bool | None = None
    expires_at: int | None = None
    cachebuster: str = ""
    raw: bool = False
    preset_names: tuple[str, ...] = ()
    cache_tags: tuple[str, ...] = ()
    fallback: SourceRef | None = None
    bypass_cache: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """What a dialect reads from a URL and writes back to one.

    `signature` is the text the URL carries; two requests are equal whatever their signatures are worth, so whether it
    holds is the dialect's `verify`, not a property of this value.
    """

    source: SourceRef
    recipe: Recipe = Recipe()
    delivery: Delivery = Delivery()
    signature: str = ""

    @property
    def private(self) -> bool:
        """Whether the original's server is told who asks, so that the answer is nobody else's."""
        return bool(self.source.passed)

    @property
    def past_caches(self) -> bool:
        """Whether the picture is neither looked for in caches nor kept there."""
        return self.delivery.bypass_cache or self.private

    @property
    def originals(self) -> tuple[SourceRef, ...]:
        """Every original that the request names: the one it is about, those of watermarks, and the fallback."""
        marks = tuple(one.watermark.source for one in self.recipe.stages if one.watermark and one.watermark.source)
        fallback = (self.delivery.fallback,) if self.delivery.fallback else ()
        return (self.source, *marks, *fallback)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHints:
    """What the client says of itself in headers: its pixel ratio 0 < dpr ≤ 8 and the width in pixels it lays out."""

    dpr: float | None = None
    width: int | None = None
