"""Fastly: `POST /service/{id}/purge` with `Surrogate-Key`."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field, SecretStr

from imgproxy_py.edges.calling import Caller
from imgproxy_py.edges.port import batches

_AT_ONCE = 256


class FastlySettings(BaseModel):
    """Settings of purging Fastly."""

    purge_fastly_service: str = Field("", description="Fastly: the service's id; tags travel in `Surrogate-Key`.")
    purge_fastly_token: SecretStr = Field(
        SecretStr(""), description="Fastly: an API token with the scope `purge_select`."
    )
    purge_fastly_url: str = Field("https://api.fastly.com", description="Fastly: where its API is.")


class Fastly:
    """A service at Fastly."""

    def __init__(self, settings: FastlySettings, caller: Caller) -> None:
        self._settings = settings
        self._caller = caller

    @property
    def name(self) -> str:
        """The kind and the service's id."""
        return f"fastly {self._settings.purge_fastly_service}"

    async def forget(self, tags: Sequence[str]) -> str:
        """Purge by surrogate keys."""
        settings = self._settings
        url = f"{settings.purge_fastly_url.rstrip('/')}/service/{settings.purge_fastly_service}/purge"
        headers = {"Fastly-Key": settings.purge_fastly_token.get_secret_value(), "Accept": "application/json"}
        for some in batches(tags, _AT_ONCE):
            await self._caller.call("POST", url, {**headers, "Surrogate-Key": " ".join(some)})
        return "accepted"
