"""The query dialect: keys and parameters."""

from __future__ import annotations

from collections.abc import Iterator

from imgproxy_py.dialects.imgproxy import ImgproxyConfig
from imgproxy_py.dialects.query import QueryConfig, QueryDialect
from imgproxy_py.dialects.query.parameters import ALIASES
from imgproxy_py.recipe.formats import FORMAT_NAMES
from tests.fuzz.asking import judge_bytes

SECONDS, MEGABYTES, LONGEST = 5, 1000, 4096
NAMES = ("w", "h", "gravity", "fit", "enlarge", "dpr", "crop", "rotate", "flip", "trim", "pad", "bg", "blur", "sharpen")
WORDS = (
    *(f"&{name}=".encode() for name in (*NAMES, *ALIASES, "format", "q", "dl", "exp", "s", "preset")),
    *(b"%2C", b",", b"+", b"%", b"%FF", b"%00", b"..", b"/", b"?", b"auto", b"best", b"cover", b"contain", b"0.5,0.5"),
    *(name.encode() for name in FORMAT_NAMES),
)
SHARED = ImgproxyConfig(presets=("default=w:7/el:1", "p=q:5"))
DIALECTS = (
    QueryDialect(QueryConfig(images_source="s3://bucket/pre", savable=frozenset(FORMAT_NAMES.values()), shared=SHARED)),
    QueryDialect(QueryConfig(images_source="https://h/x")),
    QueryDialect(QueryConfig(images_source="local:///x")),
)


def seeds() -> Iterator[bytes]:
    """Give URLs with every parameter."""
    yield b"/images/a/b%20c.jpg?w=400&h=300&fit=cover&gravity=ne&dpr=2&enlarge=1&format=webp&q=80&preset=p"
    yield b"/images/a?crop=1,2,30,40&rotate=90&flip=h&trim=10&pad=1,2,3,4&bg=ff0&blur=2&sharpen=1&dl=name.jpg&exp=99"
    yield b"/images/%E2%82%AC?gravity=0.2,0.8&fit=pad&w=1&format=blurhash&s=signature"


def judge(data: bytes) -> None:
    """Read by every configuration."""
    judge_bytes(DIALECTS, data)
