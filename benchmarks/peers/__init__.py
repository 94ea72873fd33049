"""The servers that are measured beside each other: how each is had, started and asked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A picture to make: of an original, scaled to that width and height, in that format (`jpeg`, `webp`, `avif`, `png`).

    Without a quality the server takes its own.
    """

    source: str
    width: int
    height: int
    format: str
    quality: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server: its address, its first process if known, and the target by which it is asked for a picture."""

    name: str
    host: str
    port: int
    pid: int | None
    target: Callable[[Wanted], str]


class CannotRun(Exception):
    """The peer is not to be had here; the message says why."""


class Peer(Protocol):
    """A server that is not ours."""

    name: str
    keeps: bool
    """Whether it can keep finished pictures."""

    @property
    def takes_quality(self) -> bool:
        """Whether a target may name a quality."""

    def prepare(self) -> str:
        """Install it where that is needed and tell what it is, with versions; raise `CannotRun` if it cannot be had."""

    def serving(self, pictures: Path, work: Path, *, keeps: bool) -> AbstractContextManager[Server]:
        """Serve a folder of originals, keeping finished pictures if it is to and can."""
