"""SVG: sizes, and nothing active or foreign survives."""

from __future__ import annotations

import gzip

import pytest
from lxml import etree

from imgproxy_py.engine.svg import sanitized
from imgproxy_py.errors import BrokenSvg, ImageError, UnknownImage
from tests import pictures
from tests.unit.engine.making import array, failure, made, transformed

OPEN = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40" height="30">'


def svg(body: str, *, before: str = "", opening: str = OPEN) -> bytes:
    return f"{before}{opening}{body}</svg>".encode()


def clean(body: str, **parts: str) -> str:
    return sanitized(svg(body, **parts)).decode()


# Sizes at 96 dpi


@pytest.mark.parametrize(
    ("width", "height", "attributes", "expected"),
    [
        ("100", "50", "", (100, 50)),
        ("100px", "50px", "", (100, 50)),
        ("25.4mm", "12.7mm", "", (96, 48)),
        ("2.54cm", "1.27cm", "", (96, 48)),
        ("72pt", "36pt", "", (96, 48)),
        ("6pc", "3pc", "", (96, 48)),
        ("1in", "0.5in", "", (96, 48)),
        ("", "", 'viewBox="0 0 120 80"', (120, 80)),
        ("100%", "100%", 'viewBox="0 0 120 80"', (120, 80)),
        ("60", "", 'viewBox="0 0 120 80"', (60, 40)),
        ("60", "60", 'viewBox="0 0 120 80"', (60, 60)),
    ],
)
def test_css_pixels_are_pixels(width: str, height: str, attributes: str, expected: tuple[int, int]) -> None:
    image = made(pictures.svg(width, height, attributes=attributes), "f:png")
    assert (image.width, image.height) == expected
    picture = transformed(pictures.svg(width, height, attributes=attributes))
    assert (picture.width, picture.height) == expected


# What goes


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        '<script href="https://evil.example/x.js"/>',
        '<SCRIPT xmlns="http://www.w3.org/1999/xhtml">alert(1)</SCRIPT>',
        '<x:script xmlns:x="http://www.w3.org/2000/svg">alert(1)</x:script>',
        "<g><g><script>alert(1)</script></g></g>",
        '<rect onload="alert(1)"/>',
        '<rect ONCLICK="alert(1)"/>',
        '<animate onbegin="alert(1)"/>',
        '<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="javascript:alert(1)"/></foreignObject>',
        '<foreignObject><form xmlns="http://www.w3.org/1999/xhtml" action="javascript:alert(1)"/></foreignObject>',
        '<a href="javascript:alert(1)"/>',
        '<a xlink:href="javascript:alert(1)"/>',
        '<a href="JaVaScRiPt:alert(1)"/>',
        '<a href="java&#10;script:alert(1)"/>',
        '<a href="java&#x09;script:alert(1)"/>',
        '<a href="&#x20;&#x0d;javascript:alert(1)"/>',
        '<a href="&#106;&#97;vascript:alert(1)"/>',
        '<a href="java&#x85;script:alert(1)"/>',
        '<a href="data:text/html,alert(1)"/>',
        '<a href="vbscript:alert(1)"/>',
        '<image href="javascript:alert(1)"/>',
        '<image href="file:///etc/alert(1)"/>',
        '<use href="https://evil.example/alert(1)#x"/>',
        '<use xlink:href="other.svg#alert(1)"/>',
        '<use href="data:image/svg+xml,alert(1)"/>',
    ],
)
def test_what_is_active_or_foreign_goes(body: str) -> None:
    assert "alert(1)" not in clean(body)
    assert "evil.example" not in clean(body)


def test_entities_hide_nothing() -> None:
    before = '<!DOCTYPE svg [<!ENTITY js "javascript:alert(1)"><!ENTITY s "<script>alert(1)</script>">]>'
    found = clean('<a href="&js;"/>&s;', before=before)
    assert "alert" not in found
    assert "DOCTYPE" not in found


def test_style_sheet_instructions_go() -> None:
    before = '<?xml-stylesheet href="https://evil.example/x.css" type="text/css"?>'
    assert "evil" not in clean("<rect/>", before=before)
    assert "evil" not in clean(f"<g>{before}</g>")


def test_text_behind_a_script_stays() -> None:
    found = etree.fromstring(sanitized(svg("<text>a<script>1</script>b<script/>c</text><script/>d")))
    assert "".join(found.itertext()) == "abcd"


# What stays


@pytest.mark.parametrize(
    "body",
    [
        '<use href="#shape"/>',
        '<use xlink:href="#shape"/>',
        '<image href="data:image/png;base64,AAAA"/>',
        '<a href="https://example.org/"/>',
        '<a href="../relative"/>',
        '<a href="#part"/>',
        '<linearGradient id="a" href="#b"/>',
        '<rect fill="url(#a)"/>',
        "<style>rect { fill: red }</style>",
        '<text font-family="serif">é 漢</text>',
        '<rect id="one" class="ontop"/>',
    ],
)
def test_what_draws_stays(body: str) -> None:
    assert body.removesuffix("/>").split(" ", 1)[-1].replace('"', "").split("=")[-1] in clean(body).replace('"', "")


def test_a_picture_without_anything_unsafe_looks_the_same() -> None:
    data = pictures.svg()
    assert (array(made(data, "f:png")) == array(made(data, "f:png", sanitize_svg=False))).all()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_an_svg_may_be_in_other_encodings(encoding: str) -> None:
    name = encoding.removesuffix("-sig")
    declared = f'<?xml version="1.0" encoding="{name}"?>' + svg("<script>1</script><title>é</title>").decode()
    picture = transformed(declared.encode(encoding))
    assert "é" in picture.data.decode()
    assert b"script" not in picture.data
    assert made(declared.encode(encoding), "f:png").width == 40


# Hostile


def test_a_billion_laughs_are_refused() -> None:
    entities = '<!ENTITY e0 "ha">' + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    data = svg("<text>&e11;</text>", before=f"<!DOCTYPE svg [{entities}]>")
    assert failure(lambda: transformed(data)) is BrokenSvg


@pytest.mark.parametrize(
    "before",
    [
        '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE svg [<!ENTITY x PUBLIC "a" "file:///etc/passwd">]>',
        '<!DOCTYPE svg SYSTEM "file:///etc/passwd" [<!ENTITY x SYSTEM "/etc/passwd">]>',
        '<!DOCTYPE svg [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p; <!ENTITY x "">]>',
    ],
)
@pytest.mark.parametrize("sanitize", [True, False])
def test_external_entities_are_not_read(before: str, sanitize: bool) -> None:
    data = svg("<text y='20'>&x;</text>", before=before)
    try:
        picture = transformed(data, "", sanitize_svg=sanitize)
    except ImageError:
        return
    assert b"root:" not in picture.data
    if sanitize:
        blank = array(made(svg("<text y='20'></text>"), "f:png"))
        assert (array(made(data, "f:png")) == blank).all()


def test_external_pictures_are_not_read(tmp_path) -> None:
    file = tmp_path / "red.png"
    file.write_bytes(pictures.png(pictures.solid(40, 30, (255, 0, 0))))
    for link in (f"file://{file}", str(file), "http://127.0.0.1:9/x.png"):
        data = svg(f'<image href="{link}" width="40" height="30"/>')
        for sanitize in (True, False):
            assert array(made(data, "f:png", sanitize_svg=sanitize)).max() == 0


def test_xinclude_is_not_followed() -> None:
    body = (
        '<text y="20"><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/></text>'
    )
    assert array(made(svg(body), "f:png")).max() == 0


@pytest.mark.parametrize("root", ["script", "x:svg"])
def test_a_root_that_is_no_svg_is_refused(root: str) -> None:
    data = f'<{root} xmlns="http://www.w3.org/2000/svg">1</{root}>'.encode()
    assert issubclass(failure(lambda: transformed(data)), ImageError)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.99])
def test_a_cut_svg_is_broken(share: float) -> None:
    assert failure(lambda: transformed(pictures.truncated(pictures.svg(), share))) is not None
    if share > 0.2:
        assert failure(lambda: transformed(pictures.truncated(pictures.svg(), share))) is BrokenSvg


def test_a_compressed_svg_is_not_recognised() -> None:
    assert failure(lambda: transformed(gzip.compress(pictures.svg()))) is UnknownImage


def test_an_svg_deeper_than_any_picture_is_refused_or_drawn() -> None:
    data = svg("<g>" * 5000 + "</g>" * 5000)
    found = failure(lambda: transformed(data, "f:png"))
    assert found is None or issubclass(found, ImageError)


def test_html_is_not_an_image() -> None:
    assert failure(lambda: transformed(b"<!DOCTYPE html><html><svg></svg></html>")) is UnknownImage
