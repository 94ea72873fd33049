"""Headers that go from callers to the servers of originals, and back."""

import pytest
from multidict import CIMultiDict
from pydantic import ValidationError

from imgproxy_py.sources.passing import Passing, PassingSettings, cookies_apply, passed
from tests.factories import make_source

OURS = CIMultiDict({"Host": "img.test", "Cookie": "a=b", "X-User": "7"})


def heeded(url, headers=OURS, withheld=(), scheme="https", **settings):
    passing = Passing(PassingSettings(**settings), withheld=frozenset(withheld))
    return passing.heeded(make_source(url), headers, scheme)


@pytest.mark.parametrize(
    ("base", "url", "applies"),
    [
        ("https://a.test/", "https://a.test/b/c.png", True),
        ("https://a.test", "https://a.test/b/c.png", True),
        ("https://a.test/", "https://A.test:443/c.png", True),
        ("https://a.test/", "http://a.test/c.png", False),
        ("https://a.test/", "https://a.test:444/c.png", False),
        ("https://a.test/", "https://b.test/c.png", False),
        ("https://a.test/", "https://sub.a.test/c.png", False),
        ("https://a.test/", "https://a.test.evil.test/c.png", False),
        ("https://a.test/", "https://a.test@evil.test/c.png", False),
        ("https://a.test/shop/index", "https://a.test/shop/c.png", True),
        ("https://a.test/shop/index", "https://a.test/shopping/c.png", False),
        ("https://a.test/shop/index", "https://a.test/c.png", False),
        ("https://a.test/shop/index", "https://a.test/shop/../c.png", False),
        ("https://a.test/shop/index", "https://a.test/shop/%2e%2E/c.png", False),
        ("https://a.test/", "https://a.test:x/c.png", False),
        ("https://a.test/", "https://a.test", True),
    ],
)
def test_cookies_apply_in_the_narrowest_scope(base, url, applies):
    assert cookies_apply(base, url) is applies


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({"Host": "img.test"}, "https://img.test/c.png"),
        ({"Host": "img.test:8443"}, "https://img.test:8443/c.png"),
        ({"Host": "inner", "X-Forwarded-Host": "img.test"}, "https://img.test/c.png"),
        ({"Host": "inner", "X-Forwarded-Host": "img.test", "X-Forwarded-Port": "8443"}, "https://img.test:8443/c.png"),
        ({"Host": "img.test", "X-Forwarded-Scheme": "http"}, "http://img.test/c.png"),
        ({"Host": "img.test", "X-Forwarded-Proto": "http"}, "http://img.test/c.png"),
    ],
)
def test_without_a_base_cookies_are_those_of_this_service(headers, url):
    assert heeded(url, CIMultiDict(headers), cookie_passthrough="true") == ("cookie",)
    assert heeded("https://other.test/c.png", CIMultiDict(headers), cookie_passthrough="true") == ()


def test_cookies_go_nowhere_unless_switched_on():
    assert heeded("https://img.test/c.png") == ()
    assert heeded("https://img.test/c.png", cookie_passthrough_all="true") == ()


def test_cookies_may_go_everywhere():
    assert heeded("https://x.test/c.png", cookie_passthrough="1", cookie_passthrough_all="1") == ("cookie",)


def test_a_base_beats_what_the_request_says():
    given = {"cookie_passthrough": "1", "cookie_base_url": "https://shop.test/"}
    assert heeded("https://shop.test/c.png", **given) == ("cookie",)
    assert heeded("https://img.test/c.png", **given) == ()


def test_named_headers_go_to_every_server_and_to_no_store():
    assert heeded("https://x.test/c.png", request_headers_passthrough="X-User, Accept") == ("x-user", "accept")
    assert heeded("s3://bucket/c.png", request_headers_passthrough="X-User", cookie_passthrough="1") == ()


def test_what_opens_this_service_stays_here():
    given = {"request_headers_passthrough": "Authorization,X-User"}
    assert heeded("https://x.test/", withheld={"authorization"}, **given) == ("x-user",)
    assert not Passing(
        PassingSettings(request_headers_passthrough="authorization"), withheld=frozenset({"authorization"})
    )


def test_only_what_is_there_is_passed():
    assert passed(("x-user", "x-none", "cookie"), OURS) == (("x-user", "7"), ("cookie", "a=b"))


# --- settings --------------------------------------------------------------------------------------------------------


def test_custom_headers_are_divided_as_told():
    two = (("x-one", "a=b; c"), ("x-two", ""))
    assert PassingSettings(custom_request_headers="X-One=a=b; c\\;X-Two=").request_headers() == two
    settings = PassingSettings(custom_response_headers="X-One=a=b; c|X-Two=", custom_headers_separator="|")
    assert settings.response_headers() == two
    assert PassingSettings().request_headers() == ()


def test_custom_request_headers_may_be_secret():
    assert "word" not in repr(PassingSettings(custom_request_headers="Authorization=word"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request_headers_passthrough", "connection"),
        ("request_headers_passthrough", "Content-Length"),
        ("request_headers_passthrough", "If-None-Match"),
        ("request_headers_passthrough", "Range"),
        ("request_headers_passthrough", "no name"),
        ("response_headers_passthrough", "Set-Cookie"),
        ("response_headers_passthrough", "ETag"),
        ("response_headers_passthrough", "Content-Type"),
        ("response_headers_passthrough", "Vary"),
        ("custom_request_headers", "X-One"),
        ("custom_request_headers", "=a"),
        ("custom_request_headers", "X-One=a\r\nX-Two: b"),
        ("custom_request_headers", "Transfer-Encoding=chunked"),
        ("custom_response_headers", "Content-Security-Policy=none"),
        ("custom_response_headers", "Set-Cookie=a=b"),
        ("cookie_base_url", "example.com"),
        ("cookie_base_url", "ftp://example.com/"),
        ("custom_headers_separator", ""),
    ],
)
def test_what_would_break_answers_is_refused(field, value):
    with pytest.raises(ValidationError):
        PassingSettings(**{field: value})
