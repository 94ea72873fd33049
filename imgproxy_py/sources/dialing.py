"""Connections that reach only addresses the guard permits.

The guard judges twice. The resolver drops refused addresses from a name's answer, so that a name with a good address
among bad ones still works; and the socket factory judges the very address that is about to be dialled, whoever found
it, so that an address literal, a cached answer or a rebound name cannot pass. A connection that is kept alive was
judged when it was made.

**Proxies.** A proxy from `HTTP_PROXY` or `HTTPS_PROXY` is the operator's own choice: its address is not judged. It is
the proxy that resolves and dials, out of our sight, so the guard then judges only what can be seen before: address
literals in every spelling, and `localhost`. Whoever uses a proxy lets the proxy guard names.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from aiohttp import TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from imgproxy_py.sources.guard import AddressGuard
from imgproxy_py.sources.names import SystemNames

_AddrInfo = tuple[int, int, int, str, tuple[Any, ...]]


class AddressRefused(OSError):
    """The guard refuses an address; an `OSError`, because that is what a connector hands on."""


class GuardedResolver(AbstractResolver):
    """Resolves names to the addresses that the guard permits; `AddressRefused` if that leaves none."""

    def __init__(self, guard: AddressGuard, inner: AbstractResolver) -> None:
        self._guard = guard
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Give the permitted addresses of a host."""
        found = await self._inner.resolve(host, port, family)
        permitted = [one for one in found if self._guard.permits(one["host"])]
        if found and not permitted:
            raise AddressRefused("the host has no permitted address")
        return permitted

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()


def guarded_connector(guard: AddressGuard, *, limit: int, resolver: AbstractResolver | None = None) -> TCPConnector:
    """Give a connector with so many connections that dials permitted addresses only."""

    def dial(info: _AddrInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not guard.permits(str(address[0])):
            raise AddressRefused("the address is not permitted")
        return socket.socket(family, kind, protocol)

    return TCPConnector(limit=limit, resolver=GuardedResolver(guard, resolver or SystemNames()), socket_factory=dial)


class Proxies:
    """The proxies that the environment names (`HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`), as they are now."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._found = dict(getproxies_environment() if environment is None else environment)

    def __bool__(self) -> bool:
        return bool(self._found.keys() & {"http", "https"})

    def proxy_for(self, url: URL) -> URL | None:
        """Give the proxy that a URL is asked through, `None` for none."""
        found = self._found.get(url.scheme)
        if not found or proxy_bypass_environment(f"{url.host}:{url.port}", self._found):
            return None
        return URL(found if "://" in found else f"http://{found}")
