"""URLs of `/info`."""

from __future__ import annotations

from collections.abc import Iterator

from imgproxy_py.dialects.imgproxy import ImgproxyConfig
from imgproxy_py.dialects.imgproxy.info import INFO_OPTIONS, INFO_SECURITY_OPTIONS, InfoDialect
from tests.fuzz.asking import judge_target
from tests.fuzz.words import OPTION_WORDS

SECONDS, MEGABYTES, LONGEST = 5, 1000, 4096
WORDS = (*(f"/{name}:".encode() for name in (*INFO_OPTIONS, *INFO_SECURITY_OPTIONS)), *OPTION_WORDS, b"sha256", b"md5")
DIALECT = InfoDialect(ImgproxyConfig(allow_security_options=True, presets=("default=p:5", "b=bh:4:3")))


def seeds() -> Iterator[bytes]:
    """Give a question for each option."""
    for name in INFO_OPTIONS:
        yield f"/info/_/{name}:1:1/plain/http://h/a".encode()
    yield b"/info/_/bh:4:3/chs:md5:sha1/cl:5:cat:dog/p:16/avg:1:0/c:100:50:no/pr:b/aHR0cDovL2gvYQ"


def judge(data: bytes) -> None:
    """Read a question."""
    judge_target(DIALECT, data.decode("utf-8", "surrogateescape"))
