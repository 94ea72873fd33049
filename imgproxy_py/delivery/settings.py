"""What operators set of how pictures are delivered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, field_validator

from imgproxy_py.engine.settings import Formats
from imgproxy_py.kinds import Count, Flag, Texts
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.negotiation import Negotiation

_BEST_FIRST = (Format.JXL, Format.AVIF, Format.WEBP)


class DeliverySettings(BaseModel):
    """Negotiation, caching headers, file names (dialect §6.1, §13.3, §13.4; delivery §2, §4)."""

    auto_webp: Flag = Field(
        default=False, description="Answer WebP to clients that accept it when the URL names no format."
    )
    auto_avif: Flag = Field(
        default=False, description="Answer AVIF to clients that accept it when the URL names no format."
    )
    auto_jxl: Flag = Field(
        default=False,
        description="Answer JPEG XL to clients that accept it when the URL names no format and it can be written.",
    )
    enforce_webp: Flag = Field(
        default=False, description="Answer WebP to clients that accept it even when the URL names a format."
    )
    enforce_avif: Flag = Field(
        default=False, description="Answer AVIF to clients that accept it even when the URL names a format."
    )
    enforce_jxl: Flag = Field(
        default=False,
        description="Answer JPEG XL to clients that accept it even when the URL names a format and it can be written.",
    )
    negotiated_formats: Formats = Field(
        default=(Format.AVIF, Format.WEBP),
        description="Formats that `format=auto` of the query dialect chooses from, best first, by what the client accepts.",
    )
    enable_client_hints: Flag = Field(
        default=False,
        description="Take the default dpr and width from the Sec-CH-DPR, DPR, Sec-CH-Width and Width headers.",
    )
    ttl: Count = Field(
        default=31_536_000, description="How long answers may be kept by clients and CDNs, in seconds. 0 = `no-cache`."
    )
    cdn_ttl: Count = Field(
        default=0, description="`s-maxage`: how long CDNs may keep answers, in seconds. 0 = as clients."
    )
    cdn_cache_control: Flag = Field(
        default=False,
        description="Send the CDN's lifetime in `CDN-Cache-Control` (RFC 9213) and `Surrogate-Control` as well.",
    )
    stale_while_revalidate: Count = Field(
        default=0,
        description="`stale-while-revalidate` (RFC 5861) in seconds: what others are told, and for how long pictures are given "
        "while they are refreshed here. 0 = not.",
    )
    stale_if_error: Count = Field(
        default=0,
        description="`stale-if-error` (RFC 5861) in seconds: what others are told, and for how long pictures are given in "
        "place of an error here. 0 = not.",
    )
    cache_control_passthrough: Flag = Field(
        default=False,
        description="Send the origin's `Cache-Control`, or a lifetime from its `Expires`, when it has one.",
    )
    use_etag: Flag = Field(default=True, description="Send `ETag` and honour `If-None-Match` and `If-Match`.")
    etag_buster: str = Field(
        default="", description="Text mixed into every entity tag; a change makes all of them new."
    )
    use_last_modified: Flag = Field(default=True, description="Send `Last-Modified` and honour `If-Modified-Since`.")
    last_modified_buster: str = Field(
        default="", description="A time as in RFC 3339, before which no answer claims to have been modified."
    )
    set_canonical_header: Flag = Field(
        default=False, description='Send `Link: <source>; rel="canonical"` for http and https sources.'
    )
    enable_debug_headers: Flag = Field(
        default=False, description="Send the original's and the result's sizes as `X-` headers, and `Server-Timing`."
    )
    return_attachment: Flag = Field(default=False, description="Answer as attachments unless the URL says otherwise.")
    cache_tag_headers: Texts = Field(
        default=(),
        description="Headers that carry cache tags: Cache-Tag, Surrogate-Key, Edge-Cache-Tag, CDN-Tag, xkey; by default none.",
    )

    @field_validator("last_modified_buster")
    @classmethod
    def _is_a_time(cls, value: str) -> str:
        try:
            parsed = datetime.fromisoformat(value) if value else None
        except ValueError:
            parsed = None
        if value and (parsed is None or parsed.tzinfo is None):
            raise ValueError("a time with its zone as in RFC 3339, such as 2026-01-31T12:00:00Z")
        return value

    @field_validator("cache_tag_headers")
    @classmethod
    def _are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in value if name.lower() not in TAG_SEPARATORS]:
            raise ValueError(f"names of {' '.join(sorted(TAG_SEPARATORS))}, not {', '.join(unknown)}")
        return value

    @property
    def modified_floor(self) -> float:
        """The earliest time that `Last-Modified` may tell, in Unix seconds, 0 for any."""
        return datetime.fromisoformat(self.last_modified_buster).timestamp() if self.last_modified_buster else 0.0

    def switched_negotiation(self, savable: frozenset[Format]) -> Negotiation:
        """Give the negotiation that the switches `auto_…` and `enforce_…` make, among formats that can be written."""
        enforced = {one for one in _BEST_FIRST if self._switch("enforce", one)}
        automatic = {one for one in _BEST_FIRST if self._switch("auto", one)} | enforced
        return Negotiation(
            automatic=tuple(one for one in _BEST_FIRST if one in automatic & savable),
            enforced=tuple(one for one in _BEST_FIRST if one in enforced & savable),
        )

    def listed_negotiation(self, savable: frozenset[Format]) -> Negotiation:
        """Give the negotiation that `negotiated_formats` makes, among formats that can be written."""
        return Negotiation(automatic=tuple(one for one in self.negotiated_formats if one in savable))

    def _switch(self, kind: str, one: Format) -> Any:
        return getattr(self, f"{kind}_{one}")


TAG_SEPARATORS = {
    "cache-tag": ",",
    "surrogate-key": " ",
    "edge-cache-tag": ",",
    "cdn-tag": ",",
    "xkey": " ",
}
"""The headers in which CDNs read cache tags, and what divides the tags in each."""

OWN_TAGS_HEADER = "Cache-Tag"
"""The header for the tags that a URL gives, where none is configured."""
