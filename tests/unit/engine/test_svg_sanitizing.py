"""Whatever an SVG tries, what comes out neither acts nor loads, and looks as before."""

# ruff: noqa: E501 — a sample stays on one line

from __future__ import annotations

import base64
import socket
import threading
import urllib.parse
from xml.etree.ElementTree import canonicalize

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.engine.svg import sanitized
from imgproxy_py.engine.svg.css import without_foreign_references
from imgproxy_py.errors import BrokenSvg, ImageError
from tests import pictures
from tests.unit.engine.making import array, failure, made, transformed
from tests.unit.engine.svg_references import foreign
from tests.unit.engine.test_svg import svg

EVIL = "http://evil.example/"
PIXEL = base64.b64encode(pictures.png(pictures.solid(4, 4, (255, 0, 0)))).decode()
INNER = svg(
    f'<script>evil.example</script><image href="{EVIL}"/><style>@import "{EVIL}";</style><rect width="9" height="9"/>'
)


def data_of(data: bytes, media: str = "image/svg+xml") -> str:
    return f"data:{media};base64,{base64.b64encode(data).decode()}"


NESTED = svg(f'<image href="{data_of(INNER)}"/>')

# Each with the reason why it is hostile; every one of them names evil.example, which must not come out.
HOSTILE = [
    ("CSS loads a style sheet", f'<style>@import "{EVIL}x.css";</style>'),
    ("… by url()", f"<style>@import url({EVIL}x.css) screen;</style>"),
    ("… under an escaped name", f'<style>@\\69 mport "{EVIL}x.css";</style>'),
    ("… in a CDATA section", f'<style><![CDATA[@import "{EVIL}";]]></style>'),
    ("… written in two parts", f'<style>@imp<g/>ort "{EVIL}";</style>'),
    ("… around a comment", f'<style>@imp<!-- -->ort "{EVIL}";</style>'),
    ("… without an end", f'<style>a{{}} @import "{EVIL}'.replace('"', "'") + "</style>"),
    ("… in an HTML style element", f'<style xmlns="http://www.w3.org/1999/xhtml">@import "{EVIL}";</style>'),
    ("CSS paints with another file", f"<style>rect {{ fill: url({EVIL}#a) }}</style>"),
    ("… quoted", f"<style>rect {{ fill: URL( '{EVIL}#a' ) }}</style>"),
    ("… escaped", f"<style>rect {{ fill: \\75\\72\\6c({EVIL}#a) }}</style>"),
    ("… deep in other rules", f"<style>@media all {{ @supports (a:b) {{ a {{ &amp;:hover {{ fill: url({EVIL}) }} }} }} }}</style>"),
    ("… in a variable", f"<style>* {{ --x: url({EVIL}); fill: var(--x) }}</style>"),
    ("… by names for sets of pictures", f"<style>* {{ background: image-set('{EVIL}' 1x) }}</style>"),
    ("… by src()", f"<style>* {{ background: src('{EVIL}') }}</style>"),
    ("a font is loaded", f"<style>@font-face {{ font-family: a; src: url({EVIL}a.woff2) format('woff2') }}</style>"),
    ("a namespace rule hides a block", f"<style>@namespace a {{ b {{ fill: url({EVIL}) }} }}</style>"),
    ("a string that ends at its line's end hides the next", f"<style>a {{ b: 'x\n }} c {{ fill: url({EVIL}) }}</style>"),
    ("a style attribute", f'<rect style="fill:url({EVIL}#a)"/>'),
    ("… with entities", f'<rect style="fill:u&#114;l(&quot;{EVIL}#a&quot;)"/>'),
    *((f"the attribute {name}", f'<rect {name}="url({EVIL}#a)"/>')
      for name in ("fill", "stroke", "filter", "mask", "clip-path", "marker", "marker-start", "marker-mid", "marker-end", "cursor", "src")),
    ("a paint with a fallback", f'<rect fill="url({EVIL}#a) red"/>'),
    ("a data URL that is no picture", "<rect fill=\"url(data:text/html,evil.example)\"/>"),
    ("an external picture", f'<image href="{EVIL}a.png"/>'),
    ("… without a scheme", '<image href="//evil.example/a.png"/>'),
    ("… beside the SVG", '<image xlink:href="evil.example.png"/>'),
    ("… in a filter", f'<filter id="f"><feImage href="{EVIL}a.png"/></filter>'),
    ("… of another case", f'<filter id="f"><feIMAGE href="{EVIL}a.png"/></filter>'),
    ("another SVG's element", f'<use href="{EVIL}a.svg#x"/>'),
    ("another file's gradient", f'<linearGradient href="{EVIL}a.svg#x"/>'),
    ("another file's pattern", f'<pattern xlink:href="{EVIL}a.svg#x"/>'),
    ("another file's text path", f'<textPath href="{EVIL}a.svg#x"/>'),
    ("another file's font", f'<font-face><font-face-src><font-face-uri xlink:href="{EVIL}a.svg#x"/></font-face-src></font-face>'),
    ("a colour profile", f'<color-profile xlink:href="{EVIL}a.icc"/>'),
    ("XInclude", f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{EVIL}"/>'),
    ("xml:base makes fragments foreign", f'<g xml:base="{EVIL}"><use href="#x"/></g>'),
    ("an animation writes a link", '<a href="#"><animate attributeName="href" values="javascript:alert(\'evil.example\')"/></a>'),
    ("… under a prefix", '<a href="#"><set attributeName="xlink:href" to="javascript:alert(\'evil.example\')"/></a>'),
    ("… under a prefix of its own", '<a href="#"><set xmlns:q="http://www.w3.org/1999/xlink" attributeName=" q:href" to="evil.example"/></a>'),
    ("… to a foreign picture", f'<image><animate attributeName="href" from="#a" to="{EVIL}a.png"/></image>'),
    ("an animation writes a handler", "<set attributeName=\"onclick\" to=\"alert('evil.example')\"/>"),
    ("… under a name that HTML reads in any case", "<set attributename=\"onclick\" to=\"alert('evil.example')\"/>"),
    ("… its name in another namespace", "<set xlink:attributeName=\"onclick\" to=\"alert('evil.example')\"/>"),
    ("… the second of two names", "<set attributeName=\"x\" attributename=\"onclick\" to=\"alert('evil.example')\"/>"),
    ("an animation writes a link under a name in any case", '<a href="#"><SET ATTRIBUTENAME="href" TO="javascript:alert(\'evil.example\')"/></a>'),
    ("an animation paints with another file", f'<set attributeName="fill" to="url({EVIL}#a)"/>'),
    ("… step by step", f'<animate attributeName="fill" values="red;url({EVIL}#a)"/>'),
    ("a link runs", "<a href=\"javascript:alert('evil.example')\"/>"),
    ("… behind more space than anyone looks at", f'<a href="{"&#9;" * 300}javascript:alert(\'evil.example\')"/>'),
    ("… its letters far apart", f'<a href="java{"&#10;" * 300}script:alert(\'evil.example\')"/>'),
    ("a link tells when it is followed", f'<a href="#" ping="{EVIL}"/>'),
    *((f"HTML's {tag} in a foreign object", f'<foreignObject><{tag} xmlns="http://www.w3.org/1999/xhtml" {attribute}="{EVIL}"/></foreignObject>')
      for tag, attribute in [("iframe", "src"), ("img", "src"), ("img", "srcset"), ("object", "data"), ("embed", "src"), ("video", "poster"), ("audio", "src"),
                             ("link", "href"), ("base", "href"), ("meta", "content"), ("form", "action"), ("button", "formaction"), ("input", "src"),
                             ("body", "background"), ("table", "background"), ("frame", "src"), ("math", "href"), ("div", "style")]
      if tag != "div"),
    ("HTML's style attribute", f'<foreignObject><p xmlns="http://www.w3.org/1999/xhtml" style="background:url({EVIL})"/></foreignObject>'),
    ("HTML outside of any foreign object", f'<h:img xmlns:h="http://www.w3.org/1999/xhtml" src="{EVIL}"/>'),
    ("a script under a prefix", '<h:script xmlns:h="http://www.w3.org/1999/xhtml">evil.example</h:script>'),
    ("a script of no vocabulary, for who pastes it into HTML", '<script xmlns="">evil.example</script>'),
    ("a comment that HTML sees end at once", "<!--><img src='http://evil.example/'/>-->"),
    ("… or nearly", "<!---><img src='http://evil.example/'/>- -->".replace("- -->", " -->")),
    ("an SVG in a data URL", f'<image href="{data_of(INNER)}"/>'),
    ("… percent-encoded", f'<image href="data:image/svg+xml,{urllib.parse.quote(INNER)}"/>'),
    ("… in CSS", f"<style>rect {{ mask: url('{data_of(INNER)}') }}</style>"),
    ("… in an SVG in a data URL", f'<image href="{data_of(NESTED)}"/>'),
    ("Tiny SVG's handler", '<handler type="application/ecmascript">evil.example</handler>'),
]  # fmt: skip


def parts(data: bytes) -> list[bytes]:
    return [one.split(b'"')[0].split(b"'")[0].split(b"&")[0].split(b")")[0] for one in data.split(b";base64,")[1:]]


@pytest.mark.parametrize(("why", "body"), HOSTILE, ids=[why for why, _ in HOSTILE])
def test_what_is_hostile_goes(why: str, body: str) -> None:
    assert (
        "evil.example" in body
        or any(b"evil.example" in decoded(one) or parts(decoded(one)) for one in parts(body.encode()))
        or "%3A" in body
    )
    clean = sanitized(svg(body))
    assert foreign(clean) == []
    inner = clean
    for _ in range(3):
        assert b"evil.example" not in inner, inner
        inner = b" ".join(decoded(one) for one in parts(inner))
    assert sanitized(clean) == clean


def decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""


@pytest.mark.parametrize(
    "before",
    [
        f'<!DOCTYPE svg [<!ENTITY e "{EVIL}">]>',
        f'<!DOCTYPE svg [<!ENTITY h "url({EVIL})"><!ENTITY e "&h;">]>',
        f'<!DOCTYPE svg [<!ATTLIST rect onload CDATA "{EVIL}"><!ENTITY e "">]>',
        f'<!DOCTYPE svg [<!ATTLIST rect fill CDATA "url({EVIL})"><!ENTITY e "">]>',
        f'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "{EVIL}svg11.dtd" [<!ENTITY e "">]>',
        f'<?xml-stylesheet type="text/xsl" href="{EVIL}"?><!DOCTYPE svg [<!ENTITY e "">]>',
    ],
)
def test_a_document_type_brings_nothing_in(before: str) -> None:
    data = svg('<rect/><style>rect { fill: url("&e;") }</style><image href="&e;"/>', before=before)
    clean = sanitized(data)
    assert foreign(clean) == []
    assert b"evil" not in clean


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037", "shift_jis", "gb18030"]
)
def test_no_encoding_hides_anything(encoding: str) -> None:
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>'
        + svg(f'<style>@import "{EVIL}";</style><script>evil</script>').decode()
    )
    try:
        clean = transformed(text.encode(encoding)).data
    except ImageError:
        return  # not recognised, or not read: nothing comes out
    assert foreign(clean) == []
    assert b"evil" not in clean


@pytest.mark.parametrize("escape", ["\\7", "\\1 ", "\\\\\\7", "\\d800 ", "\\ffff "])
@pytest.mark.parametrize("name", ["url", "src", "image-set"])
def test_a_name_that_begins_with_what_xml_cannot_hold_is_not_cut_down_to_its_end(escape: str, name: str) -> None:
    clean = sanitized(svg(f"<style>a {{ b: url({EVIL}); c: {escape}{name}({EVIL}) }}</style>"))
    assert b": none" in clean
    assert foreign(clean) == []
    assert sanitized(clean) == clean


@pytest.mark.parametrize("escape", ["\\0", "\\1 ", "\\c ", "\\d800 ", "\\ffff ", "\\110000 "])
def test_escapes_of_what_xml_cannot_hold_stay_escaped(escape: str) -> None:
    clean = sanitized(
        svg(f"<style>a {{ b: '{escape}x'; c{escape}: url({EVIL}) }}</style><g style=\"a: '{escape}' url(x)\"/>")
    )
    assert foreign(clean) == []
    assert sanitized(clean) == clean


# What stays


@pytest.mark.parametrize(
    "body",
    [
        '<rect fill="url(#a) red"/>',
        "<rect style=\"mask:url('#a')\"/>",
        f"<style>@namespace url(http://www.w3.org/2000/svg); rect {{ cursor: url(data:image/png;base64,{PIXEL}), auto }}</style>",
        "<style>@font-face { font-family: a; src: url(data:font/woff2;base64,AAAA) format('woff2'), local(Arial) }</style>",
        "<style>@media (min-width: 1px) { .a:hover > rect::before { content: 'url(x' } }</style>",
        f'<image href="data:image/png;base64,{PIXEL}" width="4"/>',
        f'<filter id="f"><feImage href="data:image/png;base64,{PIXEL}"/></filter>',
        '<filter id="f"><feImage href="#a"/></filter>',
        '<use href="#a"><animate attributeName="href" values="#a; #b" dur="1s"/></use>',
        '<animate attributeName="fill" values="red;url(#a)" dur="1s"/>',
        '<animateMotion dur="1s"><mpath href="#a"/></animateMotion>',
        '<foreignObject><div xmlns="http://www.w3.org/1999/xhtml" style="color: red">a<br/><b>b</b></div></foreignObject>',
        "<!-- A licence. -->",
        '<metadata><dc:source xmlns:dc="http://purl.org/dc/elements/1.1/">a book</dc:source></metadata>',
        '<g id="image(1)" class="url(x)"/>',
        '<g label="C:\\pictures\\a (1).svg"/>',
    ],
)
def test_what_is_harmless_stays_as_it_was_written(body: str) -> None:
    assert canonicalize(sanitized(svg(body)).decode(), with_comments=True) == canonicalize(
        svg(body).decode(), with_comments=True
    )


RED = svg('<rect width="9" height="9" fill="red"/>')
SHAPES = '<rect x="2" y="2" width="22" height="16" {0}/><circle cx="27" cy="18" r="9" {0}/>'
PLAIN = SHAPES.format("")
BENIGN = {
    "filters": '<filter id="f"><feGaussianBlur stdDeviation="1.5"/><feOffset dx="2"/></filter>' + SHAPES.format('filter="url(#f)"'),
    "a picture in a filter": f'<filter id="f"><feImage href="data:image/png;base64,{PIXEL}"/></filter>' + SHAPES.format('filter="url(#f)"'),
    "gradients": '<linearGradient id="a"><stop stop-color="red"/><stop offset="1" stop-color="#0f0"/></linearGradient>'
    '<radialGradient id="f" href="#a"/>' + SHAPES.format('style="fill: url(#f)"'),
    "masks": '<mask id="f"><rect width="20" height="30" fill="#fff"/></mask>' + SHAPES.format('mask="url(#f)"'),
    "clip paths": '<clipPath id="f"><circle cx="15" cy="15" r="10"/></clipPath>' + SHAPES.format('clip-path="url(#f)"'),
    "patterns": '<pattern id="f" width="4" height="4" patternUnits="userSpaceOnUse"><path d="M0 0h2v2z"/></pattern>' + SHAPES.format('fill="url(#f)"'),
    "markers": '<marker id="f" markerWidth="5" markerHeight="5"><rect width="5" height="5"/></marker>'
    '<path d="M5 5L20 20L30 5" stroke="red" fill="none" marker-end="url(#f)" marker-mid="url(#f)"/>',
    "use": '<g id="f">' + PLAIN + '</g><use href="#f" x="5" transform="scale(.5)"/><use xlink:href="#f" y="9"/>',
    "text": '<text x="2" y="20" font-size="14">ab<tspan fill="red">cé</tspan></text>',
    "a picture": f'<image width="30" height="20" href="data:image/png;base64,{PIXEL}"/>',
    "an SVG as a picture": f'<image width="30" height="20" href="{data_of(RED)}"/>',
    "classes": "<style>.a { fill: #c0f; stroke: rgb(0 99 0) } rect + .a { opacity: .5 }</style>" + PLAIN.format('class="a"'),
    "media queries": "<style>@media all { rect { fill: #080 } } @media print { rect { fill: red } }</style>" + PLAIN,
    "fonts": "<style>@font-face { font-family: q; src: url(data:font/woff2;base64,d09GMg) } text { font-family: q, serif }</style>"
    '<text x="2" y="20">abc</text>',
    "CDATA": "<style><![CDATA[ rect > g, circle { fill: red } ]]></style>" + PLAIN,
    "references to nothing": SHAPES.format('fill="url(#nothing) green"'),
}  # fmt: skip


@pytest.mark.parametrize("name", BENIGN)
def test_what_is_drawn_stays_the_same_to_the_pixel(name: str) -> None:
    data = svg(BENIGN[name])
    before, after = (array(made(data, "f:png", sanitize_svg=sanitize)) for sanitize in (False, True))
    assert np.array_equal(before, after)
    assert before[..., 3].max() > 0


# Whatever it is

_TAGS = st.sampled_from(
    ["g", "rect", "use", "image", "feImage", "a", "style", "script", "set", "animate", "foreignObject", "text", "filter", "svg", "STYLE"]
)  # fmt: skip
_NAMES = st.sampled_from(
    [
        "href",
        "xlink:href",
        "xml:base",
        "style",
        "fill",
        "filter",
        "onload",
        "attributeName",
        "attributename",
        "xlink:attributeName",
        "to",
        "TO",
        "values",
        "src",
        "id",
        "x",
        "mask",
    ]
)
_URLS = st.sampled_from(
    [EVIL, "#a", "javascript:1", "//evil.example", "data:image/png;base64,AAAA", "data:text/html,x", "a.png", data_of(INNER), " #b", "HTTP:x",
     "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'/%3E", "data:image/svg+xml,<broken", "href", "onclick"]
)  # fmt: skip
_CSS = st.lists(
    st.one_of(
        st.sampled_from(
            ["url(", ")", "'", '"', "\\", "@import", "@\\69mport", "\\75rl(", ";", "{", "}", "(", "[", "]", "/*", "*/", " ", "\n", "a", ":", ",", "#a",
             "src(", "image-set(", "@namespace", "@media", "!important", "url(#a)", "<!--", "-->", "expression(", "var(--a)", "\\0", "é"]
        ),
        _URLS,
    ),
    max_size=14,
).map("".join)  # fmt: skip
_VALUES = st.one_of(_URLS, _CSS, st.builds("url({})".format, _URLS), st.builds("fill:url('{}')".format, _URLS))


def quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def element(tag: str, attributes: dict[str, str], text: str, children: list[str]) -> str:
    written = " ".join(f'{name}="{quoted(value)}"' for name, value in attributes.items())
    return f"<{tag} {written}>{quoted(text)}{''.join(children)}</{tag}>{quoted(text)}"


_ELEMENTS = st.recursive(
    st.builds(element, _TAGS, st.dictionaries(_NAMES, _VALUES, max_size=3), _CSS, st.just([])),
    lambda inner: st.builds(
        element, _TAGS, st.dictionaries(_NAMES, _VALUES, max_size=3), _CSS, st.lists(inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(_ELEMENTS, max_size=4).map("".join))
def test_nothing_foreign_comes_out_of_anything_and_once_is_enough(body: str) -> None:
    clean = sanitized(svg(body))
    assert foreign(clean) == []
    assert sanitized(clean) == clean


@given(_CSS)
def test_css_is_judged_alike_once_and_twice(text: str) -> None:
    clean = without_foreign_references(text)
    assert without_foreign_references(clean) == clean


@given(st.binary(max_size=200))
def test_bytes_that_are_no_svg_break_as_one(data: bytes) -> None:
    assert failure(lambda: sanitized(b"<svg xmlns='http://www.w3.org/2000/svg'>" + data + b"</svg>")) in (
        None,
        BrokenSvg,
    )


# Drawing


def test_drawing_reaches_neither_net_nor_files(tmp_path) -> None:
    file = tmp_path / "red.png"
    file.write_bytes(pictures.png(pictures.solid(40, 30, (255, 0, 0))))
    (tmp_path / "a.svg").write_bytes(svg('<rect id="x" width="40" height="30" fill="red"/>'))
    (tmp_path / "a.css").write_text("rect { fill: red }")
    with Listener() as listener:
        for base in (f"http://127.0.0.1:{listener.port}", f"file://{tmp_path}", str(tmp_path)):
            data = svg(
                f'<style>@import "{base}/a.css";</style><image href="{base}/red.png" width="40" height="30"/>'
                f'<use href="{base}/a.svg#x"/><filter id="f"><feImage href="{base}/red.png"/></filter>'
                f'<g filter="url(#f)"><rect fill="none" width="9" height="9"/></g><rect width="40" height="3" fill="url({base}/a.svg#x)"/>'
                f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{base}/a.svg"/>'
            )
            for sanitize in (True, False):
                pixels = array(made(data, "f:png", sanitize_svg=sanitize))
                assert (pixels[..., 0] * (pixels[..., 3] > 0)).max() == 0
    assert listener.connections == 0


class Listener:
    """A socket on loopback that counts who connects."""

    def __enter__(self) -> Listener:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        return self

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                if connection.recv(4) == b"stop":
                    return
            self.connections += 1

    def __exit__(self, *_: object) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"stop")
        self._thread.join()
        self._socket.close()


def test_the_listener_would_notice() -> None:
    with Listener() as listener:
        socket.create_connection(("127.0.0.1", listener.port)).close()
    assert listener.connections == 1


# Style


def test_a_style_comes_first_so_that_the_svgs_own_wins() -> None:
    data = svg("<style>circle { fill: #00f }</style>" + '<rect width="20" height="30"/><circle cx="30" cy="15" r="8"/>')
    style = base64.urlsafe_b64encode(b"rect, circle { fill: #f00 }").decode()
    assert [tuple(made(data, f"st:{style}/f:png")(x, 15)[:3]) for x in (5, 30)] == [(255, 0, 0), (0, 0, 255)]
    handed_on = transformed(data, f"st:{style}").data
    assert handed_on.index(b"#f00") < handed_on.index(b"#00f")


def test_a_style_is_sanitised_too_and_cannot_break_out() -> None:
    style = base64.urlsafe_b64encode(
        f'@import "{EVIL}"; rect {{ fill: url({EVIL}) }} </style><script>1</script>\x00'.encode()
    ).decode()
    handed_on = transformed(svg("<rect/>"), f"st:{style}").data
    assert b"evil" not in handed_on
    assert b"<script" not in handed_on
    assert foreign(handed_on) == []
