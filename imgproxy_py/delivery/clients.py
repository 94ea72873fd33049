"""Who a client is, for those who share what there is among clients."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, BaseModel, Field

from imgproxy_py.kinds import Texts

UNIX = "unix"
"""In the list of proxies: whoever connects to our unix socket."""

FORWARDED_FOR = "X-Forwarded-For"
_SITE_BITS = 64  # whoever has one address of a /64 has them all (RFC 6177 §2)


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for text in value:
        try:
            if text != UNIX:
                ip_network(text)
        except ValueError:
            raise ValueError(f"addresses or networks divided by commas, such as `10.0.0.0/8`, or `{UNIX}`") from None
    return value


class ClientSettings(BaseModel):
    """How clients are told apart."""

    trusted_proxies: Annotated[Texts, AfterValidator(_networks)] = Field(
        default=(),
        description=f"Addresses and networks of proxies whose `{FORWARDED_FOR}` tells who the client is, divided by commas;"
        f" `{UNIX}` is whoever connects to a unix socket. It is by clients that places are shared.",
    )


class Clients:
    """Tells clients apart by their addresses, which trusted proxies say for those behind them."""

    def __init__(self, settings: ClientSettings) -> None:
        trusted = settings.trusted_proxies
        self._trusts_unix = UNIX in trusted
        self._networks = [ip_network(text) for text in trusted if text != UNIX]

    def key(self, request: web.Request) -> str:
        """Give what a client is called: his address, of IPv6 his network; `unix` for one who came by a unix socket.

        Of the addresses in `X-Forwarded-For`, which anybody may begin with what he likes, it is the last that no trusted
        proxy has: he is the one to whom a trusted one spoke.
        """
        peer = _address(request.remote or "")
        if not self._is_trusted(peer):
            return _named(peer)
        for text in reversed(_listed(request.headers.getall(FORWARDED_FOR, ()))):
            said = _address(text)
            if said is None:  # unknown or obfuscated: who said so is all that is known
                break
            peer = said
            if not self._is_trusted(peer):
                break
        return _named(peer)

    def _is_trusted(self, address: IPv4Address | IPv6Address | None) -> bool:
        if address is None:
            return self._trusts_unix
        return any(address in network for network in self._networks)


def has_left(request: web.Request, error: Exception) -> bool:
    """Tell whether an error says that the client of a request is gone; other connections break as well."""
    gone = request.transport is None or request.transport.is_closing()
    return gone and isinstance(error, ConnectionError)


def _listed(values: Iterable[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, with or without a port, IPv4 in IPv6 taken for what it is; `None` for anything else."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _named(address: IPv4Address | IPv6Address | None) -> str:
    if address is None:
        return UNIX
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _SITE_BITS), strict=False))
    return str(address)
