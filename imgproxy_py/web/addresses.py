"""Addresses to listen on: `:8080`, `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/imgproxy.sock`."""

from __future__ import annotations

import contextlib
import ctypes
import re
import socket
import stat
import struct
from pathlib import Path

BACKLOG = 65535
"""Connections that the kernel keeps until they are accepted, as many as it does: it caps this at `net.core.somaxconn`, whose
default is 4096. One beyond is forgotten though its client believes to be connected, and reset seconds later."""

_ADDRESS = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]]*):(?P<port>[0-9]{1,5})", re.ASCII)


def check_address(text: str) -> str:
    """Give an address back, or raise `ValueError` that says what an address looks like."""
    match = _ADDRESS.fullmatch(text)
    if _unix_path(text) or (match and int(match["port"]) <= 65535):
        return text
    raise ValueError("`host:port`, `:port`, `[v6]:port`, or `unix:/path`")


def listen(text: str) -> socket.socket:
    """Open a listening socket; without a host it takes connections of both IP versions where the system can.

    Port 0 is any free one. A unix socket that nobody listens on any more is replaced. Raises `OSError`.
    """
    if path := _unix_path(text):
        return _listen_unix(Path(path))
    match = _ADDRESS.fullmatch(check_address(text))
    assert match is not None  # noqa: S101 - what `check_address` lets through matches
    host, port = match["host"].strip("[]"), int(match["port"])
    if not host:
        dual = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if dual else socket.AF_INET
        return socket.create_server(("", port), family=family, backlog=BACKLOG, dualstack_ipv6=dual)
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def refuse_new(listening: socket.socket) -> None:
    """Let no further client begin to connect, for all processes that share the socket; those who began, finish.

    A connection that is complete, or nearly so, when its listening socket is closed is reset, and its request lost. So
    TCP's first packets are dropped beforehand: a client sends another a second later and is told then that nobody
    listens. Connections accepted from now on are to be given to `hear_all`. A unix socket's path is removed.
    """
    if listening.family == socket.AF_UNIX:
        Path(listening.getsockname()).unlink(missing_ok=True)
        return
    try:
        _drop_first_packets(listening)
    except OSError:  # some kernels and sandboxes want CAP_NET_ADMIN for filters, which containers lack
        _hear_from_hops(listening, _NO_ROUTER)


def hear_all(connection: socket.socket) -> None:
    """Take what a connection got from its listening socket, if that refuses new clients: deafness to most packets."""
    if connection.family != socket.AF_UNIX:
        _hear_from_hops(connection, _ANY_ROUTERS)


def _drop_first_packets(listening: socket.socket) -> None:
    """Let the kernel drop packets that begin a connection."""
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _DROP_FIRST_PACKETS))
    attached = struct.pack("HP", len(_DROP_FIRST_PACKETS), ctypes.addressof(program))
    listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attached)


def _hear_from_hops(connection: socket.socket, least: int) -> None:
    """Let the kernel drop packets with a time to live below the least.

    On a listening socket these are the packets that begin a connection, unless their sender is on the same link and sends
    with the greatest time to live; most send with 64 or 128. Packets of connections begun are not the listener's.
    """
    with contextlib.suppress(OSError):  # where this is not to be had either, the moment of closing stays a gamble
        connection.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, least)
        if connection.family == socket.AF_INET6:
            connection.setsockopt(socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT, least)


_NO_ROUTER, _ANY_ROUTERS = 255, 0  # RFC 5082
_IP_MINTTL = 21  # linux/in.h
_IPV6_MINHOPCOUNT = 73  # linux/in6.h
_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
_DROP_FIRST_PACKETS = (  # classic BPF (socket(7), linux/filter.h): code, jump if true, jump if false, operand
    (0x30, 0, 0, 13),  # load the byte of TCP's flags (RFC 9293 §3.1)
    (0x54, 0, 0, 0x12),  # of which SYN and ACK
    (0x15, 0, 1, 0x02),  # if SYN alone
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # else keep
)


def describe(listening: socket.socket) -> str:
    """Give the address that a socket listens on, as `listen` reads it."""
    name = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        return f"unix:{name}"
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _unix_path(text: str) -> str:
    scheme, _, path = text.partition(":")
    return path if scheme == "unix" and path else ""


def _listen_unix(path: Path) -> socket.socket:
    _remove_abandoned(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        listening.listen(BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _remove_abandoned(path: Path) -> None:
    """Remove a socket's file unless somebody answers there; what is no socket is left for `bind` to refuse."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        try:
            trial.connect(str(path))
        except ConnectionRefusedError:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
