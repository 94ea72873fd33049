"""Encrypted sources: what cannot be decrypted is refused as the caller's error, what can be is a source like any other."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import suppress

from imgproxy_py.dialects.encryption import SourceCipher
from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.errors import BadRequest
from tests.fuzz.asking import judge_target

SECONDS, MEGABYTES, LONGEST = 5, 1000, 2048
WORDS = (b"http://", b"s3://", b"local:///", b"\x00", b"\x10" * 16, b"%", b"?", b"@png", b".png", b"/", b"=")
KEY = b"k" * 32
CIPHER, DIALECT = SourceCipher(KEY), ImgproxyDialect(ImgproxyConfig(encryption_key=KEY))


def seeds() -> Iterator[bytes]:
    """Give sources, some in the clear, some sealed."""
    for text in (b"http://h/a.jpg", b"s3://bucket/key?version", b"local:///\xff", b""):
        yield text
        yield CIPHER.encrypt(text)


def judge(data: bytes) -> None:
    """Take the input for a plain text, for a sealed one, and for the URL's own spelling."""
    assert CIPHER.decrypt(CIPHER.encrypt(data)) == data
    with suppress(BadRequest):
        CIPHER.decrypt(data)
    for sealed in (CIPHER.encrypt(data), data):
        judge_target(DIALECT, f"/_/enc/{urlsafe_b64encode(sealed).decode().rstrip('=')}.png")
    judge_target(DIALECT, f"/_/enc/{data.decode('utf-8', 'surrogateescape')}")
