"""The client counts answers, however their bytes arrive."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from contextlib import suppress

import pytest

from benchmarks.load import Asker, ask
from benchmarks.processes import HOST

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
_UNCHANGED = b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n"


class _Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def abort(self) -> None:
        self.aborted = True


def _asker(requests: Iterable[bytes] = itertools.repeat(b"ask"), status: bytes = b"200") -> tuple[Asker, _Wire]:
    asker, wire = Asker(iter(requests), status), _Wire()
    asker.connection_made(wire)
    return asker, wire


@pytest.mark.parametrize("size", [1, 7, 16, 100])
def test_answers_in_pieces_of_any_size_are_counted(size: int) -> None:
    asker, wire = _asker()
    for _ in range(3):
        for start in range(0, len(_ANSWER), size):
            asker.data_received(_ANSWER[start : start + size])
    assert len(asker.times) == 3
    assert asker.body_bytes == 15
    assert wire.written == [b"ask"] * 4


def test_an_answer_without_a_body_is_counted() -> None:
    asker, _ = _asker(status=b"304")
    asker.data_received(_UNCHANGED)
    asker.data_received(_UNCHANGED)
    assert (len(asker.times), asker.body_bytes) == (2, 0)


def test_heads_and_bodies_may_differ_in_length() -> None:
    asker, _ = _asker()
    asker.data_received(_ANSWER)
    asker.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-Request-ID: 10\r\n\r\nhi")
    assert (len(asker.times), asker.body_bytes) == (2, 7)


def test_connections_share_the_requests_and_end_when_there_are_no_more() -> None:
    requests = iter([b"a", b"b", b"c"])
    (one, first), (other, second) = _asker(requests), _asker(requests)
    one.data_received(_ANSWER)
    other.data_received(_ANSWER)
    assert (first.written, second.written) == ([b"a", b"c"], [b"b"])
    assert (one.ended.is_set(), other.ended.is_set()) == (False, True)
    assert other.broken == ""


def test_another_status_ends_the_measurement() -> None:
    asker, wire = _asker()
    asker.data_received(_UNCHANGED)
    assert (asker.times, wire.aborted) == ([], True)
    assert "304" in asker.broken


def test_an_answer_of_unknown_length_ends_the_measurement() -> None:
    asker, _ = _asker()
    asker.data_received(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert asker.broken == "an answer without Content-Length"


def test_a_connection_that_is_closed_is_told() -> None:
    asker, _ = _asker()
    asker.connection_lost(None)
    assert asker.broken == "the connection was closed"


def test_a_connection_that_we_close_is_not_told() -> None:
    asker, _ = _asker()
    asker.stop()
    asker.connection_lost(None)
    assert asker.broken == ""


async def _served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(_ANSWER)
    writer.close()


@pytest.mark.parametrize(("requests", "seconds"), [(7, None), (1, 0.2)], ids=["each once", "round and round"])
async def test_a_real_server_is_asked_as_ordered(requests: int, seconds: float | None) -> None:
    async with await asyncio.start_server(_served, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        order = {"host": HOST, "port": port, "status": 200, "seconds": seconds, "connections": 3}
        told = await ask({**order, "requests": ["GET / HTTP/1.1\r\n\r\n"] * requests})
        await asyncio.sleep(0.05)  # the server notices that its clients have gone
    assert told["broken"] == ""
    assert told["answered"] == 7 if seconds is None else told["answered"] > 7
    assert told["bytes"] == 5 * told["answered"]
    assert 0 < told["p50"] <= told["p99"]
