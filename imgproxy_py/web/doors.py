"""Which path leads where.

Paths are compared as they arrived on the wire: `//`, `%2F` and dots reach the dialects untouched, which no router that
decodes or repairs paths would do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web
from multidict import MultiMapping

from imgproxy_py.delivery.handlers import Hit
from imgproxy_py.web.problems import Voice

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
AtOnce: TypeAlias = Callable[[str, MultiMapping[str]], Hit | None]
PICTURE_METHODS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A way in: a path, or all paths that begin with it if `prefix` is set, and who answers there.

    `path` is without the configured path prefix. A `HEAD` goes to the handler as a `GET` does; its body is dropped. A
    `guarded` door asks for the bearer secret, if there is one. Requests at a `quiet` one are neither logged nor counted.
    `at_once` takes target and headers of a `GET` or `HEAD` and gives, without waiting, what the handler would answer, or
    `None`; `known` does so for probes, whom nobody counts: it gives an answer with a body, the same at all doors that have it.
    """

    path: str
    handler: Handler
    voice: Voice
    dialect: str
    prefix: bool = False
    methods: frozenset[str] = PICTURE_METHODS
    guarded: bool = True
    quiet: bool = False
    at_once: AtOnce | None = None
    known: Callable[[], web.Response | None] | None = None


class Doors:
    """The doors of an application; the longest path that fits wins, `elsewhere` takes what fits none.

    With a `path_prefix`, paths outside of it lead elsewhere, except those of `unprefixed` doors.
    """

    def __init__(
        self, doors: Iterable[Door], *, elsewhere: Door, path_prefix: str = "", unprefixed: Iterable[Door] = ()
    ) -> None:
        every = tuple(doors)
        self._prefix = path_prefix
        self._exact = {path_prefix + door.path: door for door in every if not door.prefix}
        self._exact |= {door.path: door for door in unprefixed}
        if path_prefix and path_prefix + "/" in self._exact:
            self._exact[path_prefix] = self._exact[path_prefix + "/"]
        self._beginnings = sorted(
            ((path_prefix + door.path, door) for door in every if door.prefix),
            key=lambda pair: len(pair[0]),
            reverse=True,
        )
        self._elsewhere = elsewhere

    def probes(self) -> tuple[str, ...]:
        """Give the paths of the doors that have something `known`."""
        return tuple(path for path, door in self._exact.items() if door.known)

    def find(self, target: str) -> Door:
        """Give the door for a raw request target; its query has no say."""
        path = target.partition("?")[0]
        if door := self._exact.get(path):
            return door
        for beginning, door in self._beginnings:
            if path.startswith(beginning):
                return door
        return self._elsewhere
