"""Varnish with the xkey module, as `deploy/cdn/varnish.vcl` sets it up."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field, SecretStr

from imgproxy_py.edges.calling import Caller, shortened
from imgproxy_py.edges.port import batches
from imgproxy_py.kinds import Texts

_AT_ONCE = 100


class VarnishSettings(BaseModel):
    """Settings of purging Varnish."""

    purge_varnish_urls: Texts = Field(
        (), description="Varnish: each server's own address, as `http://10.0.0.5:6081`; tags travel in `xkey`."
    )
    purge_varnish_secret: SecretStr = Field(
        SecretStr(""), description="Varnish: what it demands after `Authorization: Bearer`."
    )


class Varnish:
    """One server; those of a group are told each for itself."""

    def __init__(self, url: str, secret: str, caller: Caller) -> None:
        self._url = url.rstrip("/") + "/"
        self._secret = secret
        self._caller = caller

    @property
    def name(self) -> str:
        """The kind and the server's address."""
        return f"varnish {self._url.rstrip('/')}"

    async def forget(self, tags: Sequence[str]) -> str:
        """Purge by keys; Varnish says how many objects that were."""
        gone = 0
        for some in batches(tags, _AT_ONCE):
            headers = {"xkey-purge": " ".join(some), "Authorization": f"Bearer {self._secret}"}
            said = shortened(await self._caller.call("PURGE", self._url, headers))
            number = said.rpartition(" ")[2]
            gone += int(number) if number.isdecimal() else 0
        return f"{gone} objects"
