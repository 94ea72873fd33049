"""Pictures as bytes: what is written is read, and nothing else is."""

from __future__ import annotations

import zlib
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.caches import codec
from imgproxy_py.caches.codec import decode, encode
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Placeholder
from imgproxy_py.recipe.picture import Picture, Timings

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 2**62)

PICTURES = st.builds(
    Picture,
    data=st.binary(max_size=500),
    format=st.sampled_from(Format),
    width=COUNTS,
    height=COUNTS,
    origin_format=st.sampled_from(Format),
    origin_width=COUNTS,
    origin_height=COUNTS,
    origin_bytes=COUNTS,
    etag=TEXTS,
    modified_at=st.none() | NUMBERS,
    cache_control=TEXTS,
    origin_expires_at=st.none() | NUMBERS,
    headers=st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple),
    source=TEXTS,
    tags=st.lists(TEXTS, max_size=3).map(tuple),
    placeholder=st.none() | st.sampled_from(Placeholder),
    complete=st.booleans(),
    credentials=st.sampled_from(["", "kept", "dropped"]),
    ignored=st.sampled_from(["", "trim"]),
    origin_etag=TEXTS,
    checked_at=st.none() | NUMBERS,
    timings=st.just(Timings()),
)


@given(PICTURES)
def test_what_is_written_is_read(picture: Picture) -> None:
    read = decode(encode(picture))
    assert read == picture
    assert read is not None
    assert type(read.data) is bytes
    assert type(read.format) is Format
    assert type(read.placeholder) is type(picture.placeholder)


@given(PICTURES, st.data())
def test_one_changed_byte_makes_a_miss(picture: Picture, draw: st.DataObject) -> None:
    written = bytearray(encode(picture))
    at = draw.draw(st.integers(0, len(written) - 1))
    written[at] ^= draw.draw(st.integers(1, 255))
    assert decode(bytes(written)) is None


@given(PICTURES, st.data())
def test_what_is_cut_or_longer_is_a_miss(picture: Picture, draw: st.DataObject) -> None:
    written = encode(picture)
    assert decode(written[: draw.draw(st.integers(0, len(written) - 1))]) is None
    assert decode(written + draw.draw(st.binary(min_size=1, max_size=5))) is None


@given(st.binary(max_size=200))
def test_foreign_bytes_are_a_miss(data: bytes) -> None:
    assert decode(data) is None


def test_another_version_is_a_miss(monkeypatch: pytest.MonkeyPatch, picture: Picture) -> None:
    monkeypatch.setattr(codec, "VERSION", codec.VERSION + 1)
    written = encode(picture)
    assert decode(written) is not None
    monkeypatch.undo()
    assert decode(written) is None


@pytest.mark.parametrize(
    "change",
    [
        {"width": "wide"},
        {"format": "docx"},
        {"placeholder": "blurry"},
        {"placeholder": 1},
        {"tags": [1]},
        {"tags": "abc"},
        {"modified_at": "now"},
        {"complete": 1},
        {"surplus": 1},
        {"etag": None},
        {"origin_etag": None},
        {"checked_at": "now"},
    ],
)
def test_a_header_with_wrong_values_is_a_miss(picture: Picture, change: dict[str, object]) -> None:
    written = encode(picture)
    start = codec._START.size
    _, _, _, length = codec._START.unpack_from(written)
    header = orjson.dumps(orjson.loads(written[start : start + length]) | change)
    assert decode(_signed(header, picture.data)) is None
    assert decode(_signed(b"[]", picture.data)) is None
    assert decode(_signed(b"{", picture.data)) is None


def _signed(header: bytes, data: bytes) -> bytes:
    length = codec._LENGTH.pack(len(header))
    checksum = zlib.crc32(length + header + data)
    return codec._START.pack(b"ipy", codec.VERSION, checksum, len(header)) + header + data


def test_timings_are_not_kept(picture: Picture) -> None:
    read = decode(encode(replace(picture, timings=Timings(fetch=5.0))))
    assert read is not None
    assert read.timings == Timings()


@pytest.fixture
def picture() -> Picture:
    return Picture(
        data=b"data",
        format=Format.PNG,
        width=1,
        height=2,
        origin_format=Format.JPEG,
        origin_width=3,
        origin_height=4,
        origin_bytes=5,
        tags=("a",),
    )
