from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.delivery.conditional import Verdict, verdict
from imgproxy_py.recipe.picture import Validators
from imgproxy_py.stores.conditions import range_applies
from tests.factories import MODIFIED_AT

SEND, NOT_MODIFIED, FAILED = Verdict.SEND, Verdict.NOT_MODIFIED, Verdict.FAILED
TAG = '"a-b_c"'
AT = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
AFTER = "Sun, 06 Nov 1994 08:49:38 GMT"
MALFORMED_DATES = [
    "",
    " ",
    "yesterday",
    "1994",
    "Sun, 06 Nov 1994",
    "Sun, 66 Nov 1994 08:49:37 GMT",
    '"a"',
    "\x00",
    "0" * 400,
]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, SEND),
        # If-Match, by strong comparison (RFC 9110 §13.1.1)
        ({"If-Match": TAG}, SEND),
        ({"If-Match": "*"}, SEND),
        ({"If-Match": " * "}, SEND),
        ({"If-Match": f'"x", {TAG} ,"y"'}, SEND),
        ({"If-Match": f'"x",{TAG}'}, SEND),
        ({"If-Match": f'"has, a comma", {TAG}'}, SEND),
        ({"If-Match": '"x"'}, FAILED),
        ({"If-Match": '"x", "y"'}, FAILED),
        ({"If-Match": f"W/{TAG}"}, FAILED),
        ({"If-Match": ""}, FAILED),
        ({"If-Match": "a-b_c"}, FAILED),
        # If-Unmodified-Since, only without If-Match (§13.1.4)
        ({"If-Unmodified-Since": AT}, SEND),
        ({"If-Unmodified-Since": AFTER}, SEND),
        ({"If-Unmodified-Since": BEFORE}, FAILED),
        ({"If-Match": TAG, "If-Unmodified-Since": BEFORE}, SEND),
        ({"If-Match": '"x"', "If-Unmodified-Since": AFTER}, FAILED),
        # If-None-Match, by weak comparison (§13.1.2)
        ({"If-None-Match": TAG}, NOT_MODIFIED),
        ({"If-None-Match": f"W/{TAG}"}, NOT_MODIFIED),
        ({"If-None-Match": "*"}, NOT_MODIFIED),
        ({"If-None-Match": f'W/"x", W/{TAG}'}, NOT_MODIFIED),
        ({"If-None-Match": '"x"'}, SEND),
        ({"If-None-Match": '"A-B_C"'}, SEND),
        ({"If-None-Match": ""}, SEND),
        ({"If-None-Match": "a-b_c"}, SEND),
        ({"If-None-Match": '"a-b_c'}, SEND),
        # If-Modified-Since, only without If-None-Match (§13.1.3)
        ({"If-Modified-Since": AT}, NOT_MODIFIED),
        ({"If-Modified-Since": AFTER}, NOT_MODIFIED),
        ({"If-Modified-Since": BEFORE}, SEND),
        ({"If-Modified-Since": "Sunday, 06-Nov-94 08:49:37 GMT"}, NOT_MODIFIED),
        ({"If-Modified-Since": "Sun Nov  6 08:49:37 1994"}, NOT_MODIFIED),
        ({"If-Modified-Since": "Sun Nov  6 08:49:36 1994"}, SEND),
        ({"If-None-Match": '"x"', "If-Modified-Since": AFTER}, SEND),
        ({"If-None-Match": TAG, "If-Modified-Since": BEFORE}, NOT_MODIFIED),
        # the order of §13.2.2
        ({"If-Match": '"x"', "If-None-Match": TAG}, FAILED),
        ({"If-Match": TAG, "If-None-Match": TAG}, NOT_MODIFIED),
        ({"If-Match": TAG, "If-Modified-Since": AT}, NOT_MODIFIED),
        ({"If-Unmodified-Since": AT, "If-None-Match": TAG}, NOT_MODIFIED),
        ({"If-Unmodified-Since": BEFORE, "If-None-Match": TAG}, FAILED),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_preconditions_are_evaluated_in_their_order(monkeypatch, headers, expected, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert verdict(headers, TAG, MODIFIED_AT + 0.75) is expected
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"If-Match": TAG}, FAILED),
        ({"If-Match": '""'}, FAILED),
        ({"If-Match": "*"}, SEND),
        ({"If-None-Match": TAG}, SEND),
        ({"If-None-Match": '""'}, SEND),
        ({"If-None-Match": "*"}, NOT_MODIFIED),
        ({"If-Modified-Since": AFTER}, SEND),
        # "A recipient MUST ignore the If-Unmodified-Since header field if the resource does not have a modification
        # date available" (§13.1.4)
        ({"If-Unmodified-Since": BEFORE}, SEND),
    ],
)
def test_what_a_picture_has_not_matches_nothing_and_a_missing_date_is_no_objection(headers, expected):
    assert verdict(headers, "", None) is expected


@pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since"])
@pytest.mark.parametrize("date", MALFORMED_DATES)
def test_malformed_dates_are_ignored(name, date):
    assert verdict({name: date}, TAG, MODIFIED_AT) is SEND


@given(
    st.dictionaries(
        st.sampled_from(["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"]), st.text()
    )
)
def test_no_header_is_able_to_break_the_verdict(headers):
    assert verdict(headers, TAG, MODIFIED_AT) in Verdict


_words = st.sampled_from(
    [
        "Sun,",
        "Sun",
        "06",
        "6",
        "Nov",
        "1994",
        "94",
        "08:49:37",
        "8.49.37",
        "GMT",
        "-0000",
        "+9999",
        "-",
        ":",
        ",",
        "99999999999",
        "",
    ]
)


@given(st.lists(_words, max_size=8).map(" ".join))
def test_nothing_like_a_date_is_able_to_break_the_verdict(date):
    assert verdict({"If-Modified-Since": date}, TAG, MODIFIED_AT) in (SEND, NOT_MODIFIED)
    assert range_applies(date, Validators(etag=TAG, modified_at=MODIFIED_AT)) in (True, False)


@given(st.integers(0, 4_000_000_000))
def test_the_date_that_was_sent_is_not_modified(moment):
    sent = formatdate(moment, usegmt=True)
    assert verdict({"If-Modified-Since": sent}, "", moment) is NOT_MODIFIED
    assert range_applies(sent, Validators(modified_at=moment))


@pytest.mark.parametrize(
    ("if_range", "resumes"),
    [
        ("", True),
        (TAG, True),
        (f"W/{TAG}", False),
        ('"x"', False),
        ("*", False),
        (AT, True),
        (AFTER, False),
        (BEFORE, False),
        ("yesterday", False),
    ],
)
def test_a_range_is_resumed_only_of_the_very_same_picture(if_range, resumes):
    assert range_applies(if_range, Validators(etag=TAG, modified_at=MODIFIED_AT)) is resumes


@pytest.mark.parametrize("if_range", ['""', TAG, AT])
def test_a_picture_without_validators_is_not_resumed(if_range):
    assert not range_applies(if_range, Validators())
