"""What is asked of a cache in front of the service: to forget what carries a tag, or what lies at a path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

_PATH = re.compile(r"/[!-)+-~]{0,3998}\*?\Z")


class EdgeRefused(Exception):
    """An edge did not take the order; the text says what it said, and holds no secret."""


class Edge(Protocol):
    """A cache in front of the service."""

    @property
    def name(self) -> str:
        """The kind and which one of it, as `varnish http://10.0.0.5:6081`."""

    async def forget(self, tags: Sequence[str]) -> str:
        """Have everything forgotten that carries one of the tags, in every format, and give what the edge said of it.

        Raises `EdgeRefused`. Tags that nothing carries are no error.
        """


@runtime_checkable
class PathEdge(Edge, Protocol):
    """A cache in front that can be told paths as well."""

    knows_paths: bool

    async def forget(self, tags: Sequence[str], paths: Sequence[str] = ()) -> str:
        """Have everything forgotten that carries one of the tags or lies at one of the paths, `*` at the end for any rest."""


def is_path(text: str) -> bool:
    """Tell whether a text is a path as it goes on the wire, its query included: visible ASCII, `*` at the end only."""
    return _PATH.match(text) is not None


def batches(tags: Sequence[str], size: int) -> Iterator[list[str]]:
    """Divide tags into as many as one call takes."""
    for start in range(0, len(tags), size):
        yield list(tags[start : start + size])
