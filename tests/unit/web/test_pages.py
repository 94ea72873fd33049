"""Pages are whole HTML, load nothing, and show texts as texts."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.errors import BadRequest, ImgproxyError, SourceMissing, WrongParameter
from imgproxy_py.web.middlewares import CONTENT_SECURITY_POLICY
from imgproxy_py.web.pages import error_page, landing_page
from imgproxy_py.web.problems import Asked, ImgproxyVoice

LOADING = {"src", "href", "srcset", "action", "background", "data", "poster", "style"}


class Read(HTMLParser):
    """What a browser would see: elements, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: dict[str, str] = {}
        self._stack: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.attributes += attributes
        if tag != "meta":
            self._stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._stack:
            self.texts[self._stack[-1]] = self.texts.get(self._stack[-1], "") + data


PAGES = {
    "landing": landing_page(),
    "error": error_page(404, "Invalid URL", "BadRequest: width: 'x'\nwhy", "id-1"),
    "error without details": error_page(500, "Internal error", "", "id-1"),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_loads_nothing(name: str) -> None:
    page = PAGES[name]
    read = Read(page)
    assert page.startswith("<!doctype html>")
    assert read.opened[:2] == ["html", "head"]
    assert read._stack == []
    assert not {name for name, _ in read.attributes} & LOADING
    assert not {"script", "link", "img", "iframe", "form", "base"} & set(read.opened)
    assert "url(" not in page
    assert "@import" not in page


def test_the_policy_permits_what_the_pages_do() -> None:
    assert "style-src 'unsafe-inline'" in CONTENT_SECURITY_POLICY


def test_the_error_page_tells_status_title_details_and_request() -> None:
    read = Read(PAGES["error"])
    assert read.texts["title"] == "404 Invalid URL"
    assert read.texts["h1"] == "Invalid URL"
    assert read.texts["pre"] == "BadRequest: width: 'x'\nwhy"
    assert "404" in read.texts["p"]
    assert "id-1" in read.texts["p"]


@given(st.text(), st.text(min_size=1), st.text())
def test_every_text_arrives_as_text(title: str, details: str, request_id: str) -> None:
    read = Read(error_page(500, title, details, request_id))
    assert read.opened == Read(PAGES["error"]).opened
    assert normalized(read.texts["pre"]) == normalized(details)


def normalized(text: str) -> str:
    """A text as an HTML parser gives it, whose lines end alike and whose surrogates are gone."""
    return re.sub(r"\r\n?", "\n", text.encode(errors="replace").decode())


HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>\"'&lt;"


@pytest.mark.parametrize(
    "error",
    [
        BadRequest(HOSTILE),
        BadRequest(wrong=(WrongParameter(HOSTILE, HOSTILE, HOSTILE),)),
        SourceMissing(HOSTILE, private=HOSTILE),
        ImgproxyError(private=HOSTILE),
        ValueError(HOSTILE),
        BadRequest("a path's odd byte: \udcff"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("reads_html", [True, False])
def test_errors_in_development_run_nothing(error: Exception, reads_html: bool) -> None:
    answer = ImgproxyVoice(show_details=True).answer(error, Asked("id-1", reads_html=reads_html))
    assert answer.content_type == ("text/html" if reads_html else "text/plain")
    if reads_html:
        read = Read(bytes(answer.body).decode())
        assert read.opened == Read(PAGES["error"]).opened
        assert type(error).__name__ in read.texts["pre"]


def test_errors_in_production_are_short_text_whatever_the_client_reads() -> None:
    answer = ImgproxyVoice().answer(BadRequest(HOSTILE), Asked("id-1", reads_html=True))
    assert (answer.content_type, bytes(answer.body)) == ("text/plain", b"Invalid URL")
