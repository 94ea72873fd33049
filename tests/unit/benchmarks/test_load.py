"""The client counts answers, however their bytes arrive."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.load import Asker

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


def _asker(status: bytes = b"200") -> tuple[Asker, _Wire]:
    asker, wire = Asker(b"ask", status), _Wire()
    asker.connection_made(wire)
    return asker, wire


@pytest.mark.parametrize("size", [1, 7, 16, 100])
def test_answers_in_pieces_of_any_size_are_counted(size: int) -> None:
    asker, wire = _asker()
    for _ in range(3):
        for start in range(0, len(_ANSWER), size):
            asker.data_received(_ANSWER[start : start + size])
    assert asker.answered == 3
    assert wire.written == [b"ask"] * 4


def test_an_answer_without_a_body_is_counted() -> None:
    asker, _ = _asker(b"304")
    asker.data_received(_UNCHANGED)
    asker.data_received(_UNCHANGED)
    assert asker.answered == 2


def test_heads_may_differ_in_length() -> None:
    asker, _ = _asker()
    asker.data_received(_ANSWER)
    asker.data_received(_ANSWER.replace(b"\r\n\r\n", b"\r\nX-Request-ID: 10\r\n\r\n"))
    assert asker.answered == 2


def test_another_status_ends_the_measurement() -> None:
    asker, wire = _asker()
    asker.data_received(_UNCHANGED)
    assert (asker.answered, wire.aborted) == (0, True)
    assert "304" in asker.broken


def test_a_connection_that_is_closed_is_told() -> None:
    asker, _ = _asker()
    asker.connection_lost(None)
    assert asker.broken == "the connection was closed"
