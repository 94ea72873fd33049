"""The load tests' own arithmetic, without locust: what is asked is understood, and what is wrong is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from imgproxy_py.dialects.imgproxy import ImgproxyDialect
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.query import QueryConfig, QueryDialect
from imgproxy_py.dialects.signing import KeyPair
from imgproxy_py.errors import BadRequest, ImgproxyError, SignatureMismatch
from loadtests import bodies, verdict
from loadtests.profile import FOLDER, SCENARIOS, Profile, ProfileWrong, load, read
from loadtests.questions import Question, Questions, Signer

CI = load("ci")
KEY, SALT = "736563726574", "68656c6c6f"
CONFIG = ImgproxyConfig(pairs=(KeyPair(bytes.fromhex(KEY), bytes.fromhex(SALT)),))
IMGPROXY = ImgproxyDialect(CONFIG)
QUERY = QueryDialect(QueryConfig(images_source="local:///", shared=CONFIG))


def understood(question: Question) -> type[ImgproxyError] | None:
    dialect = QUERY if question.target.startswith("/images/") else IMGPROXY
    try:
        dialect.parse(question.target, now=time.time())
    except ImgproxyError as error:
        return type(error)
    return None


@pytest.fixture
def questions() -> Questions:
    return Questions(CI, Signer(KEY, SALT), seed=7)


@pytest.mark.parametrize("name", [one.stem for one in FOLDER.glob("*.toml")])
def test_every_profile_can_be_read_and_has_every_scenario(name: str) -> None:
    assert tuple(load(name).scenarios) == SCENARIOS


@pytest.mark.parametrize("scenario", ["hot", "mixed", "cold", "negotiation"])
def test_what_must_succeed_is_signed_and_understood(scenario: str, questions: Questions) -> None:
    ask: Callable[[], Question] = getattr(questions, scenario)
    asked = [ask() for _ in range(50)]
    assert {one.status for one in asked} == {200}
    assert {understood(one) for one in asked} == {None}


@pytest.mark.parametrize("scenario", ["errors", "signed", "expired"])
def test_what_the_dialects_refuse_is_expected_to_be_refused(scenario: str, questions: Questions) -> None:
    ask: Callable[[], Question] = getattr(questions, scenario)
    for question in (ask() for _ in range(100)):
        error = understood(question)
        if error is SignatureMismatch:
            assert question.status == 403
        elif error is not None:
            assert question.status in (400, 404, 410)
        else:
            assert question.status in (200, 404, 422)  # what only the original can tell


def test_one_in_cold_is_never_asked_again(questions: Questions) -> None:
    assert len({questions.cold().target for _ in range(1000)}) > 990


def test_the_catalogue_is_the_same_for_everybody_and_its_head_is_asked_most() -> None:
    first, second = (Questions(CI, Signer(KEY, SALT), seed) for seed in (1, 2))
    asked = [first.mixed().target for _ in range(2000)]
    assert {second.hot().target for _ in range(200)} == {first.hot().target for _ in range(200)}
    assert len(set(asked)) > CI.catalogue // 3
    most = max(set(asked), key=asked.count)
    assert asked.count(most) > 100
    assert most in {second.mixed().target for _ in range(200)}


def test_without_keys_urls_say_so() -> None:
    assert Questions(CI, Signer(), 1).hot().target.startswith("/unsafe/")


def test_a_forged_signature_breaks_nothing_else(questions: Questions) -> None:
    forged = [one for one in (questions.signed() for _ in range(100)) if one.status == 403]
    assert {one.target.startswith("/images/") for one in forged} == {True, False}
    assert {understood(one) for one in forged} == {SignatureMismatch}


def test_wrong_words_of_the_query_dialect_are_bad_requests(questions: Questions) -> None:
    asked = [one for one in (questions.errors() for _ in range(100)) if one.status == 400]
    assert asked
    assert {understood(one) for one in asked} == {BadRequest}


# --- bodies ------------------------------------------------------------------------------------------------------------

ASKED = Question("/", 200, "image/webp", (1, 1))
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "


@pytest.mark.parametrize(
    ("status", "headers", "data", "said"),
    [
        (200, {"content-type": "image/webp"}, WEBP, ""),
        (503, {}, b"", "unexpected status 503, not 200"),
        (200, {"content-type": "image/jpeg"}, WEBP, "wrong type: image/jpeg, not image/webp"),
        (200, {"content-type": "image/webp"}, b"\xff\xd8\xff", "wrong picture: the body is image/jpeg, not image/webp"),
        (200, {"content-type": "image/webp"}, b"", "wrong picture: the body is none, not image/webp"),
    ],
)
def test_a_wrong_answer_is_told(status: int, headers: dict[str, str], data: bytes, said: str) -> None:
    assert bodies.wrong(ASKED, status, headers, data, decode=False) == said


def test_vary_must_name_accept_where_the_format_is_negotiated() -> None:
    asked = replace(ASKED, varies=True)
    told = {"content-type": "image/webp"}
    assert bodies.wrong(asked, 200, told, WEBP, decode=False) == "wrong headers: Vary does not name Accept"
    assert bodies.wrong(asked, 200, told | {"vary": "Accept"}, WEBP, decode=False) == ""


def test_the_body_of_a_refusal_is_not_a_picture_but_its_type_counts() -> None:
    asked = Question("/", 404, "text/plain")
    assert bodies.wrong(asked, 404, {"content-type": "text/plain; charset=utf-8"}, b"Invalid URL", decode=True) == ""
    assert bodies.wrong(asked, 404, {"content-type": "image/webp"}, WEBP, decode=True).startswith("wrong type")


# --- verdict -----------------------------------------------------------------------------------------------------------

GOOD = verdict.Measured(requests=5000, failures=0, rate=100, mean=5, p50=5, p95=9, p99=20, longest=30)
ALL_GOOD = {verdict.ALL: GOOD, **dict.fromkeys(SCENARIOS, GOOD)}


def test_a_run_within_its_limits_passes() -> None:
    assert verdict.judge(CI, ALL_GOOD, {}) == []
    assert verdict.summary(CI, ALL_GOOD, {}, [])["passed"] is True


@pytest.mark.parametrize(
    ("changed", "failures", "said"),
    [
        ({verdict.ALL: replace(GOOD, requests=10)}, {}, "10 requests, at least 1000 expected"),
        ({verdict.ALL: replace(GOOD, failures=5)}, {}, "0.1000% of the requests failed, at most 0.0000% allowed"),
        ({}, {"unexpected status 500, not 200": 2}, "2 times unexpected status, at most 0 allowed"),
        ({}, {"wrong picture: 1×1 pixels, not 2×2": 1}, "1 times wrong, at most 0 allowed"),
        ({"hot": replace(GOOD, p95=101)}, {}, "hot: p95 was 101 ms, at most 100 ms allowed"),
        ({"cold": replace(GOOD, p99=1600)}, {}, "cold: p99 was 1600 ms, at most 1500 ms allowed"),
        ({"cold": replace(GOOD, requests=0)}, {}, "cold: was never asked"),
    ],
)
def test_each_limit_fails_the_run(changed: dict[str, verdict.Measured], failures: dict[str, int], said: str) -> None:
    assert verdict.judge(CI, ALL_GOOD | changed, failures) == [said]


def test_where_others_had_half_of_the_machine_everything_may_take_twice_as_long() -> None:
    slow = ALL_GOOD | {"hot": replace(GOOD, p95=199), "mixed": replace(GOOD, p95=801)}
    assert verdict.judge(CI, slow, {}, verdict.stretch(0.5)) == ["mixed: p95 was 801 ms, at most 800 ms allowed"]
    wrong = {"wrong picture: 1×1 pixels, not 2×2": 1}
    assert verdict.judge(CI, slow, wrong, verdict.stretch(0.5))[0] == "1 times wrong, at most 0 allowed"
    assert "199 of 200" in verdict.table(CI, slow, verdict.stretch(0.5))


@pytest.mark.parametrize(("others", "times"), [(-0.01, 1), (0.0, 1), (0.2, 1.25), (0.75, 4), (0.99, 4)])
def test_times_stretch_with_what_others_take_but_not_without_bound(others: float, times: float) -> None:
    assert verdict.stretch(others) == times


@pytest.mark.parametrize(
    ("busy", "ours", "others"), [(80.0, 80.0, 0.0), (80.0, 40.0, 0.5), (40.0, 0.0, 0.5), (39.0, 40.0, 0.0)]
)
def test_what_others_take_is_what_was_busy_and_not_by_us(busy: float, ours: float, others: float) -> None:
    before = verdict.Spent(at=100.0, busy=1000.0, ours=7.0)
    after = verdict.Spent(at=140.0, busy=1000.0 + busy, ours=7.0 + ours)
    assert verdict.others(before, after, cpus=2) == others


# --- profiles ----------------------------------------------------------------------------------------------------------

SMALL: dict[str, Any] = {
    "originals": ["local:///a.jpg"],
    "missing": "local:///b.jpg",
    "stages": [{"seconds": 1, "users": 1, "rate": 1}],
    "limits": {"requests": 1},
    "scenarios": {"hot": {"weight": 1, "p95": 1, "p99": 1}},
}


def test_a_small_profile_is_enough() -> None:
    assert isinstance(read("small", SMALL), Profile)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"colour": 1}, "small: there is no colour"),
        ({"limits": {"requests": 1, "p50": 1}}, "limits: there is no p50"),
        ({"scenarios": {"warm": {"weight": 1, "p95": 1, "p99": 1}}}, "scenarios: warm: expected one of hot"),
        ({"scenarios": {"negotiation": {"weight": 1, "p95": 1, "p99": 1}}}, "negotiated: expected the formats"),
        ({"stages": []}, "a run needs a stage"),
        ({"scenarios": {"hot": {"weight": 1}}}, "scenarios.hot: missing 2 required"),
    ],
)
def test_a_wrong_profile_says_where(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ProfileWrong) as caught:
        read("small", SMALL | changed)
    assert said in str(caught.value)
