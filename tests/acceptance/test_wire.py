"""What a connection may send and hold, byte by byte: nobody can make us, or a proxy in front of us, mix requests up, and
nobody can hold much for long."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from imgproxy_py.web.wire import HEAD_BYTES
from tests import pictures
from tests.acceptance.clients import Client, parsed_head, raw
from tests.acceptance.service import PATIENCE, Service, serving, until

GET = b"GET /health HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /health HTTP/1.1\r\nHost: a\r\n"
NEXT = b"GET /health HTTP/1.1\r\nHost: b\r\nX-Request-ID: next\r\n\r\n"
FIRST_LINES = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that is soon tired of waiting."""
    folder = tmp_path_factory.mktemp("wired")
    (folder / "large.png").write_bytes(pictures.png(pictures.noise(1600, 1200)))
    settings = {
        "local_filesystem_root": str(folder),
        "read_request_timeout": "0.5",
        "write_response_timeout": "0.5",
        "keep_alive_timeout": "2",
        "log_level": "debug",
    }
    with serving(folder, **settings) as running:
        yield running


def statuses(answered: bytes) -> list[int]:
    return [int(one) for one in FIRST_LINES.findall(answered)]


def seconds_open(port: int, data: bytes, every: float = 0.0, then: bytes = b"") -> tuple[float, bytes]:
    """Send something, then a piece every so many seconds; give how long that was put up with, and what was said."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        started = time.monotonic()
        connection.sendall(data)
        connection.settimeout(every or PATIENCE)
        said = b""
        while time.monotonic() - started < PATIENCE:
            try:
                piece = connection.recv(65536)
            except TimeoutError:
                with suppress(ConnectionError):
                    connection.sendall(then)
                continue
            except ConnectionError:
                break
            if not piece:
                break
            said += piece
        return time.monotonic() - started, said


# --- shapes by which a proxy and its server are led to see different requests ------------------------------------------

REFUSED = {
    "a length and chunks": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 42\r\n\r\n",
    "the same length twice": POST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": POST + b"Content-Length: 0, 0\r\n\r\n",
    "a length with a sign": POST + b"Content-Length: +0\r\n\r\n",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a hexadecimal length": POST + b"Content-Length: 0x0\r\n\r\n",
    "a length with a gap": POST + b"Content-Length: 1 0\r\n\r\n",
    "no length": POST + b"Content-Length: \r\n\r\n",
    "a length beyond all numbers": POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "no coding": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "chunks that are not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a vertical tab before a coding": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a quoted coding": POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "a space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a folded field": GET + b"X-A: a\r\n b\r\n\r\n",
    "a space before the first field": b"GET /health HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n",
    "bare line feeds": b"GET /health HTTP/1.1\nHost: a\n\n",
    "one bare line feed": b"GET /health HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "a bare carriage return": GET + b"X: a\rY: b\r\n\r\n",
    "a NUL in a value": GET + b"X: a\x00b\r\n\r\n",
    "a NUL in a name": GET + b"X\x00: a\r\n\r\n",
    "a control character": GET + b"X: a\x01b\r\n\r\n",
    "a line without a colon": GET + b"Xab\r\n\r\n",
    "an empty name": GET + b": ab\r\n\r\n",
    "two hosts": GET + b"Host: b\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "a URL without a host": b"GET http:///health HTTP/1.1\r\nHost: a\r\n\r\n",
    "a chunk of 0x0": POST + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "a negative chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "a chunk beyond all numbers": POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n",
    "chunks with bare line feeds": POST + b"Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n",
    "a line feed in a chunk's extension": POST + b"Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\na\r\n0\r\n\r\n",
    "a chunk longer than it says": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab0\r\n\r\n",
    "a space after a chunk's length": POST + b"Transfer-Encoding: chunked\r\n\r\n0 \r\n\r\n",
    "a length in a trailer": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
    "a version of the future": b"GET /health HTTP/1.2\r\nHost: a\r\n\r\n",
    "HTTP/2": b"GET /health HTTP/2.0\r\nHost: a\r\n\r\n",
    "no version": b"GET /health\r\n",
    "tabs between the words": b"GET\t/health\tHTTP/1.1\r\nHost: a\r\n\r\n",
    "a method in small letters": b"get /health HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_might_be_read_otherwise_is_refused_and_nothing_after_it_is_read(name: str, service: Service) -> None:
    answered = raw(service.port, REFUSED[name] + NEXT, 5)
    assert b"next" not in answered
    assert [one for one in statuses(answered) if one != 404] == [400]  # a body may be found wrong after the answer
    assert b"imgproxy is running" not in answered


LAST = {
    "a chunked body": (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 404),
    "a chunked body after a tab": (POST + b"Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n", 404),
    "a compressed chunked body": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 404),
    "an extended chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\n1;a=b\r\na\r\n0\r\n\r\n", 404),
    "chunks of HTTP/1.0": (
        b"POST /health HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        404,
    ),
    "an offer of web sockets": (GET + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", 200),
    "an offer of HTTP/2": (GET + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", 200),
    "a tunnel": (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 404),
}


@pytest.mark.parametrize("name", LAST)
def test_what_others_may_end_elsewhere_is_the_last_of_its_connection(name: str, service: Service) -> None:
    data, status = LAST[name]
    started = time.monotonic()
    answered = raw(service.port, data + NEXT)
    assert statuses(answered) == [status]
    assert b"\r\nConnection: close\r\n" in answered or answered.startswith(b"HTTP/1.0")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "data",
    [
        GET + b"\r\n",
        b"\r\n\r\n" + GET + b"\r\n",
        b"GET http://elsewhere/health HTTP/1.1\r\nHost: a\r\n\r\n",
        GET + b"Transfer_Encoding: chunked\r\n\r\n",
        GET + b"X: \xff\r\n\r\n",
        GET + f"Content-Length: {len(NEXT)}\r\n\r\n".encode() + NEXT,
    ],
    ids=[
        "plain",
        "empty lines",
        "a whole URL",
        "a name like another",
        "bytes beyond ASCII",
        "a body that is a request",
    ],
)
def test_what_is_plain_is_answered_and_so_is_what_follows(data: bytes, service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection:
        connection.sendall(data + NEXT)
        answered = b""
        while b"next" not in answered or not answered.endswith(b"imgproxy is running"):
            answered += connection.recv(65536)
    assert statuses(answered) == [200, 200]


def test_requests_in_a_row_are_answered_in_their_order(service: Service, folder: Path) -> None:
    (folder / "row.png").write_bytes(pictures.png(pictures.marked(60, 40)))
    requests = [
        f"GET /unsafe/w:{20 + one % 7}/f:png/plain/local:///row.png HTTP/1.1\r\nHost: a\r\nX-Request-ID: n-{one}\r\n\r\n"
        for one in range(200)
    ]
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection:
        connection.sendall("".join(requests).encode())
        stream = connection.makefile("rb")
        for one in range(200):
            head = b"".join(iter(stream.readline, b"\r\n"))
            status, headers = parsed_head(head)
            body = stream.read(int(headers["Content-Length"]))
            assert (status, headers["X-Request-ID"]) == (200, f"n-{one}")
            assert int.from_bytes(body[16:20], "big") == 20 + one % 7


def test_no_more_is_read_than_a_few_requests_ahead(service: Service, folder: Path) -> None:
    """A client that asks on and on and reads nothing fills its own buffers, not ours."""
    (folder / "ahead.png").write_bytes(pictures.png(pictures.noise(300, 300)))
    request = b"GET /unsafe/raw:1/plain/local:///ahead.png HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(1)
        sent = 0
        with suppress(TimeoutError):
            while sent < 64_000_000:
                sent += connection.send(request * 500)
    assert sent < 16_000_000
    service.reaches(0, "requests_in_progress")


def test_heads_of_any_bytes_are_answered_or_refused_and_nothing_else(service: Service) -> None:
    chance = random.Random(20_261_121)
    pieces = (
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b":",
        b"\t",
        b"\xff",
        b"chunked",
        b"Content-Length: 7\r\n",
        b"0",
        b"HTTP/1.0",
        b"*",
    )
    heads = [*REFUSED.values(), *(data for data, _ in LAST.values()), b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"]
    told: Counter[int] = Counter()
    for _ in range(250):
        data = bytearray(chance.choice(heads))
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(data) + 1)
            data[place : place + chance.choice((0, 0, 1, 8))] = chance.choice(pieces)
        answered = raw(
            service.port, bytes(data) + b"\r\n\r\n" + NEXT, 0.2
        )  # what may yet become a request is waited for
        told.update(statuses(answered))
    assert set(told) <= {200, 400, 404, 405, 417, 431}
    assert told[400] > 100
    assert service.is_alive()
    assert service.own_errors() == []


# --- heads and bodies that are too much --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"".join(b"X-%d: a\r\n" % one for one in range(100)), 200),
        (b"".join(b"X-%d: a\r\n" % one for one in range(200)), 431),
        (b"X: " + b"a" * 8000 + b"\r\n", 200),
        (b"X: " + b"a" * 9000 + b"\r\n", 431),
        (b"X" * 9000 + b": a\r\n", 431),
        (b"".join(b"X-%d: " % one + b"a" * 6000 + b"\r\n" for one in range(10)), 200),
        (b"".join(b"X-%d: " % one + b"a" * 6000 + b"\r\n" for one in range(12)), 431),
    ],
    ids=["many", "too many", "long", "too long", "a name too long", "much", "too much"],
)
@pytest.mark.parametrize("piece", [1_000_000, 5_000], ids=["at once", "in pieces"])
def test_a_head_has_its_limits(fields: bytes, status: int, piece: int, service: Service) -> None:
    data = GET + fields + b"Connection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection:
        with suppress(ConnectionError):
            for place in range(0, len(data), piece):
                connection.sendall(data[place : place + piece])
                time.sleep(0.005)
        answered = b""
        with suppress(ConnectionError):
            while read := connection.recv(65536):
                answered += read
    assert statuses(answered) in ([[status]] if status == 200 else [[status], []])  # a reset may overtake the refusal


def test_a_flood_of_fields_is_stopped_at_the_limit(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection:
        connection.sendall(GET)
        sent = 0
        with suppress(ConnectionError):
            while sent < 100 * HEAD_BYTES:
                connection.sendall(b"X-Y: " + b"z" * 500 + b"\r\n")
                sent += 507
                time.sleep(0.0005)
    assert sent < 20 * HEAD_BYTES


def test_a_body_that_nobody_wants_is_not_read_to_its_end(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection:
        connection.sendall(GET + b"Content-Length: 1000000000\r\n\r\n")
        started = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - started < 20:
                connection.sendall(b"x" * 10_000)
                time.sleep(0.01)
    assert time.monotonic() - started < 10


# --- clients that are slow ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("beginning", "then"),
    [(b"G", b""), (GET, b""), (GET + b"X: ", b"x"), (GET, b"X: a\r\n")],
    ids=["a letter", "a line", "amid a field", "field by field"],
)
def test_a_head_that_trickles_in_has_its_time(beginning: bytes, then: bytes, wired: Service) -> None:
    seconds, said = seconds_open(wired.port, beginning, every=0.1, then=then)
    assert 0.4 < seconds < 1.9
    assert said == b""


def test_an_idle_connection_has_its_time_before_and_after_a_request(wired: Service) -> None:
    assert 1.5 < seconds_open(wired.port, b"")[0] < 5
    assert 1.5 < seconds_open(wired.port, GET + b"\r\n")[0] < 5


def test_a_head_that_begins_late_has_all_its_time(wired: Service) -> None:
    with socket.create_connection(("127.0.0.1", wired.port), PATIENCE) as connection:
        time.sleep(1.8)
        connection.sendall(GET)
        time.sleep(0.3)
        connection.sendall(b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def hungry(port: int, target: str, buffer: int = 4096, headers: str = "") -> socket.socket:
    """A client that asks and reads nothing yet."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(PATIENCE)
    connection.connect(("127.0.0.1", port))
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\n{headers}\r\n".encode())
    return connection


LARGE = "/unsafe/raw:1/plain/local:///large.png"
MADE = "/unsafe/f:png/w:1500/plain/local:///large.png"


def cut_off(service: Service) -> int:
    return sum(one["event"] == "client_cut_off" for one in list(service.events))


@pytest.mark.parametrize("headers", ["", "Connection: close\r\n"], ids=["kept", "closing"])
@pytest.mark.parametrize("target", [LARGE, MADE], ids=["relayed", "in memory"])
def test_who_takes_nothing_is_cut_off(target: str, headers: str, wired: Service) -> None:
    assert wired.get(target).status == 200
    before = cut_off(wired)
    with ExitStack() as stack:
        clients = [stack.enter_context(hungry(wired.port, target, headers=headers)) for _ in range(20)]
        until(lambda: cut_off(wired) >= before + 20)
        for one in clients:
            with suppress(ConnectionError):
                assert len(one.recv(10_000_000)) < 5_000_000
        wired.reaches(0, "requests_in_progress")
    assert wired.is_alive()


async def test_who_takes_slowly_but_steadily_is_served(wired: Service) -> None:
    """The kernel wants more of us only when a third of its buffer is free, and by then a slow client has read for long."""
    whole = wired.get(MADE).body
    loop, answered, started = asyncio.get_running_loop(), b"", time.monotonic()
    with hungry(wired.port, MADE, 65_536) as connection:
        connection.setblocking(False)
        while not answered.endswith(whole):
            slow = time.monotonic() - started < 3
            piece = await asyncio.wait_for(loop.sock_recv(connection, 30_000 if slow else 1_000_000), PATIENCE)
            assert piece, "cut off"
            answered += piece
            await asyncio.sleep(0.1 if slow else 0)


def test_many_who_take_nothing_cost_no_memory(wired: Service) -> None:
    wired.get(MADE)
    known, before = cut_off(wired), wired.metric("process_resident_memory_bytes")
    grown = [0.0]
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(hungry(wired.port, MADE))
        while cut_off(wired) < known + 100:
            grown.append(wired.metric("process_resident_memory_bytes") - before)
            assert wired.get("/health").seconds < 5
    assert max(grown) < 30_000_000  # of 500 MB that they asked for


# --- ends of connections -----------------------------------------------------------------------------------------------


async def test_who_closes_his_half_has_left(service: Service) -> None:
    """As with nearly all servers whose work is dear: the end of a client's stream is his leave, and stops the work."""
    client = await Client.connected(service.port)
    await client.send("/health")
    assert (await client.answer()).status == 200
    client._writer.write_eof()
    assert await asyncio.wait_for(client._reader.read(), PATIENCE) == b""
    await client.leave()


def test_resets_amid_everything_leave_nothing(service: Service, folder: Path) -> None:
    (folder / "reset.png").write_bytes(pictures.png(pictures.noise(400, 400)))
    target = b"GET /unsafe/f:webp/w:200/cb:%d/plain/local:///reset.png HTTP/1.1\r\nHost: a\r\n\r\n"
    for number in range(100):
        connection = socket.create_connection(("127.0.0.1", service.port), PATIENCE)
        connection.sendall((target % number)[: 20 + 2 * number])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    for name in ("requests_in_progress", "open_connections", "places_in_use", "flights"):
        service.reaches(0, name)
    assert service.is_alive()


def test_more_connections_than_files_stop_nobody_for_long(tmp_path: Path) -> None:
    with serving(tmp_path, by=["prlimit", "--nofile=80:80"], max_clients="0", fails=True) as service:
        with ExitStack() as stack:
            for _ in range(150):
                with suppress(OSError):
                    stack.enter_context(socket.create_connection(("127.0.0.1", service.port), 1))
            assert service.process.poll() is None
        until(lambda: service.process.poll() is None and answers(service))


def answers(service: Service) -> bool:
    try:
        return service.is_alive()
    except (OSError, EOFError):
        return False
