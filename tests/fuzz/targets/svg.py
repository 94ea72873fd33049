"""SVG: what is sanitised neither acts nor loads, and stays as it is when it is sanitised again."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import ParseError

from imgproxy_py.engine.svg import sanitized
from imgproxy_py.engine.svg.css import without_foreign_references
from imgproxy_py.engine.svg.document import prepared
from imgproxy_py.errors import BrokenSvg, SourceTooLarge
from imgproxy_py.recipe.limits import Limits
from tests import pictures
from tests.unit.engine.svg_references import foreign
from tests.unit.engine.test_svg_sanitizing import HOSTILE

SECONDS, MEGABYTES, LONGEST = 10, 1500, 32768
OPEN = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="20" height="10" '
    'xmlns:h="http://www.w3.org/1999/xhtml">'
)
WORDS = (
    *(
        b"<script>",
        b"</script>",
        b"<style>",
        b"</style>",
        b"<image ",
        b"<use ",
        b"<a ",
        b"<filter ",
        b"<feImage ",
        b"<g>",
    ),
    *(
        b"<foreignObject>",
        b"<h:div>",
        b"<animate ",
        b"<set ",
        b"<!--",
        b"-->",
        b"<![CDATA[",
        b"]]>",
        b"<!DOCTYPE svg [",
        b"]>",
    ),
    *(
        b"<!ENTITY a '",
        b"&a;",
        b"&#114;",
        b"&quot;",
        b" href='",
        b" xlink:href='",
        b" style='",
        b" src='",
        b" onload='",
    ),
    *(
        b" attributeName='",
        b" values='",
        b" xml:base='",
        b" viewBox='0 0 ",
        b" width='",
        b"1e999",
        b"javascript:",
        b"data:",
    ),
    *(
        b"data:image/svg+xml,",
        b"data:image/png;base64,",
        b"http://evil.example/",
        b"url(",
        b"@import ",
        b"@namespace ",
        b"\\",
    ),
    *(b"\\75 rl(", b"image-set(", b"/*", b"*/", b"{", b"}", b"src(", b"expression(", b"%3Csvg", b"#a", b"\xef\xbb\xbf"),
)


def seeds() -> Iterator[bytes]:
    """Give SVGs that try something."""
    yield pictures.svg()
    yield pictures.svg("", "", attributes='viewBox="0 0 40 20"')
    for _, body in HOSTILE:
        yield f"{OPEN}{body}</svg>".encode()


def judge(data: bytes) -> None:
    """Sanitise, look for what is left by other means, sanitise again; prepare for drawing."""
    _css(data)
    try:
        clean = sanitized(data)
    except (BrokenSvg, SourceTooLarge):
        return
    try:
        left = foreign(clean)
    except ParseError:
        left = []  # expat knows less of XML's names than libxml2; what cannot be read by it is not judged by it
    assert not left, left
    assert sanitized(clean) == clean
    for sanitizing in (True, False):
        try:
            prepared(data, Limits(), sanitizing=sanitizing, style="rect { fill: red }")
        except (BrokenSvg, SourceTooLarge):
            continue


def _css(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        clean = without_foreign_references(text)
    except SourceTooLarge:
        return
    assert without_foreign_references(clean) == clean
