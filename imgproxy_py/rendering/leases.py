"""One picture, one transform, across processes (delivery §6).

A *lease* is an entry that all processes see, under the picture's key. Who finds none writes his own and makes the picture;
who finds another's waits until it is told how that ended, and finds the picture in the caches. An entry lapses unless its
owner renews it, so a process that died is waited for no longer than that takes; and if the store's clock will not let it
lapse, who has seen it unchanged for so long by his own clock writes his over it. No two clocks are compared.

What is shared is what others can use: a picture that caches keep, and a failure that is the request's or the original's.
After any other end (no capacity, a defect, everybody left) one of those who wait tries next, the rest wait for him.

Leases save work and guard nothing: two who make the same picture make the same. So when the store is out of order each
process works for itself, and at once.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import structlog

from imgproxy_py.errors import CapacityError
from imgproxy_py.rendering.lease import OWNER_LENGTH, Entry, Failure, Held, LeaseSettings, LeaseStore, State
from imgproxy_py.rendering.watch import Verdict, Watch

T = TypeVar("T")

_log: structlog.stdlib.BoundLogger = structlog.get_logger("imgproxy_py.rendering")
_GLANCE = 0.25
"""Seconds after which one who waits looks for himself, though he was told nothing."""
_SHORTEST = 0.005


class OtherFailed(Exception):
    """Another process has failed, by what this one would fail by as well."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure.error))
        self.failure = failure


@dataclass(slots=True)
class LeaseStats:
    """What was counted since the process began; plain numbers that telemetry reads.

    `taken` are leases got, `taken_over` those of them that were waited for first: their owners had died or come to nothing.
    `waited` are waits for another process, `lost` leases that had lapsed before the work was done. `missed` counts how
    often the store was out of order.
    """

    taken: int = 0
    waited: int = 0
    taken_over: int = 0
    lost: int = 0
    missed: int = 0


class Lease:
    """The right to make a picture. What it came to is told once; what is told later changes nothing."""

    __slots__ = ("_leases", "due", "entry", "key")

    def __init__(self, leases: Leases, key: str, entry: Entry, due: float) -> None:
        self._leases = leases
        self.key = key
        self.entry = entry
        self.due = due

    async def kept(self) -> None:
        """Tell that the caches have the picture, or were given it."""
        await self._leases.end(self, State.KEPT)

    async def alone(self) -> None:
        """Tell that the picture is not one that is kept."""
        await self._leases.end(self, State.ALONE)


@dataclass(frozen=True, slots=True)
class _Found(Generic[T]):
    what: T


class Leases:
    """The leases of one process; opened as an async context manager, whose end gives back what is held.

    `clock` gives seconds and never goes back.
    """

    def __init__(
        self, store: LeaseStore, settings: LeaseSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.stats = LeaseStats()
        self._store = store
        self._seconds = settings.lease_seconds
        self._clock = clock
        self._held: dict[Lease, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return f"<Leases: {len(self)} held, {self.stats}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for lease in tuple(self._held):
            self._soon(self.end(lease, State.FREE))
        if self._timer is not None:
            self._timer.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def once(
        self,
        key: str,
        *,
        find: Callable[[], Awaitable[T | None]],
        make: Callable[[Lease | None], Awaitable[T]],
        failure: Callable[[BaseException], Failure | None],
        has_room: Callable[[], bool] = lambda: True,
    ) -> T:
        """Give what `make` makes, here or in another process, whose result `find` finds.

        `make` is called with a lease, whose end it tells if it succeeds, or with `None` if nobody is to be told. If it
        fails, `failure` says of its error what others would fail by as well. One who has no room to make it would be refused
        by `make`: he takes no lease, which would only keep others waiting, but may wait for somebody else's. Raises what
        `make` raises, and `OtherFailed`.
        """
        taken = await (self._take(key) if has_room() else self._others(key))
        if isinstance(taken, Lease):
            return await self._made(taken, make, failure)
        if taken is None:
            return await make(None)
        waited = await self._wait(key, taken, find)
        if isinstance(waited, _Found):
            return waited.what
        if waited is None:
            return await make(None)
        self.stats.taken_over += 1

        async def make_unless_there(lease: Lease | None) -> T:
            found = await find()  # its owner may have died, or been late, just after that
            if found is None or lease is None:
                return await make(lease)
            await lease.kept()
            return found

        return await self._made(waited, make_unless_there, failure)

    async def end(self, lease: Lease, state: State, text: str = "") -> None:
        """Tell what a lease came to, unless that was told."""
        if lease not in self._held:
            return
        del self._held[lease]
        try:
            ours = await self._store.change(lease.key, Entry(lease.entry.owner, state, text), self._seconds)
        except CapacityError:
            self.stats.missed += 1
        else:
            self._note(lease, ours=ours)

    async def _made(
        self,
        lease: Lease,
        make: Callable[[Lease | None], Awaitable[T]],
        failure: Callable[[BaseException], Failure | None],
    ) -> T:
        try:
            return await make(lease)
        except BaseException as error:
            # As text at once: the failure knows this frame, and the circle would keep the original in memory.
            told = str(failure(error) or "")
            self._soon(self.end(lease, State.FAILED if told else State.FREE, told))
            raise

    async def _take(self, key: str, over: Entry | None = None) -> Lease | Held | None:
        """Give the lease, or who has it, or `None` if the store does not say."""
        entry = Entry(secrets.token_hex(OWNER_LENGTH // 2))
        try:
            held = await self._store.take(key, entry, self._seconds, over)
        except CapacityError:
            self.stats.missed += 1
            self._soon(self._disclaim(key, entry))
            return None
        except BaseException:
            self._soon(self._disclaim(key, entry))
            raise
        return self._hold(key, entry) if held is None else held

    async def _others(self, key: str) -> Held | None:
        """Give who has the lease, `None` if nobody has or the store does not say."""
        try:
            return await self._store.held(key)
        except CapacityError:
            self.stats.missed += 1
            return None

    async def _disclaim(self, key: str, entry: Entry) -> None:
        """Give back what may have been written without our having been told."""
        with suppress(CapacityError):
            await self._store.change(key, Entry(entry.owner, State.FREE), self._seconds)

    async def _wait(self, key: str, held: Held, find: Callable[[], Awaitable[T | None]]) -> _Found[T] | Lease | None:
        """Wait for another's work: give its result, or the lease, or `None` if each is to work for himself."""
        watch = Watch(self._seconds, self._clock)
        rung = asyncio.Event()
        with self._store.listening(key, rung.set):
            while True:
                over = None
                match watch.judge(held.entry):
                    case Verdict.WAIT:
                        self.stats.waited += watch.begins
                        await _rings(rung, held.seconds)
                    case Verdict.FIND if (found := await find()) is not None:
                        return _Found(found)
                    case Verdict.WORK:
                        return None
                    case Verdict.FAIL if failure := Failure.read(held.entry.text):
                        raise OtherFailed(failure)
                    case _:
                        over = held.entry
                rung.clear()
                taken = await self._take(key, over)
                if not isinstance(taken, Held):
                    return taken
                held = taken

    def _hold(self, key: str, entry: Entry) -> Lease:
        self.stats.taken += 1
        lease = Lease(self, key, entry, self._clock() + self._seconds / 3)
        self._held[lease] = None
        if self._timer is None:
            self._set_timer()
        return lease

    def _set_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds / 3, self._look_after)

    def _look_after(self) -> None:
        """Renew what has been held for a third of its time; one that just missed it has two thirds behind it next time."""
        self._timer = None
        now = self._clock()
        due = [lease for lease in self._held if lease.due <= now]
        if due:
            self._soon(self._renew(due))
        if self._held:
            self._set_timer()

    async def _renew(self, leases: list[Lease]) -> None:
        for lease in leases:
            renewals = int(lease.entry.text or 0) + 1
            lease.entry = Entry(lease.entry.owner, text=str(renewals))
            lease.due = self._clock() + self._seconds / 3
            try:
                ours = await self._store.change(lease.key, lease.entry, self._seconds)
            except CapacityError:
                self.stats.missed += 1
                continue
            if not ours and lease in self._held:
                del self._held[lease]
                self._note(lease, ours=False)

    def _note(self, lease: Lease, *, ours: bool) -> None:
        if not ours:
            self.stats.lost += 1
            _log.warning("lease_lost", key=lease.key, seconds=self._seconds)

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _rings(rung: asyncio.Event, lapses_in: float) -> None:
    """Wait for the bell, until a lease lapses, or for a glance's time."""
    patience = _GLANCE if lapses_in < 0 else min(_GLANCE, max(_SHORTEST, lapses_in))
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            await rung.wait()
