from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.delivery.ranges import Unsatisfiable, requested_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-99", (0, 99)),
        ("bytes=0-0", (0, 0)),
        ("bytes=10-19", (10, 19)),
        ("bytes=10-", (10, 99)),
        ("bytes=99-", (99, 99)),
        ("bytes=10-1000", (10, 99)),
        ("bytes=10-9999999999999999999", (10, 99)),
        ("bytes=-1", (99, 99)),
        ("bytes=-100", (0, 99)),
        ("bytes=-1000", (0, 99)),
        ("bytes=007-08", (7, 8)),
        ("bytes = 1-2 ", (1, 2)),
        # ignored, so that the whole is sent (RFC 9110 §14.2)
        (None, None),
        ("", None),
        ("bytes", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=5", None),
        ("bytes=9-5", None),
        ("bytes=0-1,3-4", None),
        ("bytes=0-1,", None),
        ("bytes=0 - 1", None),
        ("bytes=--1", None),
        ("bytes=+1-2", None),
        ("bytes=1.0-2", None),
        ("bytes=٣-٤", None),
        ("bytes=0-" + "9" * 5000, None),
        ("items=0-1", None),
        ("xbytes=0-1", None),
    ],
)
def test_one_range_is_honoured_and_all_else_ignored(header, expected):
    assert requested_range(header, 100) == expected


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ("bytes=100-", 100),
        ("bytes=100-200", 100),
        ("bytes=-0", 100),
        ("bytes=0-", 0),
        ("bytes=-5", 0),
        ("bytes=9999999999999999999-", 100),
    ],
)
def test_a_range_beyond_the_end_cannot_be_satisfied(header, length):
    with pytest.raises(Unsatisfiable):
        requested_range(header, length)


_range_like = st.from_regex(r"bytes ?= ?[0-9]{0,25}-[0-9]{0,25}(,[0-9]*-)?", fullmatch=True)


@given(st.text() | _range_like, st.integers(0, 10**6))
def test_any_header_gives_a_range_that_lies_inside_or_none(header, length):
    try:
        found = requested_range(header, length)
    except Unsatisfiable:
        return
    if found is not None:
        first, last = found
        assert 0 <= first <= last < length
