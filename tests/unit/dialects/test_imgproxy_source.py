"""Sources of imgproxy URLs: plain, base64, rewritten, named (dialect §1.4)."""

from base64 import urlsafe_b64encode

import pytest

from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.errors import BadRequest
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.source import SourceRef


def read(path: str, **config):
    return ImgproxyDialect(ImgproxyConfig(**config)).parse(f"/_/{path}", now=0)


def encoded(text: str | bytes) -> str:
    return urlsafe_b64encode(text if isinstance(text, bytes) else text.encode()).decode().rstrip("=")


NAMED = {
    "https://example.com/images/a%20b.jpg%3Fv=1": SourceRef(
        scheme="https", location="example.com/images/a%20b.jpg?v=1"
    ),
    "https://example.com/a%2520b.jpg": SourceRef(scheme="https", location="example.com/a%20b.jpg"),
    "HTTP://example.com/a+b": SourceRef(scheme="http", location="example.com/a+b"),
    "http://h/100%25.jpg": SourceRef(scheme="http", location="h/100%25.jpg"),
    "http://h/a%23b": SourceRef(scheme="http", location="h/a"),
    "http://h/é": SourceRef(scheme="http", location="h/%C3%A9"),
    "http://h/%FF": SourceRef(scheme="http", location="h/%FF"),
    "http://h/%0a": SourceRef(scheme="http", location="h/%0A"),
    "http://h/a//b": SourceRef(scheme="http", location="h/a//b"),
    "http://h%3Fa": SourceRef(scheme="http", location="h?a"),
    "local:///dir/a%20%2523.png": SourceRef(scheme="local", location="/dir/a %23.png"),
    "local://dir/a.png": SourceRef(scheme="local", location="/dir/a.png"),
    "local:///a.png%3Fv": SourceRef(scheme="local", location="/a.png"),
    "s3://bucket/key": SourceRef(scheme="s3", location="bucket/key"),
    "s3://bucket//key": SourceRef(scheme="s3", location="bucket/key"),
    "s3://bucket/a%23%2520b%3Fversion=1": SourceRef(scheme="s3", location="bucket/a#%20b", version="version=1"),
    "gs://bucket/key%3F17": SourceRef(scheme="gs", location="bucket/key", version="17"),
    "abs://box/key%3F17": SourceRef(scheme="abs", location="box/key"),
    "swift://box/key": SourceRef(scheme="swift", location="box/key"),
    "ftp://h//x%3Fy": SourceRef(scheme="ftp", location="h//x?y"),
    "just/a/path.jpg": SourceRef(scheme="", location="just/a/path.jpg"),
    "plain/plain": SourceRef(scheme="", location="plain/plain"),
}


@pytest.mark.parametrize(("plain", "source"), NAMED.items(), ids=NAMED)
def test_a_plain_source_is_percent_decoded_once_and_named(plain, source):
    assert read(f"plain/{plain}").source == source
    assert read(f"w:1/plain/{plain}@").source == source


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("plain/http://h/a@webp", Format.WEBP),
        ("plain/http://h/a@jpg", Format.JPEG),
        ("plain/http://h/a@", None),
        ("f:png/plain/http://h/a@webp", Format.WEBP),
        ("f:png/plain/http://h/a@", Format.PNG),
        ("raw:1/plain/http://h/a@bogus", None),
        (encoded("http://h/a") + ".avif", Format.AVIF),
        (encoded("http://h/a") + ".", None),
        (encoded("http://h/a") + "==.png", Format.PNG),
    ],
)
def test_an_extension_is_the_last_format_option(path, kind):
    assert read(path).recipe.output.format is kind


@pytest.mark.parametrize("text", ["http://h/a?b=c#d", "http://h/ab", "http://h/abc", "http://h/ä", "s3://b/k"])
def test_base64_may_be_broken_anywhere_and_padded(text):
    whole = encoded(text)
    expected = read("plain/" + text.replace("?", "%3F").replace("#", "%23")).source
    for path in (whole, whole + "==", f"{whole[:3]}/{whole[3:9]}//{whole[9:]}", f"w:1//{whole}"):
        assert read(path).source == expected


def test_base64_bytes_that_are_no_utf8_survive_in_urls_only():
    assert read(encoded(b"http://h/\xff")).source.location == "h/%FF"
    for data in (b"s3://b/\xff", b"\xff", b"http://\xff/"):
        with pytest.raises(BadRequest):
            read(encoded(data))


@pytest.mark.parametrize(
    "path",
    [
        "plain/", "plain/@png", "w:1", "plain/http://h/a@b@png", "plain/http://h/%", "plain/http://h/%zz", "plain/http://h/%2",
        "plain/http://h/a@bogus", "plain/http://h/a@JPG", "w:1//plain/http://h/a", "aHR0.png.jpg", ".png", "=.png", "aHR0c",
        "aHR0+", "aH*0", "aH%20", "w:1/", "enc/aHR0cDovL2gvYQ", "plain/http://h%20x/a", "plain/http://h%5Cx/a",
        "plain/s3://b/%FF", "plain/local:///%00", "plain/%FF",
    ],
)  # fmt: skip
def test_what_names_no_source_is_refused(path):
    with pytest.raises(BadRequest):
        read(path)


def test_a_lone_plain_is_base64():
    with pytest.raises(BadRequest, match="base64"):
        read("plain")


def test_a_decorative_file_name_is_dropped():
    switch = {"base64_url_includes_filename": True}
    whole = encoded("http://h/a.jpg")
    assert read(f"{whole[:5]}/{whole[5:]}.png/cute-cat.jpg", **switch).source.url == "http://h/a.jpg"
    assert read(f"{whole}.png/cute.cat.jpg", **switch).recipe.output.format is Format.PNG
    assert read(f"{whole}/cat.jpg", **switch).recipe.output.format is None
    assert read(whole, **switch).source.url == "http://h/a.jpg"


REPLACEMENTS = (("mycdn://*/i/*", "https://${1}.example.com/${2}${9}"), ("https://old.", "https://new."))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("mycdn://eu/i/a.jpg", "https://eu.example.com/a.jpg"),
        ("mycdn://old/i/a/b.jpg", "https://new.example.com/a/b.jpg"),
        ("https://old.org/x", "https://new.org/x"),
        ("https://h/https://old.org/x", "https://h/https://old.org/x"),
    ],
)
def test_replacements_rewrite_the_beginning_in_order(text, url):
    assert read(f"plain/{text}", url_replacements=REPLACEMENTS).source.url == url


def test_the_base_url_is_put_in_front_once():
    base = {"base_url": "https://h/images/"}
    assert read("plain/cat.jpg", **base).source.url == "https://h/images/cat.jpg"
    assert read("plain/https://h/images/cat.jpg", **base).source.url == "https://h/images/cat.jpg"
    assert read(encoded("x"), base_url="s3://b/", url_replacements=(("x", "y"),)).source.url == "s3://b/y"


def test_the_query_separator_is_configured():
    assert read("plain/s3://b/a%3Fb!v1", source_url_query_separator="!").source == SourceRef(
        scheme="s3", location="b/a?b", version="v1"
    )
    assert read("plain/s3://b/a%3Fb", source_url_query_separator="").source == SourceRef(scheme="s3", location="b/a?b")
