"""From entries to URLs."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from imgproxy_py.warming.addressing import addressed, checked_base, filled


@pytest.mark.parametrize(
    ("entry", "base", "url"),
    [
        ("/a?b=c", "https://img.example.com", "https://img.example.com/a?b=c"),
        ("/a", "http://127.0.0.1:8080/pictures/", "http://127.0.0.1:8080/pictures/a"),
        ("https://cdn.example.com/a?b", "", "https://cdn.example.com/a?b"),
        ("https://cdn.example.com/a?b", "http://inner:8080", "http://inner:8080/a?b"),
        ("https://cdn.example.com", "", "https://cdn.example.com/"),
        ("https://cdn.example.com?a=b", "", "https://cdn.example.com/?a=b"),
        ("/_/w:8/plain/local:///a b/é.png#x", "http://s", "http://s/_/w:8/plain/local:///a%20b/%C3%A9.png"),
        ("/a%2Fb//c/../d", "http://s", "http://s/a%2Fb//c/../d"),
    ],
)
def test_an_entry_is_a_path_or_a_url(entry: str, base: str, url: str) -> None:
    assert list(addressed([entry], base)) == [url]


@pytest.mark.parametrize(
    ("entry", "base", "reason"),
    [
        ("/a", "", "a path needs --base"),
        ("a", "http://s", "expected a path that begins with / or an http or https URL"),
        ("ftp://e.com/a", "", "expected a path"),
        ("https:///a", "", "expected a path"),
        ("javascript:alert(1)", "http://s", "expected a path"),
    ],
)
def test_other_entries_are_refused_by_name(entry: str, base: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        list(addressed([entry], base))
    assert str(caught.value).startswith(repr(entry))


def test_what_is_signed_is_the_path_and_a_refusal_names_the_entry() -> None:
    assert list(addressed(["https://e.com/a?b", "/c"], "http://s", lambda target: f"/signed{target}")) == [
        "http://s/signed/a?b",
        "http://s/signed/c",
    ]

    def refuse(target: str) -> str:
        raise ValueError("no such option")

    with pytest.raises(ValueError, match="'/c': no such option"):
        list(addressed(["/c"], "http://s", refuse))


@given(st.text(max_size=30))
@example("?")
@example("a?")
@example("??")
def test_every_url_can_be_asked_as_it_is(text: str) -> None:
    entry = "/" + text.encode("utf-8", "ignore").decode()
    (url,) = addressed([entry], "http://127.0.0.1:1")
    assert url.isascii()
    assert url.isprintable()
    assert str(URL(url, encoded=True)) == url


@pytest.mark.parametrize(
    ("template", "widths", "targets"),
    [
        ("/_/plain/{source}", [], ["/_/plain/local:///a%20b.png"]),
        ("/_/w:{width}/{base64}.webp", [8, 9], [f"/_/w:{w}/bG9jYWw6Ly8vYSBiLnBuZw.webp" for w in (8, 9)]),
        ("/images/{source}?w={width}", [1], ["/images/local:///a%20b.png?w=1"]),
    ],
)
def test_a_template_is_filled_for_each_width(template: str, widths: list[int], targets: list[str]) -> None:
    assert list(filled(["local:///a b.png"], template, widths)) == targets


def test_what_an_entry_contains_is_not_a_template() -> None:
    assert list(filled(["{width}"], "/{source}/{width}", [7])) == ["/%7Bwidth%7D/7"]
    assert list(filled(["a?b@c%20"], "/plain/{source}@png", [])) == ["/plain/a%3Fb%40c%2520@png"]


@pytest.mark.parametrize(
    ("template", "widths", "reason"),
    [
        ("/w:{width}", [1], r"expected \{source\} or \{base64\}"),
        ("/{source}", [1], "go together"),
        ("/w:{width}/{source}", [], "go together"),
    ],
)
def test_templates_that_lack_something_are_refused(template: str, widths: list[int], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        list(filled(["a"], template, widths))


@pytest.mark.parametrize("base", ["ftp://a", "example.com", "http://", "https://a?b", "https://a#b", "/"])
def test_a_base_is_the_address_of_a_server(base: str) -> None:
    assert checked_base("https://a/b") == "https://a/b"
    with pytest.raises(ValueError, match=r"^--base "):
        checked_base(base)
