"""Definitions of presets, as settings give them: a refusal with reasons, or presets that work; and the presets-only mode."""

from __future__ import annotations

from collections.abc import Iterator

from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from tests.fuzz.asking import judge_target
from tests.fuzz.words import OPTION_EXAMPLES, OPTION_WORDS

SECONDS, MEGABYTES, LONGEST = 5, 1000, 4096
WORDS = (*OPTION_WORDS, b"=", b"\n", b"pr:", b"default=", b"a=", b"b=", b"a:b", b"/-/", b"#")


def seeds() -> Iterator[bytes]:
    """Give definitions line by line; the last line is what a URL names."""
    for options in OPTION_EXAMPLES:
        yield f"default=w:1\na={options}/-/pr:b\nb=h:2/pr:a\na:b".encode()
    yield b"# comment\n\nexpires=exp:1\nexpires:default"


def judge(data: bytes) -> None:
    """Load presets, and read URLs that name them in both modes."""
    *definitions, named = data.decode("utf-8", "surrogateescape").split("\n")
    for only in (False, True):
        try:
            config = ImgproxyConfig(presets=tuple(definitions), only_presets=only, max_chained_pipelines=50)
            dialect = ImgproxyDialect(config)
        except ValueError as error:
            assert type(error) is ValueError, repr(error)  # noqa: PT017 — subclasses are accidents
            return
        judge_target(dialect, f"/_/{'' if only else 'pr:'}{named}/plain/http://h/a")
