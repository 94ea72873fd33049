"""Bunny: `POST /pullzone/{id}/purgeCache`, one tag a call."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field, SecretStr

from imgproxy_py.edges.calling import Caller


class BunnySettings(BaseModel):
    """Settings of purging Bunny."""

    purge_bunny_zone: str = Field("", description="Bunny: the pull zone's id; tags travel in `CDN-Tag`.")
    purge_bunny_key: SecretStr = Field(SecretStr(""), description="Bunny: the account's API key.")
    purge_bunny_url: str = Field("https://api.bunny.net", description="Bunny: where its API is.")


class Bunny:
    """A pull zone at Bunny."""

    def __init__(self, settings: BunnySettings, caller: Caller) -> None:
        self._settings = settings
        self._caller = caller

    @property
    def name(self) -> str:
        """The kind and the pull zone's id."""
        return f"bunny {self._settings.purge_bunny_zone}"

    async def forget(self, tags: Sequence[str]) -> str:
        """Purge tag after tag."""
        settings = self._settings
        url = f"{settings.purge_bunny_url.rstrip('/')}/pullzone/{settings.purge_bunny_zone}/purgeCache"
        headers = {"AccessKey": settings.purge_bunny_key.get_secret_value()}
        for tag in tags:
            await self._caller.post(url, headers, {"CacheTag": tag})
        return "accepted"
