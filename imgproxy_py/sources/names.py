"""The addresses of names, asked of the system in threads of our own.

uvloop asks in libuv's four threads, and every connection that is made passes through them, to an address literal as well:
four names whose resolver is silent would keep all others from S3 too. Nothing stops a thread that waits for an answer, so
whoever gives up leaves it behind, and its place is taken until the system gives up.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

_MOST = 64
_NUMERIC = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV

_AddrInfo = tuple[int, int, int, str, tuple[Any, ...]]


class SystemNames(AbstractResolver):
    """Finds addresses as the system does (`/etc/hosts`, DNS); at most so many names are asked for at a time."""

    def __init__(self, most: int = _MOST) -> None:
        self._places = asyncio.Semaphore(most)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Give the addresses of a host; `OSError` if it has none."""
        await self._places.acquire()
        return [_result(host, one) for one in await asyncio.wrap_future(self._asked(host, port, family))]

    async def close(self) -> None:
        """Leave threads that still wait to themselves: they are daemons, and keep no process from its end."""

    def _asked(self, *question: Any) -> Future[list[_AddrInfo]]:
        answer: Future[list[_AddrInfo]] = Future()
        answer.set_running_or_notify_cancel()
        arguments = (asyncio.get_running_loop(), answer, *question)
        threading.Thread(target=self._ask, args=arguments, name="names", daemon=True).start()
        return answer

    def _ask(self, loop: asyncio.AbstractEventLoop, answer: Future[list[_AddrInfo]], *question: Any) -> None:
        try:
            answer.set_result(_addresses(*question))
        except Exception as error:  # a name that IDNA refuses is a `UnicodeError`
            answer.set_exception(error)
        with suppress(RuntimeError):  # the loop has ended before the system gave up
            loop.call_soon_threadsafe(self._places.release)


def _addresses(host: str, port: int, family: int) -> list[_AddrInfo]:
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [(*one[:4], _scoped(one[4])) for one in found]


def _scoped(address: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give a link-local address of IPv6 with the name of its interface, without which it cannot be dialled."""
    if len(address) < 4 or not address[3]:
        return address
    host, _ = socket.getnameinfo(address, _NUMERIC)
    return (host, *address[1:])


def _result(name: str, found: _AddrInfo) -> ResolveResult:
    family, _, protocol, _, address = found
    return ResolveResult(
        hostname=name,
        host=address[0],
        port=address[1],
        family=family,
        proto=protocol,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
