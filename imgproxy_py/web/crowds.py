"""A process at the door while there is a crowd, so that probes are heard whatever this one is about.

Thousands who connect, ask or leave at once keep an event loop busy for a tenth of a second, and threads that make pictures
keep it waiting for the interpreter. Neither concerns another process: it accepts connections, tells who asks how we are what
it heard from us a moment ago, and hands the others on through a packet socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Sequence

import structlog

from imgproxy_py.web import doorkeeper
from imgproxy_py.web.pauses import Pauses

EACH_ROUND = 4
"""How many connections are accepted, or taken from the doorkeeper, in a round of the event loop at most. Each takes a fifth of
a millisecond, up to a whole one while threads want the interpreter as well, and comes with a request: more make rounds longer,
and let those who connect in no sooner."""

FAREWELL = 5.0
"""Seconds that a doorkeeper who was dismissed gets to hand on whom he has."""

WORDS_UNHEARD = 8
"""After how many words that it did not answer a doorkeeper is thought to hang, and replaced."""

LAST_STEPS = 1.0
"""Seconds from the end of its channel to the end of the process."""

_ALONE = ("-I", "-S", "-B")  # nothing of the environment, no site-packages, no files written
_log = structlog.get_logger()


class Doorkeeper:
    """Has a process at the door of a listening socket from `open` to `dismiss`, and another if it dies.

    `take` is given each connection that it hands on, `changed` called when it is there, and when it is no more. `targets` are
    the paths of the probes that it answers.
    """

    def __init__(
        self,
        listening: socket.socket,
        targets: Sequence[str],
        *,
        take: Callable[[socket.socket], None],
        changed: Callable[[], None],
    ) -> None:
        self._listening = listening
        self._targets = targets
        self._take = take
        self._changed = changed
        self._process: Process | None = None
        self._channel: socket.socket | None = None
        self._unheard = 0
        self._left = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._dismissed = False
        self.there = False

    def open(self) -> None:
        """Begin; only Linux has such channels, elsewhere nobody is ever there."""
        if sys.platform == "linux":
            self._keeping = asyncio.create_task(self._keep())

    async def dismiss(self) -> None:
        """End; whom the doorkeeper had accepted was given to `take` by then."""
        self._dismissed = True
        if self._channel:
            with contextlib.suppress(OSError):  # it is dead
                self._channel.shutdown(socket.SHUT_WR)
        if self._keeping:
            if self._channel:
                await asyncio.wait({self._keeping}, timeout=FAREWELL)
            self._keeping.cancel()
            await asyncio.wait({self._keeping})

    def told(self, *, accepts: bool, answer: bytes) -> bool:
        """Give a sign of life, whether to accept, and what to tell probes; if that is nothing, they are handed on.

        Tells whether somebody was there to hear it.
        """
        if not (self.there and self._channel):
            return False
        self._unheard += 1
        if self._unheard > WORDS_UNHEARD:
            self._kill()
            return False
        with contextlib.suppress(OSError):  # it is dead, which its end of the channel says as well, or it hears nothing
            self._channel.send((doorkeeper.OPEN if accepts else doorkeeper.SHUT) + answer)
            return True
        return False

    async def _keep(self) -> None:
        pauses = Pauses()
        while not self._dismissed:
            born = time.monotonic()
            try:
                await self._one_life()
            except OSError as error:
                _log.warning("doorkeeper_not_started", reason=str(error))
            if not self._dismissed:
                await asyncio.sleep(pauses.after(time.monotonic() - born))

    async def _one_life(self) -> None:
        """Start a process and take what it hands on until it has ended."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            ours.setblocking(False)
            self._process = process = await self._start(theirs)
            theirs.close()
            try:
                await self._work_with(ours)
            finally:
                with contextlib.suppress(TimeoutError):  # its end of the channel is closed last of all
                    await asyncio.wait_for(process.wait(), LAST_STEPS)
                self._kill()
                await process.wait()
        if not self._dismissed:
            _log.warning("doorkeeper_died", pid=process.pid, exit_code=process.returncode)

    async def _start(self, channel: socket.socket) -> Process:
        inherited = self._listening.fileno(), channel.fileno()
        command = sys.executable, *_ALONE, doorkeeper.__file__, *map(str, inherited), *self._targets
        libraries = {name: value for name, value in os.environ.items() if name.startswith("LD_")}
        return await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, pass_fds=inherited, env=libraries)

    async def _work_with(self, channel: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._channel = channel
        self._left.clear()
        loop.add_reader(channel, self._hear, channel)
        try:
            await self._left.wait()
        finally:
            loop.remove_reader(channel)
            self._channel = None
            self._is_there(now=False)

    def _hear(self, channel: socket.socket) -> None:
        for _ in range(EACH_ROUND):
            try:
                word, descriptors, _, _ = socket.recv_fds(channel, 1, 1, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                return
            except ConnectionError:
                word, descriptors = b"", []
            if not word:
                self._left.set()
                return
            self._unheard = 0
            self._is_there(now=True)
            for descriptor in descriptors:
                self._take(socket.socket(fileno=descriptor))
            if word == doorkeeper.CONNECTION and not descriptors:
                _log.warning("descriptors_exhausted")

    def _is_there(self, *, now: bool) -> None:
        if self.there != now:
            self.there = now
            self._changed()

    def _kill(self) -> None:
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended just now
                self._process.kill()
