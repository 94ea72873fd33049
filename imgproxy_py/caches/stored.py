"""Finished pictures in any store, for those that outlive Redis."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import structlog
from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator

from imgproxy_py.breaker import Breaker
from imgproxy_py.caches.codec import decode, encode
from imgproxy_py.caches.port import CacheStats
from imgproxy_py.errors import CapacityError, ImgproxyError, SourceError, SourceMissing
from imgproxy_py.kinds import Count, Seconds
from imgproxy_py.recipe.picture import Outcome, Picture
from imgproxy_py.stores.port import Store

T = TypeVar("T")

_log: structlog.stdlib.BoundLogger = structlog.get_logger("imgproxy_py.caches")
_PLACE = re.compile(r"(s3://[^/\s]+(/\S*)?|local:///\S+)\Z")
_FAILURES = 3
_PAUSE = 5.0


def _place(text: str) -> str:
    if text and not _PLACE.match(text):
        raise ValueError("s3://bucket/prefix or local:///folder")
    return text


class ResultStoreSettings(BaseModel):
    """Settings of the store of finished pictures."""

    result_store: Annotated[str, AfterValidator(_place)] = Field(
        "",
        description="Where finished pictures are kept for long: `s3://bucket/prefix`, or `local:///folder` by its path on "
        "this machine. Blank for nowhere.",
    )
    result_store_timeout: Seconds = Field(1.0, description="Seconds that the store of results is waited for.")
    result_store_expiration_seconds: Count = Field(
        0, description="Seconds that a picture in the store of results counts; 0 for as long as it is there."
    )
    result_store_max_bytes: Count = Field(
        0, description="Bytes that a folder of results may hold: the longest unused are removed. 0 = any number."
    )
    result_store_max_age: Count = Field(
        0, description="Seconds unused after which a picture is removed from a folder of results. 0 = never."
    )
    result_store_sweep_interval: Seconds = Field(
        600.0,
        description="Seconds after which a folder of results is swept again, by one of the processes that use it.",
    )

    @field_validator("result_store_max_bytes", "result_store_max_age")
    @classmethod
    def _is_of_a_folder(cls, value: int, info: ValidationInfo) -> int:
        if value and str(info.data.get("result_store", "")).startswith("s3://"):
            raise ValueError("no bound for results in S3, where the bucket's lifecycle rules remove them")
        return value


class StoredCache:
    """A `Cache` in a `Store`, under keys that begin with `prefix`.

    Nothing is removed; what has been there for longer than its lifetime and `beyond` seconds is not found. `clock` gives Unix
    seconds.
    """

    outcome = Outcome.STORED

    def __init__(
        self,
        store: Store,
        settings: ResultStoreSettings,
        *,
        prefix: str = "",
        beyond: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.stats = CacheStats()
        self._store = store
        self._seconds = settings.result_store_timeout
        self.lifetime = settings.result_store_expiration_seconds or math.inf
        self._beyond = beyond
        self._prefix = prefix
        self._clock = clock
        # A full disk, or a key that may only read, is no reason not to read.
        self._reading = Breaker(failures=_FAILURES, pause=_PAUSE)
        self._writing = Breaker(failures=_FAILURES, pause=_PAUSE)

    def __repr__(self) -> str:
        return f"<StoredCache: {self._store!r}, reading {self._reading!r}, writing {self._writing!r}>"

    async def get(self, key: str) -> Picture | None:
        """Give the picture under a key."""
        picture = await self._asked(self._reading, lambda: self._read(self._place(key)))
        if picture is None:
            self.stats.misses += 1
        else:
            self.stats.hits += 1
        return picture

    async def put(self, key: str, picture: Picture, seconds: float | None = None) -> None:
        """Keep a picture."""
        if not picture.complete:
            return
        kept = await self._asked(self._writing, lambda: self._store.put(self._place(key), encode(picture)))
        self.stats.puts += kept is not None

    async def delete(self, key: str) -> None:
        """Forget a picture."""
        await self._asked(self._writing, lambda: self._store.delete(self._place(key)))

    async def ping(self) -> None:
        """Raise `CapacityError` unless the store answers."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._store.ping()
        except (SourceError, TimeoutError) as error:
            raise CapacityError("the store of results does not answer", private=str(error)) from error

    def _place(self, key: str) -> str:
        # Two levels of directories keep each of them small where stores are made of directories.
        return f"{self._prefix}{key[:2]}/{key[2:4]}/{key}"

    async def _read(self, place: str) -> Picture | None:
        info, data = await self._store.get(place)
        stored_at = info.validators.modified_at
        if stored_at is not None and stored_at + self.lifetime + self._beyond <= self._clock():
            return None
        picture = decode(data)
        self.stats.errors += picture is None
        return picture

    async def _asked(self, breaker: Breaker, ask: Callable[[], Awaitable[T]]) -> T | None:
        if not breaker.lets_through():
            self.stats.errors += 1
            return None
        try:
            async with asyncio.timeout(self._seconds):
                answer = await ask()
        except (ImgproxyError, TimeoutError) as error:
            self._note(breaker, error)
            return None
        except BaseException:
            breaker.gave_up()
            raise
        self._note_answer(breaker)
        return answer

    def _note(self, breaker: Breaker, error: ImgproxyError | TimeoutError) -> None:
        if isinstance(error, SourceMissing) and error.upstream_status == 404:
            self._note_answer(breaker)
            return
        self.stats.errors += 1
        if breaker.failed():
            said = error.private or error.detail if isinstance(error, ImgproxyError) else ""
            _log.warning("result_store_lost", work=self._work(breaker), error=type(error).__name__, detail=said)

    def _note_answer(self, breaker: Breaker) -> None:
        if breaker.succeeded():
            _log.info("result_store_returned", work=self._work(breaker))

    def _work(self, breaker: Breaker) -> str:
        return "writing" if breaker is self._writing else "reading"
