import json

import pytest

from imgproxy_py import errors
from imgproxy_py.errors import BadRequest, ImgproxyError, WrongParameter
from imgproxy_py.telemetry.logs import request_event
from imgproxy_py.telemetry.record import RequestRecord
from imgproxy_py.web.problems import Asked, ImgproxyVoice, ProblemVoice, imgproxy_answer

ASKED = Asked("id-1")
SENTENCE = "The signature appears to be a processing option. The signature section should always be present in the URL."
SECRET = "/srv/secret"


def tree(kind: type[ImgproxyError] = ImgproxyError) -> list[type[ImgproxyError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]


ALL = [kind for kind in tree() if kind.__module__ == errors.__name__]


def body(response) -> str:
    return bytes(response.body).decode()


@pytest.mark.parametrize("kind", ALL)
def test_every_error_is_told_in_both_voices(kind):
    assert kind.title
    assert kind.slug == kind.slug.lower()
    assert 400 <= kind.status <= 599
    error = kind("a detail", private=SECRET)
    plain = ImgproxyVoice().answer(error, ASKED)
    assert 400 <= plain.status <= 599
    assert 0 < len(body(plain)) < 120
    problem = json.loads(body(ProblemVoice().answer(error, ASKED)))
    assert (
        problem.items() >= {"type": kind.slug, "title": kind.title, "status": kind.status, "instance": "id-1"}.items()
    )
    assert problem["detail"] == "a detail"
    for response in (plain, ProblemVoice().answer(error, ASKED)):
        assert SECRET not in body(response)


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (errors.BadRequest(), 404, "Invalid URL"),
        (errors.ResultTooLarge(), 422, "Invalid URL"),
        (errors.LinkExpired(), 404, "Invalid URL"),
        (errors.SignatureMismatch(), 403, "Forbidden"),
        (errors.SignatureMissing(), 403, SENTENCE),
        (errors.SecretMismatch(), 403, "Forbidden"),
        (errors.OptionForbidden(), 403, "Invalid URL"),
        (errors.SourceForbidden(), 404, "Invalid source URL"),
        (errors.OutputUnsupported(), 422, "Invalid URL"),
        (errors.SourceMissing(), 404, "Source is unreachable"),
        (errors.SourceMissing(upstream_status=410), 410, "Source is unreachable"),
        (errors.SourceUnreachable(), 404, "Source is unreachable"),
        (errors.SourceFailed(), 502, "Source is unreachable"),
        (errors.SourceIncomplete(), 422, "Source response is incomplete"),
        (errors.SourceTimeout(), 504, "Source is unreachable"),
        (errors.SourceTooLarge(), 422, "Invalid source image"),
        (errors.UnknownImage(), 422, "Invalid source image"),
        (errors.UndecodableImage(), 422, "Invalid URL"),
        (errors.BrokenImage(), 422, "Broken or unsupported image"),
        (errors.BrokenSvg(), 422, "Broken or unsupported SVG image"),
        (errors.Overloaded(), 429, "Too many requests"),
        (errors.DeadlineExceeded(), 503, "Timeout"),
        (errors.ClientGone(), 499, "Cancelled"),
        (RuntimeError(SECRET), 500, "Internal error"),
    ],
)
def test_the_imgproxy_dialect_says_what_its_specification_says(error, status, text):
    assert imgproxy_answer(error) == (status, text)
    response = ImgproxyVoice().answer(error, ASKED)
    assert (response.status, body(response), response.headers["Content-Type"]) == (status, text, "text/plain")
    assert "Cache-Control" not in response.headers


def test_development_shows_everything_as_text():
    text = body(ImgproxyVoice(show_details=True).answer(BadRequest("width: 'x'", private="why"), ASKED))
    assert text.startswith("Invalid URL\n\nBadRequest: ")
    assert "width: 'x'" in text
    assert "why" in text


def test_development_shows_a_page_to_who_reads_pages():
    asked = Asked("id-1", reads_html=True)
    try:
        raise ValueError("<script>alert(1)</script>")  # noqa: TRY301
    except ValueError as error:
        response = ImgproxyVoice(show_details=True).answer(error, asked)
    assert response.content_type == "text/html"
    assert "&lt;script&gt;alert(1)" in body(response)
    assert "<script>" not in body(response)
    assert "Traceback" in body(response)


def test_all_wrong_parameters_are_listed():
    wrong = (WrongParameter("w", "abc", "an integer"), WrongParameter("q", "200", "0…100"))
    problem = json.loads(body(ProblemVoice().answer(BadRequest(wrong=wrong), ASKED)))
    assert problem["errors"] == [
        {"parameter": "w", "value": "abc", "expected": "an integer"},
        {"parameter": "q", "value": "200", "expected": "0…100"},
    ]


def test_an_unexpected_error_is_never_shown():
    response = ProblemVoice().answer(RuntimeError(SECRET), ASKED)
    assert response.status == 500
    assert SECRET not in body(response)
    assert "RuntimeError" not in body(response)


@pytest.mark.parametrize(
    ("error", "caching"),
    [
        (errors.Overloaded(), "no-store"),
        (RuntimeError(), "no-store"),
        (errors.SourceFailed(), "no-store"),
        (errors.SourceMissing(), "public, max-age=7"),
        (errors.LinkExpired(), "public, max-age=7"),
        (errors.UnknownImage(), "public, max-age=7"),
        (errors.BrokenImage(), "public, max-age=7"),
        (errors.BadRequest(), None),
        (errors.SignatureMismatch(), None),
    ],
)
def test_how_long_a_problem_may_be_kept(error, caching):
    assert ProblemVoice(max_age=7).answer(error, ASKED).headers.get("Cache-Control") == caching


@pytest.mark.parametrize("voice", [ImgproxyVoice(), ProblemVoice()])
def test_the_overloaded_say_when_to_come_back(voice):
    assert voice.answer(errors.Overloaded(retry_after=3), ASKED).headers["Retry-After"] == "3"


def test_a_detail_that_is_no_unicode_is_still_told():
    problem = json.loads(body(ProblemVoice().answer(BadRequest("path \udcff"), ASKED)))
    assert problem["detail"] == "path ?"


def test_the_media_type_of_problems():
    assert ProblemVoice().answer(BadRequest(), ASKED).headers["Content-Type"] == "application/problem+json"


def test_a_wrong_method_is_told_which_are_right():
    response = ProblemVoice().no_such_method(ASKED, "GET, HEAD")
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind is not ImgproxyError])
def test_no_refusal_is_reported_as_a_failure_of_ours(kind):
    record = make_record()
    record.failed(kind())
    record.ends(imgproxy_answer(kind())[0])
    assert request_event(record)["level"] == "warning"


def make_record() -> RequestRecord:
    return RequestRecord(request_id="id-1", method="GET", dialect="imgproxy", started=0.0, at=0.0)
