"""Gzip is undone within limits."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.errors import SourceIncomplete, SourceTooLarge, SourceUnreachable
from imgproxy_py.sources import bodies
from imgproxy_py.sources.bodies import gunzip
from imgproxy_py.stores.keys import read_whole


async def _each(chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(st.lists(st.binary(max_size=3000), max_size=4), st.integers(1, 100), st.integers(0, 20))
def test_members_are_joined_however_they_are_cut(members: list[bytes], size: int, padding: int) -> None:
    packed = b"".join(gzip.compress(member) + bytes(padding) for member in members)
    assert asyncio.run(read_whole(gunzip(_each(cut(packed, size))), 0)) == b"".join(members)


@given(st.binary(max_size=300), st.integers(1, 20), st.data())
def test_what_breaks_off_is_incomplete(data: bytes, size: int, draw: st.DataObject) -> None:
    packed = gzip.compress(data)
    short = packed[: draw.draw(st.integers(1, len(packed) - 1))]
    with pytest.raises(SourceIncomplete):
        asyncio.run(read_whole(gunzip(_each(cut(short, size))), 0))


async def test_large_data_comes_in_pieces() -> None:
    data = bytes(5 * bodies.PIECE_BYTES + 7)
    pieces = [piece async for piece in gunzip(_each([gzip.compress(data)]))]
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= bodies.PIECE_BYTES


async def test_a_bomb_is_refused_without_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "FREE_BYTES", 1_000_000)
    with pytest.raises(SourceTooLarge):
        await read_whole(gunzip(_each([gzip.compress(bytes(3_000_000))])), 0)


async def test_the_limit_holds_for_what_comes_out() -> None:
    packed = gzip.compress(bytes(1000))
    assert len(await read_whole(gunzip(_each([packed])), 1000)) == 1000
    with pytest.raises(SourceTooLarge):
        await read_whole(gunzip(_each([packed])), 999)


@pytest.mark.parametrize(
    "packed",
    [b"no gzip", gzip.compress(b"x", mtime=0) + b"junk", b"\x1f\x8b\x08" + b"\xff" * 50],
    ids=["plain", "junk behind", "damaged"],
)
async def test_what_is_no_gzip_is_refused(packed: bytes) -> None:
    with pytest.raises(SourceUnreachable):
        await read_whole(gunzip(_each([packed])), 0)
