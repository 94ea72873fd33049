"""Calls to edges: every failure is `EdgeRefused`, and none repeats what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson

from imgproxy_py.edges.port import EdgeRefused

_LONGEST_SAID = 300


class Caller:
    """Makes single requests in one session; nothing is followed elsewhere, since secrets go along."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
        """Give the body of a successful answer; raises `EdgeRefused` for every other and for none."""
        try:
            asking = self._session.request(method, url, headers=headers, data=body, allow_redirects=False)
            async with asking as answer:
                said = await answer.read()
        except TimeoutError:
            raise EdgeRefused("no answer in time") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise EdgeRefused(f"cannot be asked ({type(error).__name__})") from None
        if not 200 <= answer.status < 300:
            raise EdgeRefused(f"{answer.status} {shortened(said)}".strip())
        return said

    async def post(self, url: str, headers: Mapping[str, str], content: object) -> Any:
        """Post JSON and give the answer's, `None` for a blank one; raises `EdgeRefused`."""
        told = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        said = await self.call("POST", url, told, orjson.dumps(content))
        try:
            return orjson.loads(said) if said.strip() else None
        except orjson.JSONDecodeError:
            raise EdgeRefused(f"answered with no JSON: {shortened(said)}") from None


def shortened(said: bytes) -> str:
    """Give the beginning of an answer on one line."""
    text = " ".join(said.decode("utf-8", "replace").split())
    return text if len(text) <= _LONGEST_SAID else f"{text[:_LONGEST_SAID]}…"
