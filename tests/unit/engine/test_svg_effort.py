"""What drawing an SVG takes is judged before it is drawn; what people draw passes."""

from __future__ import annotations

import base64
import random
import time

import pytest

from imgproxy_py.engine.svg.effort import effort_of
from imgproxy_py.engine.svg.parsing import parsed
from imgproxy_py.errors import BrokenSvg, SourceTooLarge
from tests import pictures
from tests.unit.engine.making import array, failure, made, transformed
from tests.unit.engine.test_svg import svg


def data_of(data: bytes, media: str) -> str:
    return f"data:{media};base64,{base64.b64encode(data).decode()}"


def levels(depth: int, one: str, reference: str, times: int = 10) -> str:
    """Definitions of which each refers to the one before several times; `one` has the places {id} and {body}."""
    first = one.format(id="l0", body='<rect width="9" height="9"/>')
    return first + "".join(
        one.format(id=f"l{level}", body=reference.format(level - 1) * times) for level in range(1, depth)
    )


USES = levels(9, '<g id="{id}">{body}</g>', '<use href="#l{}"/>')
BOMBS = {
    "use": f'<defs>{USES}</defs><use href="#l8"/>',
    "use, in the file's sight": USES,
    "use by xlink": f'<defs>{USES.replace("href", "xlink:href")}</defs><use xlink:href="#l8"/>',
    "use of symbols": levels(9, '<symbol id="{id}">{body}</symbol>', '<use href="#l{}"/>') + '<use href="#l8"/>',
    "many uses of one large group": f'<g id="a">{"<rect/>" * 1000}</g>' + '<use href="#a"/>' * 1000,
    "patterns": levels(9, '<pattern id="{id}" width="1" height="1">{body}</pattern>', '<rect width="9" fill="url(#l{})"/>')
    + '<rect width="9" height="9" fill="url(#l8)"/>',
    "masks": levels(9, '<mask id="{id}">{body}</mask>', '<rect width="9" mask="url(#l{})"/>') + '<rect mask="url(#l8)"/>',
    "masks in style attributes": levels(9, '<mask id="{id}">{body}</mask>', '<rect style="mask: url(\'#l{}\')"/>')
    + '<rect mask="url(#l8)"/>',
    "masks by escaped names": levels(9, '<mask id="{id}">{body}</mask>', '<rect style="mask: u\\72l(#l{})"/>')
    + '<rect mask="url(#l8)"/>',
    "masks by escaped fragments": levels(9, '<mask id="{id}">{body}</mask>', '<rect style="mask: url(\\23l{})"/>')
    + '<rect mask="url(#l8)"/>',
    "masks by classes": "<style>" + "".join(f".c{n} {{ mask: url(#l{n}) }}" for n in range(9)) + "</style>"
    + levels(9, '<mask id="{id}">{body}</mask>', '<rect class="c{}"/>') + '<rect class="c8"/>',
    "masks by media and other selectors": "<style>@media all {"
    + "".join(f"[x='{n}'] {{ mask: url(#l{n}) }}" for n in range(9)) + "}</style>"
    + levels(9, '<mask id="{id}">{body}</mask>', '<rect x="{}"/>') + '<rect x="8"/>',
    "clip paths": levels(9, '<clipPath id="{id}">{body}</clipPath>', '<rect clip-path="url(#l{})"/>')
    + '<rect clip-path="url(#l8)"/>',
    "markers on each corner": f'<marker id="m">{"<path/>" * 100}</marker>'
    f'<path marker-mid="url(#m)" d="{"L10 10 " * 5000}"/>',
    "markers on markers": levels(9, '<marker id="{id}">{body}</marker>', '<path d="M0 0L1 1" marker-end="url(#l{})"/>')
    + '<path d="M0 0L1 1" marker-end="url(#l8)"/>',
    "elements as pictures in filters": levels(
        9, '<filter id="{id}"><feImage href="#l0"/>{body}</filter>', '<feImage href="#l{}"/>'
    )
    + '<rect filter="url(#l8)"/>',
    "an SVG in a data URL": f'<image href="{data_of(svg(USES), "image/svg+xml")}"/>',
    "a text like a book": f"<text>{'word ' * 5000}</text>",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("options", ["f:png", "w:5/f:png", ""])
@pytest.mark.parametrize("sanitize", [True, False])
def test_what_multiplies_is_refused_at_once(name: str, options: str, sanitize: bool) -> None:
    data = svg(BOMBS[name])
    started = time.process_time()
    assert failure(lambda: transformed(data, options, sanitize_svg=sanitize)) is SourceTooLarge
    assert time.process_time() - started < 2


def test_a_long_chain_is_counted_without_recursion() -> None:
    body = levels(20_000, '<g id="{id}">{body}</g>', '<use href="#l{}"/>', times=2)
    assert failure(lambda: transformed(svg(body))) is SourceTooLarge
    body = levels(20_000, '<g id="{id}">{body}</g>', '<use href="#l{}"/>', times=1)
    assert failure(lambda: transformed(svg(f"<defs>{body}</defs>"))) is None


@pytest.mark.parametrize(
    "body",
    [
        '<g id="a"><use href="#a"/></g>',
        '<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>',
        '<pattern id="a" width="1" height="1"><rect fill="url(#a)"/></pattern><rect fill="url(#a)"/>',
        '<mask id="a" mask="url(#a)"/><rect mask="url(#a)"/>',
    ],
)
def test_circles_end(body: str) -> None:
    assert failure(lambda: transformed(svg(body), "f:png")) is None


MAP = "".join(f'<path id="p{n}" class="a" d="M{n} 1L5 {n}L9 9z"/>' for n in range(20_000))
PEOPLES = {
    "a map": MAP,
    "a map with styles": "<style>.a { fill: url(#g); clip-path: url(#c) }</style>"
    '<linearGradient id="g"><stop/></linearGradient><clipPath id="c"><rect width="9" height="9"/></clipPath>' + MAP,
    "a chart of little signs": '<path id="s" d="M0 0L1 1"/>' + '<use href="#s"/>' * 20_000,
    "a line with markers": '<marker id="m"><circle r="1"/></marker>'
    '<path marker-mid="url(#m)" fill="none" d="M0 0' + "L10 10" * 5_000 + '"/>',
    "shadows": '<filter id="f"><feDropShadow/></filter>' + '<rect width="9" height="9" filter="url(#f)"/>' * 100,
    "texts": "<text>A label like any other</text>" * 2000,
}


@pytest.mark.parametrize("name", PEOPLES)
def test_what_people_draw_passes(name: str) -> None:
    assert failure(lambda: transformed(svg(PEOPLES[name]))) is None


# Filters


@pytest.mark.parametrize(
    ("body", "blurs"),
    [
        ('<rect filter="url(#f)"/>', 1.0),
        ('<rect style="filter: url(#f)"/>', 1.0),
        ("<style>rect { filter: url(#f) }</style><rect/><rect/><circle/>", 2.0),
        ("<style>rect { filter: blur(5px) }</style><rect/><rect/><circle/>", 2.0),
        ("<style>.a, [b] { filter: url(#f) }</style><rect/>", 3.0),  # taken to apply to the root and the sheet too
        ('<rect style="filter: blur(2px) drop-shadow(1px 1px)"/>', 2.0),
        ('<g id="a"><rect filter="url(#f)"/></g><use href="#a"/>', 2.0),
        ('<defs><rect filter="url(#f)"/></defs>', 0.0),
        ('<rect mask="url(#nothing)" opacity=".5"/>', 0.04),
        ("<rect/>", 0.0),
    ],
)
def test_filters_are_counted_where_they_are_used(body: str, blurs: float) -> None:
    data = svg(f'<filter id="f"><feGaussianBlur stdDeviation="2"/></filter>{body}')
    assert effort_of(parsed(data)).filters == pytest.approx(blurs)


BLURRED = '<filter id="f"><feMorphology radius="10"/></filter><rect width="100%" height="100%" filter="url(#f)"/>'


@pytest.mark.parametrize(
    ("options", "refused"),
    [("w:200/f:png", False), ("w:4500/h:4500/f:png", True), ("t:10/w:20/f:png", False), ("w:4500/h:4500", False)],
)
def test_it_is_the_canvas_that_makes_filters_slow(options: str, refused: bool) -> None:
    data = pictures.svg("40", "40", BLURRED)
    assert failure(lambda: transformed(data, options)) is (SourceTooLarge if refused else None)


def test_trimming_looks_at_the_whole_canvas() -> None:
    data = pictures.svg("4500", "4500", BLURRED)
    assert failure(lambda: transformed(data, "t:10/w:20/f:png")) is SourceTooLarge
    assert failure(lambda: transformed(data, "w:20/f:png")) is None


@pytest.mark.parametrize("deviation", ["1e9", "1e30", "NaN", "-1"])
def test_the_size_of_a_blur_is_no_matter(deviation: str) -> None:
    body = f'<filter id="f"><feGaussianBlur stdDeviation="{deviation}"/></filter><rect width="9" height="9" filter="url(#f)"/>'
    assert made(svg(body), "f:png").width == 40


# Pictures within


@pytest.mark.parametrize(
    ("media", "bomb"),
    [("image/png", pictures.png_bomb), ("image/jpeg", pictures.jpeg_bomb), ("image/webp", pictures.webp_bomb)],
)
@pytest.mark.parametrize("place", ['<image href="{}"/>', '<filter id="f"><feImage href="{}"/></filter>'])
def test_a_bomb_within_an_svg_is_refused_as_one_by_itself(media: str, bomb, place: str) -> None:
    data = svg(place.format(data_of(bomb(), media)))
    started = time.process_time()
    assert failure(lambda: transformed(data, "w:10/f:png")) is SourceTooLarge
    assert time.process_time() - started < 2


def test_a_damaged_picture_within_an_svg_is_left_out() -> None:
    data = svg(f'<image width="40" height="30" href="{data_of(bytes(9), "image/png")}"/><rect width="40" height="30"/>')
    assert array(made(data, "f:png"))[..., 3].min() == 255


# Sides


HUGE = [
    {"width": "1e9"},
    {"width": "1000000000px", "height": "9"},
    {"width": "9", "height": "1e9in"},
    {"width": "1e9em", "height": "1"},
    {"width": "9" * 400, "height": "5"},
    {"width": "1e400", "height": "5"},
    {"width": "1e10", "height": "5"},
    {"viewBox": "0 0 1e9 5"},
    {"viewBox": "0,0,5,1e30"},
    {"viewBox": "0 0 1e300 1e300"},
    {"width": "100", "viewBox": "0 0 1 1e9"},
    {"height": "100", "viewBox": "0 0 1e30 1"},
    {"width": "100%", "height": "100%", "viewBox": "0 0 2e9 1"},
]


@pytest.mark.parametrize("attributes", HUGE, ids=str)
def test_sides_beyond_computing_are_refused_in_silence(
    attributes: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    sides = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    data = svg("<rect/>", opening=f'<svg xmlns="http://www.w3.org/2000/svg" {sides}>')
    for options in ("", "w:10/f:png"):
        assert failure(lambda options=options: transformed(data, options)) is SourceTooLarge
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("width", ["1e9", "200000000", "1e12", "1e30", "NaN"])
def test_so_are_contents_without_sides(width: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = svg(f'<rect width="{width}" height="9"/>', opening='<svg xmlns="http://www.w3.org/2000/svg">')
    assert failure(lambda: transformed(data, "w:10/f:png")) is not None
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "attributes",
    [
        {"width": "NaN", "height": "NaN", "viewBox": "0 0 40 30"},
        {"width": "-5", "viewBox": "0 0 40 30"},
        {"width": "40", "height": "30", "viewBox": "0 0 NaN NaN"},
        {"width": "40", "height": "30", "viewBox": "0 0 0 0"},
        {"width": "40", "height": "30", "viewBox": "nonsense"},
        {"width": "40", "height": "30", "viewBox": "0 0 1e-300 1e-300"},
        {"width": "0", "height": "0"},
        {"width": "1e-30", "height": "1e-30"},
        {"viewBox": "0 0 0 0"},
        {"viewBox": "0 0 -1 -1"},
        {},
    ],
    ids=str,
)
def test_sides_without_sense_are_drawn_or_refused_in_silence(
    attributes: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    sides = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    data = svg('<rect width="40" height="30"/>', opening=f'<svg xmlns="http://www.w3.org/2000/svg" {sides}>')
    assert failure(lambda: transformed(data, "w:10/f:png")) in (None, *BrokenSvg.__mro__[:2])
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("sides", "width"), [("", 40), ('viewBox="0 0 40 30"', 40), ('width="20" viewBox="0 0 40 30"', 20)]
)
def test_common_ways_to_give_sides_pass(sides: str, width: int) -> None:
    data = svg('<rect width="40" height="30"/>', opening=f'<svg xmlns="http://www.w3.org/2000/svg" {sides}>')
    assert transformed(data).width == width


# Entities


def test_a_quadratic_blow_up_is_refused() -> None:
    data = svg(f"<text>{'&a;' * 20_000}</text>", before=f'<!DOCTYPE svg [<!ENTITY a "{"a" * 20_000}">]>')
    started = time.process_time()
    assert failure(lambda: transformed(data)) is BrokenSvg
    assert time.process_time() - started < 2


def test_entities_that_refer_to_themselves_are_refused() -> None:
    data = svg("<text>&a;</text>", before='<!DOCTYPE svg [<!ENTITY a "&b;"><!ENTITY b "&a;">]>')
    assert failure(lambda: transformed(data)) is BrokenSvg


@pytest.mark.parametrize(
    ("classes", "paths", "seconds"), [(500, 5000, 3), pytest.param(2000, 20_000, 10, marks=pytest.mark.slow)]
)
def test_nothing_takes_long_to_judge(classes: int, paths: int, seconds: float) -> None:
    chance = random.Random(1)
    rules = "".join(f".a{n} {{ fill: url(#g{n}); mask: url(#m) }}" for n in range(classes))
    body = "".join(
        f'<path class="a{chance.randrange(classes)}" style="fill:url(#g{n})" d="M0 0"/>' for n in range(paths)
    )
    started = time.process_time()
    transformed(svg(f"<style>{rules}</style>{body}"))
    assert time.process_time() - started < seconds
