"""The path of imgproxy URLs: what is cut, what is repaired, what is signed (dialect §1.1)."""

import pytest

from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.dialects.imgproxy.path import repair
from imgproxy_py.dialects.port import SignedPath
from imgproxy_py.dialects.signing import KeyPair, Signer
from imgproxy_py.errors import BadRequest, SignatureMismatch, SignatureMissing

PAIR = KeyPair(b"key", b"salt")

REPAIRS = [
    ("plain/http:/example.com/a.jpg", "plain/http://example.com/a.jpg"),
    ("plain/local:/a.png", "plain/local:///a.png"),
    ("plain/s3:/bucket/key", "plain/s3://bucket/key"),
    ("plain/http://example.com/a.jpg", "plain/http://example.com/a.jpg"),
    ("plain/local:///a.png", "plain/local:///a.png"),
    ("w%3A100/plain/http:/h/a", "w:100/plain/http://h/a"),
    ("rs%3Afit%3A1%3a2/aHR0", "rs:fit:1%3a2/aHR0"),
    ("w:1/plain/http://h/a%3Ab", "w:1/plain/http://h/a%3Ab"),
    ("/w:1/plain/http://h/a", "w:1/plain/http://h/a"),
    ("//w:1/aHR0", "/w:1/aHR0"),
    ("/plain/http:/h/a", "plain/http://h/a"),
    ("w:1/plain/http:/h/plain/x:/y", "w:1/plain/http://h/plain/x:/y"),
    ("plain/relative/a:/b.jpg", "plain/relative/a:/b.jpg"),
    ("plain/http:", "plain/http:"),
]


@pytest.mark.parametrize(("received", "repaired"), REPAIRS)
def test_what_proxies_did_is_undone(received, repaired):
    assert repair(received) == repaired


def test_a_later_colon_slash_survives_as_q1_asks():
    request = ImgproxyDialect().parse("/_/plain/http://host/a:/b.jpg", now=0)
    assert request.source.url == "http://host/a:/b.jpg"


@pytest.mark.parametrize("target", ["", "/", "//", "/sig", "/sig/", "//rest", "?a/b", "/sig?/rest", "/\udcff/rest"])
def test_a_target_without_signature_or_rest_is_malformed(target):
    with pytest.raises(BadRequest):
        ImgproxyDialect().split(target)


def test_the_query_does_not_count():
    assert ImgproxyDialect().split("/sig/rest?x=/y") == SignedPath("sig", "rest", "rest")


@pytest.mark.parametrize("prefix", ["/img", "img", "/img/"])
def test_the_prefix_is_cut(prefix):
    dialect = ImgproxyDialect(ImgproxyConfig(path_prefix=prefix))
    assert dialect.split("/img/sig/img/rest").rest == "img/rest"
    for elsewhere in ("/sig/rest", "/imgs/sig/rest", "/a/img/sig/rest"):
        with pytest.raises(BadRequest):
            dialect.split(elsewhere)


def test_a_forgotten_signature_is_told_apart():
    with pytest.raises(SignatureMissing):
        ImgproxyDialect().split("/rs:fit:1:1/plain/http://h/a")


@pytest.mark.parametrize("signed", ["/w:1/plain/http://h/a:/b.jpg", "/w:1/plain/http:/h/a:/b.jpg"])
def test_a_signature_over_the_repaired_or_the_received_path_holds(signed):
    dialect = ImgproxyDialect(ImgproxyConfig(pairs=(PAIR,)))
    signature = Signer((PAIR,)).sign(signed)
    dialect.verify(dialect.split(f"/{signature}/w:1/plain/http:/h/a:/b.jpg"))
    with pytest.raises(SignatureMismatch):
        dialect.verify(dialect.split(f"/{signature}/w:2/plain/http:/h/a:/b.jpg"))


def test_parse_refuses_what_is_not_signed_before_it_is_read():
    dialect = ImgproxyDialect(ImgproxyConfig(pairs=(PAIR,), trusted_signatures=("ok",)))
    with pytest.raises(SignatureMismatch):
        dialect.parse("/unsafe/nonsense:1/plain/http://h/a", now=0)
    with pytest.raises(BadRequest):
        dialect.parse("/ok/nonsense:1/plain/http://h/a", now=0)
