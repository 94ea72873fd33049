"""A crowd tells refusals from failures, and asks for nothing twice."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from benchmarks.crowd import Member, Tally, header, targets


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def abort(self) -> None:
        pass


def member(*, impatient: bool = True) -> tuple[Member, Tally, Wire]:
    tally, wire = Tally(), Wire()
    one = Member(iter([b"first", b"second", b"third"]), tally, impatient=impatient)
    made: Any = wire
    one.connection_made(made)
    return one, tally, wire


async def test_a_picture_in_pieces_is_one_answer_and_the_next_is_asked_for() -> None:
    one, tally, wire = member()
    for piece in (b"HTTP/1.1 200 OK\r\nContent-", b"Length: 5\r\n\r\nab", b"cde"):
        one.data_received(piece)
    assert (len(tally.pictures), tally.refused, wire.written) == (1, 0, [b"first", b"second"])


@pytest.mark.parametrize("status", ["503 Service Unavailable", "429 Too Many Requests"])
async def test_who_is_told_when_to_come_back_was_refused(status: str) -> None:
    one, tally, wire = member()
    one.data_received(f"HTTP/1.1 {status}\r\nRetry-After: 7\r\nContent-Length: 1\r\n\r\nx".encode())
    assert (tally.refused, tally.waits, dict(tally.others)) == (1, [7], {})
    await asyncio.sleep(0.01)
    assert wire.written == [b"first", b"second"]


async def test_who_is_patient_waits_as_long_as_he_is_told() -> None:
    one, _, wire = member(impatient=False)
    one.data_received(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n")
    await asyncio.sleep(0.01)
    assert wire.written == [b"first"]


async def test_whatever_else_comes_is_a_failure() -> None:
    one, tally, _ = member()
    one.data_received(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
    one.data_received(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
    one.connection_lost(ConnectionResetError("reset"))
    assert dict(tally.others) == {"503": 1, "500": 1, "lost: reset": 1}


def test_nothing_is_asked_for_twice() -> None:
    asked = list(itertools.islice(targets(["a.jpg", "b.jpg"], "127.0.0.1", 80), 2000))
    assert len(set(asked)) == 2000


def test_a_header_that_is_not_there_is_blank() -> None:
    assert header(b"HTTP/1.1 200 OK\r\nA: b", b"retry-after") == b""
