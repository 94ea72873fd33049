"""Who keeps the door tells probes what it was told, and hands everybody else on untouched."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from imgproxy_py.web import doorkeeper
from imgproxy_py.web.doorkeeper import HEARD, OPEN, SHUT, Doorkeeper, asks_for

ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine"
HEALTH = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
PICTURE = b"GET /picture HTTP/1.1\r\nHost: a\r\n\r\n"
TARGETS = frozenset({b"/health"})


@pytest.mark.parametrize(
    "head",
    [
        HEALTH,
        b"GET /health?because=why HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: a\r\nuser-agent: kube-probe/1.34\r\naccept: */*\r\nconnection: close\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost:a\r\nX-Empty:\r\nX-Latin: \xe9\r\n\r\n",
    ],
)
def test_a_whole_plain_request_is_a_probe(head: bytes) -> None:
    assert asks_for(head, TARGETS)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET /health",
        HEALTH[:-1],
        PICTURE,
        b"GET /health HTTP/1.1\r\n\r\n",
        HEALTH.replace(b"Host: a", b"Host: a\r\nHost: b"),
        HEALTH.replace(b"GET", b"HEAD"),
        HEALTH.replace(b"1.1", b"1.0"),
        HEALTH.replace(b"/health", b"/health/"),
        HEALTH.replace(b"/health", b"http://a/health"),
        HEALTH.replace(b"/health", b"/health#there"),
        HEALTH + b"x",
        HEALTH + HEALTH,
        HEALTH.replace(b"Host: a", b"Content-Length: 3") + b"abc",
        HEALTH.replace(b"Host: a", b"Host: a\r\ncontent-LENGTH: 0"),
        HEALTH.replace(b"Host: a", b"Transfer-Encoding: chunked"),
        HEALTH.replace(b"Host: a", b"Expect: 100-continue"),
        HEALTH.replace(b"Host: a", b"Upgrade: websocket"),
        HEALTH.replace(b"Host: a", b"X-Request-ID: mine"),
        HEALTH.replace(b"Host: a", b"Host : a"),
        HEALTH.replace(b"Host: a", b" folded: a"),
        HEALTH.replace(b"Host: a", b"Host"),
        HEALTH.replace(b"Host: a", b"Host: a\x00"),
        HEALTH.replace(b"\r\n", b"\n"),
        b"\r\n" + HEALTH,
    ],
)
def test_whatever_is_not_as_plain_is_none(head: bytes) -> None:
    assert not asks_for(head, TARGETS)


@dataclass
class Door:
    """A door that is kept in this process, step by step."""

    listening: socket.socket
    service: socket.socket
    keeper: Doorkeeper

    def client(self, says: bytes = b"") -> socket.socket:
        connection = socket.create_connection(self.listening.getsockname(), 10)
        connection.sendall(says)
        return connection

    def says(self, word: bytes) -> None:
        self.service.send(word)
        self.keeper.step()
        assert self.service.recv(1) == HEARD

    def still_there(self) -> bytes:
        """What the next one sent whom nobody has accepted so far."""
        connection, _ = self.listening.accept()
        with connection:
            return connection.recv(4096)

    def handed_on(self) -> socket.socket:
        """The next connection that the service is given."""
        for _ in range(10):
            try:
                _, (descriptor,), _, _ = socket.recv_fds(self.service, 1, 1)
            except BlockingIOError:
                self.keeper.step()
            else:
                connection = socket.socket(fileno=descriptor)
                connection.settimeout(10)
                return connection
        raise AssertionError("nobody was handed on")

    def answered(self, client: socket.socket) -> bytes:
        """All that a client is told until he hears that this is all."""
        client.setblocking(False)
        told = b""
        for _ in range(20):
            try:
                while part := client.recv(4096):
                    told += part
            except BlockingIOError:
                self.keeper.step()
            else:
                return told
        raise AssertionError(f"the end never came, only {told!r}")


@pytest.fixture
def door() -> Iterator[Door]:
    service, channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with socket.create_server(("127.0.0.1", 0)) as listening, service, channel:
        for one in (listening, service, channel):
            one.setblocking(False)
        yield Door(listening, service, Doorkeeper(listening, channel, TARGETS))


def test_a_probe_is_told_and_its_connection_closed(door: Door) -> None:
    door.says(OPEN + ANSWER)
    with door.client(HEALTH) as client:
        assert door.answered(client) == ANSWER


def test_a_probe_is_told_what_was_heard_last(door: Door) -> None:
    door.says(OPEN + ANSWER)
    door.says(OPEN + ANSWER.replace(b"fine", b"good"))
    with door.client(HEALTH) as client:
        assert door.answered(client).endswith(b"good")


def test_who_wants_something_else_is_handed_on_with_what_he_has_sent(door: Door) -> None:
    door.says(OPEN + ANSWER)
    with door.client(PICTURE) as client, door.handed_on() as given:
        assert given.recv(4096) == PICTURE
        given.sendall(b"picture")
        assert client.recv(4096) == b"picture"


def test_connections_are_handed_on_in_their_order(door: Door) -> None:
    door.says(OPEN + ANSWER)
    clients = [door.client(PICTURE.replace(b"picture", b"%d" % number)) for number in range(100)]
    for number, client in enumerate(clients):
        with client, door.handed_on() as given:
            assert given.recv(4096).startswith(b"GET /%d " % number)


def test_a_probe_that_nothing_is_known_for_is_handed_on_before_others(door: Door) -> None:
    door.says(OPEN)
    with door.client(PICTURE), door.client(HEALTH), door.handed_on() as first, door.handed_on() as second:
        assert (first.recv(4096), second.recv(4096)) == (HEALTH, PICTURE)


def test_who_says_nothing_is_handed_on_all_the_same(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorkeeper, "SILENCE", 0.05)
    door.says(OPEN + ANSWER)
    before = time.monotonic()
    with door.client() as client, door.handed_on() as given:
        assert time.monotonic() - before >= doorkeeper.SILENCE
        client.sendall(HEALTH)
        assert given.recv(4096) == HEALTH


def test_who_is_a_moment_late_is_waited_for(door: Door) -> None:
    door.says(OPEN + ANSWER)
    with door.client() as client:
        door.keeper.step()
        time.sleep(0.2)
        door.says(OPEN + ANSWER)
        client.sendall(HEALTH)
        assert door.answered(client) == ANSWER


def test_who_has_left_is_the_services_to_notice(door: Door) -> None:
    door.says(OPEN + ANSWER)
    door.client().close()
    with door.handed_on() as given:
        assert given.recv(4096) == b""


def test_nobody_is_accepted_while_it_is_shut(door: Door) -> None:
    door.says(OPEN + ANSWER)
    door.says(SHUT + ANSWER)
    with door.client(PICTURE):
        door.says(SHUT + ANSWER)
        assert door.still_there() == PICTURE


def test_nobody_is_accepted_for_a_service_that_has_fallen_silent(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorkeeper, "TRUST", 0.0)
    door.says(OPEN + ANSWER)
    with door.client(HEALTH):
        door.says(OPEN + ANSWER)
        assert door.still_there() == HEALTH


def test_a_service_with_its_hands_full_gets_the_others_later(door: Door) -> None:
    door.says(OPEN + ANSWER)
    door.service.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    door.keeper._channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    clients = [door.client(PICTURE) for _ in range(60)]
    with door.client(HEALTH) as probe:
        assert door.answered(probe) == ANSWER
    taken = 0
    for client in clients:
        with client, door.handed_on() as given:
            assert given.recv(4096) == PICTURE
            taken += 1
    assert taken == 60


def test_who_was_accepted_is_handed_on_before_the_end(door: Door) -> None:
    door.says(OPEN + ANSWER)
    with door.client(PICTURE):
        door.keeper.step()
        door.service.shutdown(socket.SHUT_WR)
        while not door.keeper.dismissed:
            door.keeper.step()
        door.keeper.finish()
        with door.handed_on() as given:
            assert given.recv(4096) == PICTURE


@pytest.fixture
def running() -> Iterator[tuple[subprocess.Popen[bytes], socket.socket, socket.socket]]:
    service, channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    service.settimeout(10)
    with socket.create_server(("127.0.0.1", 0)) as listening, service, channel:
        descriptors = listening.fileno(), channel.fileno()
        command = [sys.executable, "-I", "-S", doorkeeper.__file__, *map(str, descriptors), "/health"]
        process = subprocess.Popen(command, pass_fds=descriptors, stderr=subprocess.PIPE)
        channel.close()
        assert service.recv(1) == HEARD
        with process:
            yield process, service, listening
            process.kill()


def test_the_process_keeps_the_door(running: tuple[subprocess.Popen[bytes], socket.socket, socket.socket]) -> None:
    _, service, listening = running
    service.send(OPEN + ANSWER)
    for _ in range(3):
        with socket.create_connection(listening.getsockname(), 10) as client:
            client.sendall(HEALTH)
            assert client.recv(4096) == ANSWER


@pytest.mark.parametrize("leave", [socket.socket.close, lambda service: service.shutdown(socket.SHUT_RDWR)])
def test_the_process_ends_with_its_service(
    running: tuple[subprocess.Popen[bytes], socket.socket, socket.socket], leave: object
) -> None:
    process, service, listening = running
    service.send(OPEN + ANSWER)
    with socket.create_connection(listening.getsockname(), 10):
        assert callable(leave)
        leave(service)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, b"")


def test_the_process_leaves_signals_to_its_service(
    running: tuple[subprocess.Popen[bytes], socket.socket, socket.socket],
) -> None:
    process, service, _ = running
    process.terminate()
    service.send(SHUT)
    assert service.recv(1) == HEARD
    service.shutdown(socket.SHUT_WR)
    assert process.wait(10) == 0
