"""Answers that are there already leave as soon as their request has arrived: no task, no wake-up, no copy of the body.

aiohttp wakes a task for each connection that is asked something, which starts another one for the request: half of what a
hit in memory would cost. Here a request is looked at where its bytes come in. If `Around.at_once` has the answer it is
written there and then; whatever is not as plain as most requests are goes the way of all others, byte for byte to the same
answer; it is begun in a round of the event loop that has room for it, so that thousands at once let others be heard.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD

from imgproxy_py.web.middlewares import Around
from imgproxy_py.web.rounds import Rounds, woken
from imgproxy_py.web.traffic import Traffic
from imgproxy_py.web.wire import Wire


class _FastAsleep:
    """Stands in for the future that a connection's task waits on, and is woken by nobody."""

    def done(self) -> bool:
        return True

    def cancel(self) -> None:
        """Leave it to who put it here."""


_FAST_ASLEEP: Any = _FastAsleep()


class _InLine:
    """Stands in for that future while it waits for its round: who looks finds the connection busy."""

    __slots__ = ("_turn",)

    def __init__(self, turn: asyncio.Future[None]) -> None:
        self._turn = turn

    def done(self) -> bool:
        return True

    def cancel(self) -> None:
        """Give the turn up: the connection ends."""
        self._turn.cancel()


class PromptWire(Wire):
    """A connection that answers at once what `around` can; its other requests are begun in `rounds`.

    When it is lost, that is seen to in one of the `ends`.

    Answers keep the order of the requests: while one is being answered in a task, those after it wait for theirs.
    """

    __slots__ = ("_around", "_ends", "_in_line_since", "_rounds")

    def __init__(
        self, server: web.Server, traffic: Traffic, around: Around, *, rounds: Rounds, ends: Rounds, **options: Any
    ) -> None:
        super().__init__(server, traffic, **options)
        self._around = around
        self._rounds = rounds
        self._ends = ends
        self._in_line_since: float | None = None

    def waited(self) -> float:
        """Give the seconds for which the request that is begun now has waited for its round; once."""
        since, self._in_line_since = self._in_line_since, None
        return 0.0 if since is None else time.perf_counter() - since

    def data_received(self, data: bytes) -> None:
        """Take what has come, answer what can be answered at once, and wake the task for the rest."""
        asleep = self._waiter
        if asleep is None or asleep.done():  # it is busy, and looks for further requests when it is done
            super().data_received(data)
            return
        self._waiter = _FAST_ASLEEP
        try:
            super().data_received(data)
        finally:
            self._waiter = asleep
        if self._force_close or self._close:
            asleep.cancel()
        elif self._messages and not self._all_answered():
            self._wake(asleep)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop what was under way for the client, now or in a later round: thousands may leave at once."""
        if self._ends.join():
            super().connection_lost(exc)
            return
        self._ends.wait(partial(self._ended, exc))

    def _ended(self, exc: BaseException | None) -> bool:
        super().connection_lost(exc)
        return True

    async def start(self) -> None:
        """Answer requests until the connection ends; one that came with the connection has to wait for its round as well."""
        if self._messages and not self._has_round():
            turn = self._loop.create_future()
            self._stand_in_line(turn)
            await turn
        await super().start()

    def _wake(self, asleep: asyncio.Future[None]) -> None:
        """Wake the task, now or in a later round."""
        if self._has_round():
            asleep.set_result(None)
        else:
            self._stand_in_line(asleep)

    def _has_round(self) -> bool:
        """Tell whether the next request may be begun now; probes always may."""
        return self._rounds.join() or self._is_probe(self._messages[0][0])

    def _stand_in_line(self, turn: asyncio.Future[None]) -> None:
        self._in_line_since = time.perf_counter()
        in_line: Any = _InLine(turn)
        self._waiter = in_line
        self._rounds.wait(partial(woken, turn))

    def _is_probe(self, message: Any) -> bool:
        return isinstance(message, RawRequestMessage) and self._around.is_probe(message.path)

    def _all_answered(self) -> bool:
        """Answer requests in their order up to the first one that takes more; tell whether there was none such."""
        messages = self._messages
        # Reading is paused for a flood of requests, and resumed by the task that works it off.
        while messages and not self._buffer_paused and self._answered(*messages[0]):
            messages.popleft()
        return not messages

    def _answered(self, message: Any, payload: Any) -> bool:
        transport, parser, manager = self.transport, self._parser, self._manager
        if payload is not EMPTY_PAYLOAD or self._paused or not _is_plain(message):
            return False
        if transport is None or transport.is_closing() or parser is None or manager is None:
            return False
        answer = self._around.at_once(message.method, message.path, message.headers)
        if answer is None:
            return False
        parser.message_consumed()
        manager.requests_count += 1
        transport.writelines(answer)
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        return True


def _is_plain(message: Any) -> bool:
    """Tell whether this is a request, well-formed, after which its connection stays as it is."""
    return (
        isinstance(message, RawRequestMessage)
        and message.version == HttpVersion11
        and not message.should_close
        and not message.upgrade
        and hdrs.EXPECT not in message.headers
    )
