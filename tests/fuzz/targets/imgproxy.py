"""imgproxy's paths: options, pipelines, sources of all three spellings, signatures."""

from __future__ import annotations

from collections.abc import Iterator

from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.dialects.imgproxy.options import BYPASS_OPTIONS, OPTIONS, SECURITY_OPTIONS
from imgproxy_py.dialects.signing import KeyPair
from tests.fuzz.asking import judge_bytes
from tests.fuzz.words import OPTION_EXAMPLES, OPTION_WORDS

SECONDS, MEGABYTES, LONGEST = 5, 1000, 4096
WORDS = (*(f"/{name}:".encode() for name in (*OPTIONS, *SECURITY_OPTIONS, *BYPASS_OPTIONS)), *OPTION_WORDS)

OPEN = {"allow_security_options": True, "allow_bypass_cache": True}
DIALECTS = (
    ImgproxyDialect(ImgproxyConfig(**OPEN, presets=("default=g:no:5:6/pd:1:2:3:4/ex:1", "p=w:10/-/bl:2", "q=pr:p"))),
    ImgproxyDialect(ImgproxyConfig(arguments_separator="%", path_prefix="/img", max_chained_pipelines=2)),
    ImgproxyDialect(
        ImgproxyConfig(base_url="http://h/", base64_url_includes_filename=True, url_replacements=(("a*", "${1}${3}"),))
    ),
)
SIGNED = ImgproxyDialect(ImgproxyConfig(pairs=(KeyPair(b"key", b"salt"),)))


def seeds() -> Iterator[bytes]:
    """Give a URL for each option, and each spelling of sources."""
    for options in OPTION_EXAMPLES:
        yield f"/_/{options}/plain/http://h/a%20b.jpg@png".encode()
    yield b"/_/w:1/-/h:2/-/pr:p:q/plain/s3://bucket/key?version"
    yield b"/img/_/rs%fill%10%20/aHR0cDovL2gvYS5qcGc.webp"
    yield b"/_/plain/local:///a/%FF/b@avif"


def judge(data: bytes) -> None:
    """Read by every configuration; a signed one lets nothing through."""
    judge_bytes((*DIALECTS, SIGNED), data)
