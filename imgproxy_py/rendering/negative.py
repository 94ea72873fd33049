"""Originals that are missing or broken, remembered for a while: many who ask for one cost one fetch.

A *missing* one (404, 410) is remembered for everything that might be made of it, any other failure of an original for the
picture that was asked for, since another recipe may come to another end. Whatever may be over at once (time-outs, servers
that fail, refusals of access) is not remembered.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import BaseModel, Field

from imgproxy_py.caches.purges import Learned, Purges
from imgproxy_py.errors import HashsumMismatch, ImageError, ImgproxyError, SourceMissing, SourceTooLarge
from imgproxy_py.kinds import Number, Positive, Seconds
from imgproxy_py.recipe.request import ImageRequest
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.recipe.tags import cache_tags
from imgproxy_py.rendering.lease import Failure

_GONE = frozenset({404, 410})
_BROKEN = (ImageError, SourceTooLarge, HashsumMismatch)
_Name: TypeAlias = str | SourceRef


class NegativeSettings(BaseModel):
    """Settings of how long missing and broken originals are remembered."""

    negative_cache_seconds: Number = Field(
        0.0,
        description="Seconds that each process remembers a missing or broken original, doubled each time that it is found so "
        "again, such as 2. 0 = not at all.",
    )
    negative_cache_max_seconds: Seconds = Field(60.0, description="Seconds that it is remembered at most.")
    negative_cache_entries: Positive = Field(10_000, description="Failures that are remembered at most.")


@dataclass(frozen=True, slots=True)
class _Entry:
    failure: str
    source: str
    tags: tuple[str, ...]
    seconds: float
    until: float


class NegativeCache:
    """Failures of originals, by original or by picture; the longest unused leave first.

    `clock` gives seconds and never goes back. Not for several threads.
    """

    def __init__(
        self, settings: NegativeSettings, purges: Purges, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._first = settings.negative_cache_seconds
        self._longest = max(settings.negative_cache_max_seconds, self._first)
        self._most = settings.negative_cache_entries
        self._purges = purges
        self._clock = clock
        self._entries: OrderedDict[_Name, _Entry] = OrderedDict()
        purges.heard_by(self._forget_purged)

    def __repr__(self) -> str:
        return f"<NegativeCache: {len(self)} failures>"

    def __len__(self) -> int:
        return len(self._entries)

    def known(self, request: ImageRequest, key: str) -> Failure | None:
        """Give the failure that making this picture would come to, `None` if nothing is known."""
        for name in (request.source, key):
            entry = self._entries.get(name)
            if entry is not None and self._clock() < entry.until:
                self._entries.move_to_end(name)
                failure = Failure.read(entry.failure)
                if failure is not None:
                    failure.error.remembered = True
                return failure
        return None

    def failed(self, request: ImageRequest, key: str, failure: Failure, generation: int) -> None:
        """Note what making a picture came to; `generation` is of the last purge known before its original was fetched."""
        name = None if request.private else _name(request, key, failure.error)
        tags = cache_tags(request)
        if name is None or self._purges.since(request.source.url, tags) > generation:
            return
        now, before = self._clock(), self._entries.get(name)
        if before is not None and now < before.until:
            return  # several were under way
        # Whoever has been well, or not asked for, as long as the longest wait begins anew.
        again = before is not None and now < before.until + self._longest
        seconds = min(2 * before.seconds, self._longest) if before is not None and again else self._first
        self._entries[name] = _Entry(str(failure), request.source.url, tags, seconds, now + seconds)
        self._entries.move_to_end(name)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def succeeded(self, request: ImageRequest, key: str) -> None:
        """Note that a picture was made."""
        if self._entries:
            self._entries.pop(request.source, None)
            self._entries.pop(key, None)

    def _forget_purged(self, learned: Learned) -> int:
        for name in [name for name, entry in self._entries.items() if learned.concerns(entry.source, entry.tags)]:
            del self._entries[name]
        return 0  # no pictures


def is_lasting(error: ImgproxyError) -> bool:
    """Tell whether an error says of an original that it is gone or broken, rather than that it cannot be had now."""
    return error.upstream_status in _GONE if isinstance(error, SourceMissing) else isinstance(error, _BROKEN)


def _name(request: ImageRequest, key: str, error: ImgproxyError) -> _Name | None:
    """Give what a failure is remembered under, `None` for one that may be over at once."""
    if not is_lasting(error):
        return None
    return request.source if isinstance(error, SourceMissing) else key
