"""Stand-ins for what the world around a use case does, each saying how often and with what it was asked."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from imgproxy_py.engine.cost import Priced
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.sharing import Share
from imgproxy_py.errors import CapacityError, ImgproxyError, SourceError, SourceForbidden, SourceMissing
from imgproxy_py.recipe.limits import Limits
from imgproxy_py.recipe.model import Output, Recipe
from imgproxy_py.recipe.picture import Original, Picture, Validators
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.rendering.lease import Entry, Held, State
from imgproxy_py.sources.port import NotModified, RawAnswer
from imgproxy_py.stores.conditions import unchanged
from tests.factories import make_original, make_picture


class FakeSource:
    """A `Source` whose answers are in its hands' reach.

    `originals` are by URL, `anything` answers for the rest; errors among them are raised, `trouble` instead of any
    answer. While `gate` is not set nobody gets an answer; `waiting` says how many are held there, `cancelled` how many
    left before it opened. Of those who name what they know (`known`) it `told` so many that nothing has changed, unless it is
    `forgetful`.
    """

    def __init__(self, anything: Original | None = None, **originals: Original) -> None:
        self.anything = anything or make_original()
        self.originals: dict[str, Original | NotModified | SourceError | SourceForbidden] = dict(originals)
        self.trouble: SourceError | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.fetched: list[SourceRef] = []
        self.limits: list[int] = []
        self.known: list[Validators | None] = []
        self.told = 0
        self.forgetful = False
        self.validated: list[SourceRef] = []
        self.relayed: list[dict[str, str]] = []
        self.waiting = 0
        self.cancelled = 0
        self.raw_answer = FakeRaw()

    async def fetch(
        self, ref: SourceRef, *, max_bytes: int = 0, unless: Validators | None = None
    ) -> Original | NotModified:
        self.fetched.append(ref)
        self.limits.append(max_bytes)
        self.known.append(unless)
        await self._admitted()
        found = self._found(ref)
        if unless and not self.forgetful and isinstance(found, Original) and unchanged(found.validators, unless):
            self.told += 1
            return NotModified(found.validators, found.cache_control, found.expires_at)
        return found

    async def validators(self, ref: SourceRef) -> Validators:
        self.validated.append(ref)
        await self._admitted()
        return self._found(ref).validators

    @asynccontextmanager
    async def raw(self, ref: SourceRef, headers: Mapping[str, str]) -> AsyncIterator[RawAnswer]:
        self.relayed.append(dict(headers))
        await self._admitted()
        yield RawAnswer(self.raw_answer.status, self.raw_answer.headers, self.raw_answer.chunks())

    async def ping(self) -> None:
        if self.trouble:
            raise self.trouble

    def _found(self, ref: SourceRef) -> Original | NotModified:
        found = self.originals.get(ref.url, self.anything)
        if isinstance(found, ImgproxyError):
            raise found
        return found

    async def _admitted(self) -> None:
        self.waiting += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.waiting -= 1
        if self.trouble:
            raise self.trouble


class FakeLeases:
    """A `LeaseStore` for processes that are tasks; its clock is the event loop's.

    With `trouble` it is out of order. While `mute` it tells nobody of an end. A lease in `stuck` does not lapse.
    """

    def __init__(self) -> None:
        self.entries: dict[str, tuple[Entry, float]] = {}
        self.asked = 0
        self.trouble: CapacityError | None = None
        self.mute = False
        self.stuck = False
        self._ears: dict[str, list[Callable[[], None]]] = {}

    @property
    def listeners(self) -> int:
        return sum(map(len, self._ears.values()))

    async def take(self, key: str, entry: Entry, seconds: float, over: Entry | None = None) -> Held | None:
        there, left = await self._there(key)
        if there is not None and there != over:
            return Held(there, left)
        self._write(key, entry, seconds)
        return None

    async def held(self, key: str) -> Held | None:
        there, left = await self._there(key)
        return None if there is None else Held(there, left)

    async def change(self, key: str, entry: Entry, seconds: float) -> bool:
        there, _ = await self._there(key)
        if there is None or there.owner != entry.owner or there.state != State.WORKING:
            return False
        self._write(key, entry, seconds)
        if entry.state is not State.WORKING and not self.mute:
            self.ring(key)
        return True

    @contextmanager
    def listening(self, key: str, heard: Callable[[], None]) -> Iterator[None]:
        self._ears.setdefault(key, []).append(heard)
        heard()
        try:
            yield
        finally:
            self._ears[key].remove(heard)

    def ring(self, key: str) -> None:
        for heard in self._ears.get(key, ()):
            heard()

    async def _there(self, key: str) -> tuple[Entry | None, float]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.trouble:
            raise self.trouble
        entry, lapses_at = self.entries.get(key, (None, 0.0))
        left = lapses_at - asyncio.get_running_loop().time()
        return (entry, left) if left > 0 or self.stuck else (None, 0.0)

    def _write(self, key: str, entry: Entry, seconds: float) -> None:
        self.entries[key] = (entry, asyncio.get_running_loop().time() + seconds)


class FakeRaw:
    """What an origin answers when it is relayed; `breaks` is raised after the pieces."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {"content-type": "image/jpeg"}
        self.pieces = [b"first ", b"second"]
        self.breaks: Exception | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        if self.breaks:
            raise self.breaks


class FakeTransformer:
    """A transformer where pixels do not matter: gives `picture`, or raises `trouble`, once `gate` is set."""

    epoch = "epoch"

    def __init__(self, picture: Picture | None = None) -> None:
        self.picture = picture or make_picture(etag="", modified_at=None)
        self.limits = Limits()
        self.trouble: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.begun = 0
        self.stopped = 0
        self.marks: dict[SourceRef, bytes] = {}

    def check(self, output: Output) -> None:
        """Everything can be written."""

    def begin(self, *given: Any) -> Priced[Picture]:
        """The header tells nothing: all is small."""
        return Priced(1.0, lambda: self.transform(*given))

    def transform(
        self,
        data: bytes,
        recipe: Recipe,
        interrupt: Interrupt,
        marks: Mapping[SourceRef, bytes] | None = None,
        share: Share | None = None,
    ) -> Picture:
        self.begun += 1
        self.marks = dict(marks or {})
        while not self.gate.wait(0.002):
            if interrupt.stopped:
                self.stopped += 1
            interrupt.check()
        if self.trouble:
            raise self.trouble
        return self.picture


def missing() -> SourceMissing:
    return SourceMissing("no such original")


async def until(holds: Callable[[], object], *, seconds: float = 2.0) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 — what is waited for happens in threads too, and tells nobody
            await asyncio.sleep(0.001)


@asynccontextmanager
async def answering(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Answer whatever is asked by one handler, at the URL that this gives, until the end of the block."""
    application = web.Application(client_max_size=1 << 24)
    application.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(application) as server:
        yield f"http://127.0.0.1:{server.port}"


@asynccontextmanager
async def quiet_loop() -> AsyncIterator[None]:
    """Nothing may be left for the event loop to complain about: no exception that nobody looked at, no lost task."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    yield
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []
