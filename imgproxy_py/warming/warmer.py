"""Asks for pictures and drops what comes: whoever lies between keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from imgproxy_py import __version__
from imgproxy_py.warming.journal import Journal
from imgproxy_py.warming.outcomes import Outcome, Tally, cache_outcome
from imgproxy_py.warming.pace import Pace, pause, retry_after

_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which another try may succeed."""

_FULL = frozenset({429, 503})
"""Statuses that say that the other side has too much to do, whatever it is asked."""

_ACCEPTS = {
    "avif": "image/avif,image/webp,image/*,*/*;q=0.8",
    "webp": "image/webp,image/*,*/*;q=0.8",
    "jpeg": "image/*,*/*;q=0.8",
    "jxl": "image/jxl,image/avif,image/webp,image/*,*/*;q=0.8",
}

DEFAULT = "jpeg"
"""The kind of client that accepts no format but the old ones."""


def accept_header(variant: str) -> str:
    """Give the `Accept` of clients that know a format, as browsers send it; raises `ValueError` for an unknown format."""
    if variant not in _ACCEPTS:
        raise ValueError(f"--accept {variant}: expected {', '.join(_ACCEPTS)}")
    return _ACCEPTS[variant]


@asynccontextmanager
async def open_session(connections: int, seconds: float) -> AsyncIterator[ClientSession]:
    """Open a session that follows no cookie and decodes nothing."""
    async with ClientSession(
        connector=TCPConnector(limit=connections),
        timeout=ClientTimeout(total=seconds),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        headers={"User-Agent": f"imgproxy-py warm/{__version__}"},
    ) as session:
        yield session


class _TryLater(Exception):
    """Another try may succeed: why, and after how many seconds if the other side said so."""

    def __init__(self, reason: str, seconds: float = 0.0, *, full: bool = False) -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.full = full


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmer:
    """Asks for each URL once for each kind of client in `variants`, `concurrency` at a time.

    A URL whose answer does not vary by `Accept` is asked for the first kind only. What may come to something later is tried
    `attempts` times in all; when the other side has too much to do everybody rests. What `journal` has is skipped, and what
    came is noted there. `progress` hears of every URL that is through, with the tally.
    """

    session: ClientSession
    journal: Journal
    variants: Sequence[str] = (DEFAULT,)
    headers: Mapping[str, str] = field(default_factory=dict)
    concurrency: int = 4
    attempts: int = 5
    pace: Pace = field(default_factory=Pace)
    progress: Callable[[Tally], None] = lambda tally: None
    tally: Tally = field(default_factory=Tally)

    async def warm(self, urls: Sequence[str]) -> Tally:
        """Ask for all URLs and give what came of it."""
        todo = iter(urls)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.concurrency, len(urls))):
                group.create_task(self._work(todo))
        return self.tally

    async def _work(self, todo: Iterator[str]) -> None:
        for url in todo:
            await self._one(url)
            self.progress(self.tally)

    async def _one(self, url: str) -> None:
        waiting = [variant for variant in self.variants if _name(url, variant) not in self.journal]
        self.tally.skipped += len(self.variants) - len(waiting)
        for number, variant in enumerate(waiting, 1):
            outcome, varies = await self._tried(url, variant)
            self.tally.add(outcome)
            if outcome.error:
                return  # other kinds of clients would get the same, most likely
            self.journal.note(_name(url, variant))
            if not varies:
                self.tally.same += len(waiting) - number
                for same in waiting[number:]:
                    self.journal.note(_name(url, same))
                return

    async def _tried(self, url: str, variant: str) -> tuple[Outcome, bool]:
        attempt = 1
        while True:
            await self.pace.turn()
            try:
                return await self._asked(url, variant, attempt)
            except _TryLater as later:
                if attempt >= self.attempts:
                    return Outcome(url=url, variant=variant, error=str(later), attempts=attempt), True
                if later.full:
                    self.pace.rest(later.seconds)
                await asyncio.sleep(max(later.seconds, pause(attempt)))
            attempt += 1

    async def _asked(self, url: str, variant: str, attempt: int) -> tuple[Outcome, bool]:
        headers = {"Accept": accept_header(variant), **self.headers}
        try:
            async with self.session.get(URL(url, encoded=True), headers=headers, allow_redirects=False) as answer:
                length = await _read(answer)
        except TimeoutError:
            raise _TryLater("no answer in time") from None
        except (ClientError, OSError) as lost:
            raise _TryLater(f"no answer ({type(lost).__name__})") from None
        _check_later(answer)
        error, cache = _error(answer), cache_outcome(answer.headers.getall("Cache-Status", ()))
        outcome = Outcome(url=url, variant=variant, error=error, cache=cache, bytes=length, attempts=attempt)
        return outcome, _varies(answer)


def _name(url: str, variant: str) -> str:
    return f"{variant} {url}"


async def _read(answer: ClientResponse) -> int:
    length = 0
    async for piece in answer.content.iter_any():
        length += len(piece)
    return length


def _check_later(answer: ClientResponse) -> None:
    if answer.status in _LATER:
        seconds = retry_after(answer.headers.get("Retry-After", ""))
        raise _TryLater(_said(answer), seconds, full=answer.status in _FULL)


def _error(answer: ClientResponse) -> str:
    if answer.status != 200:
        location = answer.headers.get("Location", "")[:200]
        return f"{_said(answer)} to {location}" if location else _said(answer)
    if answer.headers.get("Fallback-Image"):
        return "a fallback image"
    if answer.content_type.startswith("text/"):
        return f"no picture but {answer.content_type}"
    return ""


def _said(answer: ClientResponse) -> str:
    return f"{answer.status} {answer.reason or ''}".strip()


def _varies(answer: ClientResponse) -> bool:
    names = ",".join(answer.headers.getall("Vary", ())).lower()
    return any(name.strip() in ("accept", "*") for name in names.split(","))
