"""Cloudflare: `POST /zones/{zone}/purge_cache` with tags."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field, SecretStr

from imgproxy_py.edges.calling import Caller
from imgproxy_py.edges.port import EdgeRefused, batches

_AT_ONCE = 30


class CloudflareSettings(BaseModel):
    """Settings of purging Cloudflare."""

    purge_cloudflare_zone: str = Field("", description="Cloudflare: the zone's id; tags travel in `Cache-Tag`.")
    purge_cloudflare_token: SecretStr = Field(
        SecretStr(""), description="Cloudflare: an API token with the permission Cache Purge."
    )
    purge_cloudflare_url: str = Field(
        "https://api.cloudflare.com/client/v4", description="Cloudflare: where its API is."
    )


class Cloudflare:
    """A zone at Cloudflare."""

    def __init__(self, settings: CloudflareSettings, caller: Caller) -> None:
        self._settings = settings
        self._caller = caller

    @property
    def name(self) -> str:
        """The kind and the zone's id."""
        return f"cloudflare {self._settings.purge_cloudflare_zone}"

    async def forget(self, tags: Sequence[str]) -> str:
        """Purge by cache tags; an answer may be 200 and still a refusal."""
        settings = self._settings
        url = f"{settings.purge_cloudflare_url.rstrip('/')}/zones/{settings.purge_cloudflare_zone}/purge_cache"
        headers = {"Authorization": f"Bearer {settings.purge_cloudflare_token.get_secret_value()}"}
        for some in batches(tags, _AT_ONCE):
            match await self._caller.post(url, headers, {"tags": some}):
                case {"success": True}:
                    pass
                case {"errors": [{"message": str(message)}, *_]}:
                    raise EdgeRefused(message)
                case _:
                    raise EdgeRefused("did not say that it succeeded")
        return "accepted"
