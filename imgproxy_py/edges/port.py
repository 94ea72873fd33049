"""What is asked of a cache in front of the service: to forget what carries a tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol


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


def batches(tags: Sequence[str], size: int) -> Iterator[list[str]]:
    """Divide tags into as many as one call takes."""
    for start in range(0, len(tags), size):
        yield list(tags[start : start + size])
