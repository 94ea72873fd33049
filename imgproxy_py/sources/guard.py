"""Which addresses an original may be fetched from (dialect §12).

Judged is always an address, never a name: what a name means is decided when it is dialled. An IPv6 address that carries
an IPv4 address is judged by what it carries, since that is where the packets end up:

=====================  ====================================================
`::ffff:a.b.c.d`       mapped (RFC 4291 §2.5.5.2)
`::a.b.c.d`            compatible (RFC 4291 §2.5.5.1)
`::ffff:0:a.b.c.d`     translated (RFC 2765 §2.1)
`64:ff9b::a.b.c.d`     NAT64 (RFC 6052 §2.1)
`64:ff9b:1::/48`       local NAT64 (RFC 8215), in both layouts of RFC 6052
`2002:aabb:ccdd::`     6to4 (RFC 3056)
`2001:0:…`             Teredo (RFC 4380): server and client
`…:5efe:a.b.c.d`       ISATAP (RFC 5214), judged by its prefix as well
=====================  ====================================================
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address


class Reach(StrEnum):
    """How far an address reaches."""

    LOOPBACK = "loopback"
    """This very host, and the unspecified address, which means it too."""

    LINK_LOCAL = "link-local"
    """This link, multicast and broadcast, and the metadata services of clouds wherever they live."""

    PRIVATE = "private"
    """Networks that are not on the Internet."""

    PUBLIC = "public"
    """Everything else."""


_NETWORKS: tuple[tuple[Reach, IPv4Network | IPv6Network], ...] = (
    (Reach.LOOPBACK, IPv4Network("0.0.0.0/8")),
    (Reach.LOOPBACK, IPv4Network("127.0.0.0/8")),
    (Reach.LOOPBACK, IPv6Network("::/127")),
    (Reach.LINK_LOCAL, IPv4Network("169.254.0.0/16")),
    (Reach.LINK_LOCAL, IPv4Network("224.0.0.0/4")),
    (Reach.LINK_LOCAL, IPv4Network("255.255.255.255/32")),
    (Reach.LINK_LOCAL, IPv6Network("fe80::/10")),
    (Reach.LINK_LOCAL, IPv6Network("ff00::/8")),
    # Metadata services that do not live at 169.254.169.254: their address is private by number but hands out
    # credentials to whoever asks from this host. Alibaba, AWS, Google.
    (Reach.LINK_LOCAL, IPv4Network("100.100.100.200/32")),
    (Reach.LINK_LOCAL, IPv6Network("fd00:ec2::254/128")),
    (Reach.LINK_LOCAL, IPv6Network("fd20:ce::254/128")),
    (Reach.PRIVATE, IPv4Network("10.0.0.0/8")),
    (Reach.PRIVATE, IPv4Network("172.16.0.0/12")),
    (Reach.PRIVATE, IPv4Network("192.168.0.0/16")),
    (Reach.PRIVATE, IPv4Network("100.64.0.0/10")),
    (Reach.PRIVATE, IPv6Network("fc00::/7")),
    (Reach.PRIVATE, IPv6Network("fec0::/10")),
)

_IN_LOW_BITS = tuple(map(IPv6Network, ("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96")))
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_ITSELF = IPv6Network("::/127")  # unspecified and loopback look like compatible addresses and are not
_ISATAP, _ISATAP_MASK = 0x0000_5EFE, 0xFCFF_FFFF  # the two free bits say universal and group

_LOCAL_NAME = re.compile(r"(.*\.)?localhost\.?\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressGuard:
    """Says which addresses may be dialled."""

    loopback: bool = False
    link_local: bool = False
    private: bool = True

    def permits(self, address: Address | str) -> bool:
        """Tell whether an address may be dialled; a text that is no address may not."""
        parsed = read_address(address) if isinstance(address, str) else address
        return parsed is not None and all(map(self._permits_reach, reaches(parsed)))

    def permits_host(self, host: str) -> bool:
        """Tell whether a host may be asked for, as far as its spelling tells: a name is permitted until it is dialled.

        Spellings that the C library reads as IPv4 addresses (`0x7f.1`, `2130706433`) are addresses, and `localhost` is
        this host whatever a proxy's resolver says (RFC 6761 §6.3).
        """
        if _LOCAL_NAME.match(host):
            return self.loopback
        address = read_address(host) or _read_legacy(host)
        return address is None or self.permits(address)

    def _permits_reach(self, reach: Reach) -> bool:
        return {
            Reach.LOOPBACK: self.loopback,
            Reach.LINK_LOCAL: self.link_local,
            Reach.PRIVATE: self.private,
            Reach.PUBLIC: True,
        }[reach]


def read_address(text: str) -> Address | None:
    """Read an address in its standard spelling, in brackets or with a zone; `None` if it is none."""
    try:
        return ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None


def reaches(address: Address) -> frozenset[Reach]:
    """Tell how far an address reaches: itself, or the addresses it carries."""
    return frozenset(map(_reach, _judged(address)))


def _reach(address: Address) -> Reach:
    return next((reach for reach, network in _NETWORKS if address in network), Reach.PUBLIC)


def _judged(address: Address) -> Iterator[Address]:
    if isinstance(address, IPv4Address) or address in _ITSELF:
        yield address
        return
    carried = [IPv4Address(bits & 0xFFFF_FFFF) for bits in _carried(int(address), address)]
    yield from carried
    isatap = (int(address) >> 32) & _ISATAP_MASK == _ISATAP
    if isatap or not carried:
        yield address
    if isatap:
        yield IPv4Address(int(address) & 0xFFFF_FFFF)


def _carried(bits: int, address: IPv6Address) -> Iterator[int]:
    if any(address in network for network in _IN_LOW_BITS):
        yield bits
    elif address in _SIX_TO_FOUR:
        yield bits >> 80
    elif address in _TEREDO:
        yield bits >> 64
        yield ~bits
    elif address in _NAT64_LOCAL:
        # Which layout the gateway uses cannot be seen; the one that is not used is blank.
        prefix_48 = (bits >> 48) & 0xFFFF_0000 | (bits >> 40) & 0xFFFF  # octet 8 is skipped (RFC 6052 §2.2)
        yield from {bits & 0xFFFF_FFFF, prefix_48} - {0} or {0}


def _read_legacy(host: str) -> IPv4Address | None:
    if not host or not host[0].isdigit():
        return None
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None
