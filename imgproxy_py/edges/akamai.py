"""Akamai's Fast Purge: `POST /ccu/v3/invalidate/tag/{network}`, signed as EdgeGrid wants it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel, Field, SecretStr

from imgproxy_py.edges.calling import Caller
from imgproxy_py.edges.port import batches

_AT_ONCE = 100
_LONGEST_SIGNED = 131_072


class AkamaiSettings(BaseModel):
    """Settings of purging Akamai."""

    purge_akamai_url: str = Field(
        "",
        description="Akamai: the API client's host, as `https://akab-….luna.akamaiapis.net`; tags travel in `Edge-Cache-Tag`.",
    )
    purge_akamai_client_token: SecretStr = Field(SecretStr(""), description="Akamai: the API client's `client_token`.")
    purge_akamai_client_secret: SecretStr = Field(SecretStr(""), description="Akamai: its `client_secret`.")
    purge_akamai_access_token: SecretStr = Field(SecretStr(""), description="Akamai: its `access_token`.")
    purge_akamai_network: Literal["production", "staging"] = Field("production", description="Akamai: which network.")


class Akamai:
    """An API client at Akamai."""

    def __init__(self, settings: AkamaiSettings, caller: Caller) -> None:
        self._settings = settings
        self._caller = caller

    @property
    def name(self) -> str:
        """The kind, the host and the network."""
        return f"akamai {urlsplit(self._settings.purge_akamai_url).netloc} {self._settings.purge_akamai_network}"

    async def forget(self, tags: Sequence[str]) -> str:
        """Invalidate by cache tags: what is kept is asked for anew before it is served again."""
        settings = self._settings
        url = f"{settings.purge_akamai_url.rstrip('/')}/ccu/v3/invalidate/tag/{settings.purge_akamai_network}"
        for some in batches(tags, _AT_ONCE):
            body = orjson.dumps({"objects": some})
            stamp = f"{datetime.now(UTC):%Y%m%dT%H:%M:%S}+0000"
            headers = {
                "Content-Type": "application/json",
                "Authorization": authorization(settings, url, body, stamp, str(uuid.uuid4())),
            }
            await self._caller.call("POST", url, headers, body)
        return "accepted"


def authorization(settings: AkamaiSettings, url: str, body: bytes, stamp: str, nonce: str) -> str:
    """Sign a POST (EdgeGrid, EG1-HMAC-SHA256) that names no headers in its signature."""
    parts = urlsplit(url)
    head = (
        f"EG1-HMAC-SHA256 client_token={settings.purge_akamai_client_token.get_secret_value()};"
        f"access_token={settings.purge_akamai_access_token.get_secret_value()};timestamp={stamp};nonce={nonce};"
    )
    digest = base64.b64encode(hashlib.sha256(body[:_LONGEST_SIGNED]).digest()).decode()
    text = "\t".join(["POST", parts.scheme, parts.netloc, parts.path, "", digest, head])
    key = _signed(settings.purge_akamai_client_secret.get_secret_value(), stamp)
    return f"{head}signature={_signed(key, text)}"


def _signed(key: str, text: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), hashlib.sha256)).decode()
