"""Preconditions and ranges (RFC 9110 §13, §14)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.recipe.picture import Validators
from imgproxy_py.stores.conditions import (
    any_tag_matches,
    conditions,
    http_date,
    range_applies,
    ranges,
    read_date,
    unchanged,
)
from imgproxy_py.stores.port import ByteRange

DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
NOW = Validators(etag='"a"', modified_at=1_700_000_000.75)


@pytest.mark.parametrize(
    ("header", "etag", "matches"),
    [
        ('"a"', '"a"', True),
        ('W/"a"', '"a"', True),
        ('"a"', 'W/"a"', True),
        ('"x", W/"a" ,"y"', '"a"', True),
        ('"x,a"', '"a"', False),
        (' "a,b"', '"a,b"', True),
        ("*", '"a"', True),
        ("a", '"a"', False),
        ('""', "", False),
        ("", '"a"', False),
    ],
)
def test_tags_are_compared_weakly(header: str, etag: str, matches: bool) -> None:
    assert any_tag_matches(header, etag) == matches


@pytest.mark.parametrize(
    ("unless", "expected"),
    [
        (Validators(), False),
        (Validators(etag='"a"'), True),
        (Validators(etag='"b"'), False),
        (Validators(etag='"b"', modified_at=1_800_000_000.0), False),
        (Validators(etag='"a"', modified_at=1.0), True),
        (Validators(modified_at=1_700_000_000.0), True),
        (Validators(modified_at=1_699_999_999.0), False),
    ],
)
def test_a_tag_decides_before_a_date(unless: Validators, expected: bool) -> None:
    assert unchanged(NOW, unless) == expected


def test_what_has_no_validators_has_always_changed() -> None:
    assert not unchanged(Validators(), Validators(etag='"a"'))
    assert not unchanged(Validators(), Validators(modified_at=1.0))


def test_headers_are_read_as_conditions() -> None:
    assert conditions(' "a" ', DATE) == Validators(etag='"a"', modified_at=1_700_000_000.0)
    assert conditions("", "yesterday") == Validators()


@pytest.mark.parametrize(
    ("if_range", "applies"),
    [
        ("", True),
        ('"a"', True),
        ('"b"', False),
        ('W/"a"', False),
        (DATE, True),
        ("yesterday", False),
        ("Tue, 14 Nov 2023 22:13:21 GMT", False),
    ],
)
def test_if_range_is_exact(if_range: str, applies: bool) -> None:
    assert range_applies(if_range, NOW) == applies


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", [(0, 0)]),
        ("bytes=5-", [(5, 9)]),
        ("bytes=5-99", [(5, 9)]),
        ("bytes=-3", [(7, 9)]),
        ("bytes=-99", [(0, 9)]),
        ("Bytes = 1-2 , 4-5", [(1, 2), (4, 5)]),
        ("bytes=1-2,20-", [(1, 2)]),
        ("bytes=10-", []),
        ("bytes=-0", []),
        ("bytes=20-30,40-", []),
        ("bytes=5-4", None),
        ("bytes=", None),
        ("bytes=a-b", None),
        ("bytes=--1", None),
        ("bytes=1-2;3-4", None),
        ("bytes 0-5", None),
        ("pages=0-5", None),
        ("", None),
        ("bytes=٣-٤", None),
    ],
)
def test_ranges_are_resolved(header: str, expected: list[tuple[int, int]] | None) -> None:
    wanted = None if expected is None else tuple(ByteRange(first=first, last=last) for first, last in expected)
    assert ranges(header, 10) == wanted


def test_nothing_has_no_ranges() -> None:
    assert ranges("bytes=0-", 0) == ()
    assert ranges("bytes=-5", 0) == ()


@given(st.text(alphabet="bytes=0123456789-, x", max_size=40), st.integers(0, 100))
def test_every_range_lies_within(header: str, size: int) -> None:
    for one in ranges(header, size) or ():
        assert 0 <= one.first <= one.last < size
        assert one.length > 0


@given(st.integers(0, 4_000_000_000))
def test_dates_are_read_as_written(seconds: int) -> None:
    assert read_date(http_date(seconds)) == seconds


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_a_date_without_a_zone_is_in_utc_wherever_the_server_stands(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    assert read_date("Sun Nov  6 08:49:37 1994") == read_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777
