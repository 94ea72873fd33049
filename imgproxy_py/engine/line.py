"""Who waits, in order: clients take turns by the cost of what they have had, and of one client the first goes first.

It is start-time fair queueing (Goyal, Vin and Cheng, 1996) over clients. Each client has a clock that runs on by the cost
of whatever is served to him, and he whose clock is behind is served next. Who comes anew begins at the clock of those who
are being served: nobody saves up turns by staying away, and nobody is made to wait by what another asks for besides.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from heapq import heappop, heappush, heapreplace
from itertools import count
from typing import Generic, Protocol, TypeVar

IDLE_CLIENTS = 1024
"""How many clients who do not wait at present are remembered at most, with what they have had."""


class Waits(Protocol):
    """What stands in a line: whose it is, and what it is expected to cost. Two are equal only if they are the same."""

    client: str
    cost: float


W = TypeVar("W", bound=Waits)


@dataclass(slots=True, eq=False)
class _Client(Generic[W]):
    """`had` is his clock, `listed` whether the heap knows it, `cost` that of all who wait for him."""

    had: float
    waiting: OrderedDict[W, None] = field(default_factory=OrderedDict)
    cost: float = 0.0
    listed: bool = False


class Line(Generic[W]):
    """A line in which clients take turns. For one thread at a time.

    Whatever it does takes logarithmic time, but for forgetting idle clients, which is done once for many.
    """

    def __init__(self) -> None:
        self.cost = 0.0
        self._count = 0
        self._active = 0
        self._now = 0.0
        self._clients: dict[str, _Client[W]] = {}
        self._turns: list[tuple[float, int, str]] = []
        self._numbers = count()

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<Line {self._count} of {self._active} clients, {self.cost:.0f} ms>"

    def push(self, one: W) -> None:
        """Put one at the end of its client's part of the line."""
        client = self._client(one.client)
        if not client.waiting:
            self._active += 1
            client.had = max(client.had, self._now)
        client.waiting[one] = None
        self._count_in(client, one.cost, 1)
        if not client.listed:
            self._list(one.client, client)

    def pop(self) -> W | None:
        """Take whose turn it is, `None` if nobody waits."""
        while self._turns:
            had, _, name = self._turns[0]
            client = self._clients[name]
            if not client.waiting:
                heappop(self._turns)
                client.listed = False
            elif had < client.had:  # he was charged for more since
                heapreplace(self._turns, (client.had, next(self._numbers), name))
            else:
                return self._take(name, client)
        return None

    def remove(self, one: W) -> bool:
        """Take one out who waits no more; false if it was not in line."""
        client = self._clients.get(one.client)
        if client is None or one not in client.waiting:
            return False
        del client.waiting[one]
        self._count_out(client, one.cost)
        return True

    def charge(self, client: str, cost: float) -> None:
        """Add to what a client has had, if others wait who could go before him for it."""
        known = self._clients.get(client)
        if known is not None:
            known.had = max(known.had + cost, self._now)

    def ahead(self, client: str, cost: float) -> float:
        """Give the cost, at most, of what is served before a client who comes now with something of that cost.

        Every other client is served no more in the meantime than he himself, so that what one of them has in line does
        not delay him beyond that.
        """
        known = self._clients.get(client)
        own = known.cost if known else 0.0
        lead = max(0.0, known.had - self._now) if known else 0.0
        others = self._active - bool(known and known.waiting)
        return min(self.cost, own + others * (lead + own + cost))

    def _client(self, name: str) -> _Client[W]:
        client = self._clients.get(name)
        if client is None:
            if len(self._clients) >= self._active + IDLE_CLIENTS:
                self._forget_idle()
            client = self._clients[name] = _Client(self._now)
        return client

    def _list(self, name: str, client: _Client[W]) -> None:
        heappush(self._turns, (client.had, next(self._numbers), name))
        client.listed = True

    def _take(self, name: str, client: _Client[W]) -> W:
        one, _ = client.waiting.popitem(last=False)
        self._now = client.had
        client.had += one.cost
        if client.waiting:
            heapreplace(self._turns, (client.had, next(self._numbers), name))
        else:
            heappop(self._turns)
            client.listed = False
        self._count_out(client, one.cost)
        return one

    def _count_in(self, client: _Client[W], cost: float, change: int) -> None:
        client.cost += cost
        self.cost += cost
        self._count += change

    def _count_out(self, client: _Client[W], cost: float) -> None:
        self._count_in(client, -cost, -1)
        if not client.waiting:
            self._active -= 1
            client.cost = 0.0
        if not self._count:  # nobody was made to wait, so all begin alike
            self.cost, self._now = 0.0, 0.0
            self._clients.clear()
            self._turns.clear()

    def _forget_idle(self) -> None:
        """Forget half of the clients who do not wait: those who have had least, for whom it changes least."""
        idle = sorted((one.had, name) for name, one in self._clients.items() if not one.waiting and not one.listed)
        for _, name in idle[: max(1, len(idle) - IDLE_CLIENTS // 2)]:
            del self._clients[name]
