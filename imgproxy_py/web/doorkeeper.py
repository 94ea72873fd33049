"""`python doorkeeper.py LISTENING CHANNEL TARGET...`: accepts connections for a process in a crowd (see `crowds`).

Whoever asks for one of the targets is told here how the service is, as it said itself a moment ago; everybody else is handed
on, with all that he has sent. What is told here closes its connection, and whatever is not as plain as probes are is handed on
too, so that nobody can be led to take one client's answer for another's.

Both numbers are of file descriptors that were inherited: of the listening socket, and of a packet socket to the service.

The service says each second, and whenever that changes, `OPEN` or `SHUT`: whether to accept; and after it what to tell probes,
if anything. This says `HEARD` to each word, once in the beginning too, and `CONNECTION` with each that it hands on. It ends
when the service closes its end or its half of it, in the latter case when it has handed on whom it has.

It runs by itself, without site-packages: it is small, and starts at once.
"""

from __future__ import annotations

import contextlib
import re
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Iterable
from itertools import islice, takewhile

OPEN, SHUT = b"o", b"s"
HEARD, CONNECTION = b"h", b"c"

SILENCE = 1.0
"""Seconds for which it is waited that a client who has connected says what he wants. Who had no processor to say it sooner may
be a probe; handed on, he would be behind all others."""

TRUST = 3.0
"""Seconds after the service's last word for which it is trusted to live: who hangs is not to be brought clients."""

MOST = 16384
"""How many connections may wait for the service here; more wait in the kernel."""

_WORD_BYTES = 65536
_PROBE_BYTES = 4096
_AT_ONCE = 64  # accepted before it is listened to the service again
_SCARCE = 0.05  # seconds until it is tried again to have or to hand on a descriptor
_PROBE = re.compile(
    rb"GET (?P<path>[!->@-~]+)(?:\?[!-~]*)? HTTP/1\.1\r\n"
    rb"(?:(?!(?i:Content-Length|Transfer-Encoding|Expect|Upgrade|X-Request-ID):)"
    rb"[0-9A-Za-z!#$%&'*+.^_`|~-]+:[\t -~\x80-\xFF]*\r\n)*\r\n"
)


class Doorkeeper:
    """Stands between a listening socket and the service at the other end of `channel`, for probes of some targets."""

    def __init__(self, listening: socket.socket, channel: socket.socket, targets: frozenset[bytes]) -> None:
        self._listening = listening
        self._channel = channel
        self._targets = targets
        self._silent: dict[int, tuple[socket.socket, float]] = {}
        self._held: deque[socket.socket] = deque()
        self._open = False
        self._answer = b""
        self._trusted_until = 0.0
        self._poll = select.epoll()
        self._poll.register(channel, select.EPOLLIN)
        self._poll.register(listening, 0)
        self.dismissed = False

    def step(self) -> None:
        """Wait until something happens, and see to it."""
        happened = self._wait()
        if self._channel.fileno() in happened:
            self._hear()
        if self._listening.fileno() in happened:
            self._accept()
        self._listen_to([descriptor for descriptor in happened if descriptor in self._silent])
        self._give_up_on_silent()
        self._hand_on()

    def finish(self) -> None:
        """Hand on whom we have, however long it takes; raises `OSError` if nobody takes them."""
        self._held.extend(connection for connection, _ in self._silent.values())
        self._channel.setblocking(True)
        while self._held:
            self._hand_on()

    def _wait(self) -> dict[int, int]:
        now = time.monotonic()
        accepts = self._open and self._trusted_until > now and len(self._held) + len(self._silent) < MOST
        self._poll.modify(self._channel, select.EPOLLIN | (select.EPOLLOUT if self._held else 0))
        self._poll.modify(self._listening, select.EPOLLIN if accepts else 0)
        ends = [*([self._trusted_until] if accepts else []), *islice((until for _, until in self._silent.values()), 1)]
        return dict(self._poll.poll(max(0.0, min(ends) - now) if ends else None))

    def _hear(self) -> None:
        """Take the service's word, if it has said one."""
        try:
            word = self._channel.recv(_WORD_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if not word:
            self.dismissed = True
            return
        self._open = word.startswith(OPEN)
        self._answer = word[1:]
        self._trusted_until = time.monotonic() + TRUST
        self.say_heard()

    def say_heard(self) -> None:
        """Tell the service that somebody is here."""
        with contextlib.suppress(BlockingIOError):  # it has not even taken those whom it was given
            self._channel.send(HEARD)

    def _accept(self) -> None:
        """Accept whom nobody else has accepted, a few at a time."""
        for _ in range(_AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor is left
                time.sleep(_SCARCE)
                return
            connection.setblocking(False)
            self._silent[connection.fileno()] = connection, time.monotonic() + SILENCE
            self._poll.register(connection, select.EPOLLIN)

    def _listen_to(self, descriptors: Iterable[int]) -> None:
        for descriptor in descriptors:
            self._poll.unregister(descriptor)
            self._receive(self._silent.pop(descriptor)[0])

    def _give_up_on_silent(self) -> None:
        now = time.monotonic()
        ended = takewhile(lambda one: one[1][1] <= now, self._silent.items())  # in the order in which they connected
        self._listen_to([descriptor for descriptor, _ in ended])

    def _receive(self, connection: socket.socket) -> None:
        """Tell a probe how the service is, if that is known; everybody else waits to be handed on, behind probes."""
        head = _sent(connection)
        if not asks_for(head, self._targets):
            self._held.append(connection)
        elif not self._answer or time.monotonic() > self._trusted_until:
            self._held.appendleft(connection)
        else:
            with connection, contextlib.suppress(OSError):  # he has left
                connection.recv(len(head))
                connection.sendall(self._answer)

    def _hand_on(self) -> None:
        """Hand on those who wait, in their order, as many as the service takes now."""
        while self._held:
            try:
                socket.send_fds(self._channel, [CONNECTION], [self._held[0].fileno()])
            except BlockingIOError:
                return
            except ConnectionError:
                raise
            except OSError:  # too many descriptors of this user are on their way (unix(7), ETOOMANYREFS)
                time.sleep(_SCARCE)
                return
            self._held.popleft().close()


def _sent(connection: socket.socket) -> bytes:
    """Give what a client has sent, and leave it there; nothing if he has left, which the service meets too."""
    try:
        return connection.recv(_PROBE_BYTES, socket.MSG_PEEK)
    except OSError:
        return b""


def asks_for(head: bytes, targets: frozenset[bytes]) -> bool:
    """Tell whether this is one whole, plain request for one of the targets, and nothing else."""
    request = _PROBE.fullmatch(head)
    return request is not None and request["path"] in targets and head.lower().count(b"\r\nhost:") == 1


def main(listening: str, channel: str, *targets: str) -> None:
    """Keep the door until dismissed, or until nobody is there to keep it for."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the service hears them as well, and has its say
        signal.signal(number, signal.SIG_IGN)
    service = socket.socket(fileno=int(channel))
    service.setblocking(False)
    with socket.socket(fileno=int(listening)) as door:
        door.setblocking(False)
        keeper = Doorkeeper(door, service, frozenset(target.encode() for target in targets))
        try:
            keeper.say_heard()
            while not keeper.dismissed:
                keeper.step()
            door.close()
            keeper.finish()
        except ConnectionError:  # the service has died
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
