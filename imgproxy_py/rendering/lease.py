"""What is written of a lease, and what leases need of the place where all processes see it (delivery §6)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from pydantic import BaseModel, Field

from imgproxy_py.errors import ImgproxyError, SourceMissing
from imgproxy_py.kinds import Number

OWNER_LENGTH = 16
_LONGEST = 500


class LeaseSettings(BaseModel):
    """Settings of leases, by which one process makes a picture for all; they need Redis."""

    lease_seconds: Number = Field(
        3.0,
        description="Seconds after which another process makes the picture whose maker has died; 0 = each process makes its "
        "own.",
    )


class State(StrEnum):
    """How the work of a lease stands."""

    WORKING = "w"

    KEPT = "k"
    """The caches have the picture, or were given it."""

    ALONE = "a"
    """The picture is not one that is kept: each makes his own."""

    FAILED = "f"
    """It failed, and for others it would as well."""

    FREE = "x"
    """It came to nothing, and may be tried again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A lease as it is written: its owner (16 hexadecimal digits), how it stands, and a number of renewals or a failure.

    A state that this version does not know is a letter of its own.
    """

    owner: str
    state: str = State.WORKING
    text: str = ""

    def __str__(self) -> str:
        return f"{self.owner}{self.state}{self.text}"

    @classmethod
    def read(cls, text: str) -> Entry:
        """Read an entry back, whatever it is."""
        return cls(text[:OWNER_LENGTH], text[OWNER_LENGTH : OWNER_LENGTH + 1], text[OWNER_LENGTH + 1 :])


class Held(NamedTuple):
    """Somebody else's lease, and the seconds until it lapses."""

    entry: Entry
    seconds: float


class LeaseStore(Protocol):
    """Where leases are written. Whatever is asked raises `CapacityError` when the store is out of order."""

    async def take(self, key: str, entry: Entry, seconds: float, over: Entry | None = None) -> Held | None:
        """Write an entry for so many seconds if there is none, or the one that is there is equal to `over`.

        Gives `None` if it was written, otherwise what is there.
        """
        ...

    async def held(self, key: str) -> Held | None:
        """Give what is there, and write nothing; `None` if there is nothing."""
        ...

    async def change(self, key: str, entry: Entry, seconds: float) -> bool:
        """Write an entry over its owner's working one, for so many seconds; tell whether that was there.

        An entry that is not working any more is told to those who listen.
        """
        ...

    def listening(self, key: str, heard: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `heard` in the block whenever an end is told, and whenever one may have been missed."""
        ...


@dataclass(frozen=True, slots=True)
class Failure:
    """What others would fail by as well; if it is `replaceable`, a fallback may be shown instead."""

    error: ImgproxyError
    replaceable: bool = False

    def __str__(self) -> str:
        error = self.error
        texts = (type(error).__name__, error.detail[:_LONGEST], error.private[:_LONGEST])
        return json.dumps([*texts, getattr(error, "upstream_status", 0), self.replaceable])

    @classmethod
    def read(cls, text: str) -> Failure | None:
        """Read a failure back, `None` if it is none that this version knows."""
        try:
            name, detail, private, status, replaceable = json.loads(text)
            error = _ERRORS[name](str(detail), private=str(private))
            if isinstance(error, SourceMissing):
                error.upstream_status = int(status)
        except (ValueError, TypeError, KeyError):
            return None
        return cls(error, bool(replaceable))


def _kinds(kind: type[ImgproxyError]) -> Iterator[tuple[str, type[ImgproxyError]]]:
    yield kind.__name__, kind
    for child in kind.__subclasses__():
        yield from _kinds(child)


_ERRORS = dict(_kinds(ImgproxyError))
