"""What goes on the wire for a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.errors import SourceUnreachable
from imgproxy_py.sources.http import read_url


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("http://h/a%2Fb?x=%20&y=%zz", "http://h/a%2Fb?x=%20&y=%zz"),
        ("http://h/a/../b//c", "http://h/a/../b//c"),
        ("http://h", "http://h/"),
        ("http://h?x", "http://h/?x"),
        ("HTTP://Host:80/x", "http://host/x"),
        ("https://h:8443/x#fragment?", "https://h:8443/x"),
        ("http://exämple.com/ü b?ö", "http://xn--exmple-cua.com/%C3%BC%20b?%C3%B6"),
        ("http://me:p%40ss@h/x", "http://me:p%40ss@h/x"),
        ("http://[::1]:81/x", "http://[::1]:81/x"),
        ("http://h/\r\nX-Evil: 1", "http://h/%0D%0AX-Evil:%201"),
        ("http://h/'\"<>^`{|}", "http://h/'%22%3C%3E%5E%60%7B%7C%7D"),
    ],
)
def test_a_url_keeps_its_spelling(text: str, wire: str) -> None:
    assert str(read_url(text)) == wire


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "http:///x",
        "ftp://h/x",
        "h/x",
        "http://a b/",
        "http://h:99999/",
        "http://h:x/",
        "http://h%2Fx/",
        "http://h\\x/",
        "http://h\r\nX: y/",
        "http://[::1/x",
        "http://[1.2.3.4]x/",
        "http://@/x",
        "file:///etc/passwd",
    ],
)
def test_what_cannot_be_asked_is_unreachable(text: str) -> None:
    with pytest.raises(SourceUnreachable):
        read_url(text)


@given(st.text())
def test_no_text_splits_a_request(text: str) -> None:
    try:
        url = read_url(f"http://h/{text}")
    except SourceUnreachable:
        return
    assert url.host == "h"
    assert url.raw_path_qs.isascii()
    assert url.raw_path_qs.isprintable()
    assert " " not in url.raw_path_qs


@given(st.text())
def test_no_authority_is_misread(text: str) -> None:
    try:
        url = read_url(f"http://{text}/")
    except SourceUnreachable:
        return
    assert str(url).isascii()
    assert str(url).isprintable()
