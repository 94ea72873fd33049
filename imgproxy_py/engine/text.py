"""Text as pixels, for watermarks (dialect §5.3).

Texts come from URLs, and Pango draws whatever they ask for: a few bytes of markup can ask for gigabytes. So the markup is
read first, and held to what a caption needs.
"""

from __future__ import annotations

import re

import pyvips
from lxml import etree

from imgproxy_py.errors import BadRequest, WrongParameter

NATURAL_DPI = 72
"""At which a point is a pixel."""

FONT = "sans 16"
LONGEST = 500
MOST_LINES = 20
DEEPEST = 5

_MOST_POINTS = 256
_MOST_SPACING = 20 * 1024  # Pango counts in 1024ths of a point
_ELEMENTS = frozenset({"markup", "span", "b", "big", "i", "s", "sub", "sup", "small", "tt", "u"})
_FREE_ATTRIBUTES = frozenset(
    [
        "face",
        "font_family",
        "style",
        "font_style",
        "weight",
        "font_weight",
        "variant",
        "font_variant",
        "stretch",
        "font_stretch",
        "foreground",
        "fgcolor",
        "color",
        "background",
        "bgcolor",
        "alpha",
        "fgalpha",
        "background_alpha",
        "bgalpha",
        "underline",
        "underline_color",
        "strikethrough",
        "strikethrough_color",
        "overline",
        "overline_color",
        "lang",
    ]
)
_FONTS = frozenset({"font", "font_desc"})
_SIZES = frozenset({"size", "font_size"})
_SPACINGS = frozenset({"rise", "letter_spacing"})
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_NAMED_SIZE = re.compile(r"(?:xx-small|x-small|small|medium|large|x-large|xx-large|smaller|larger)\Z")
_UNITS = re.compile(r"[0-9]{1,6}\Z")
_POINTS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?pt\Z")


def check_markup(markup: str) -> None:
    """Raise `BadRequest` for a text that is no Pango markup or asks for more than a caption needs."""
    if len(markup) > LONGEST or markup.count("\n") >= MOST_LINES:
        raise _refused(markup, f"at most {LONGEST} characters in {MOST_LINES} lines")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(f"<markup>{markup}</markup>", parser)
    except (etree.XMLSyntaxError, ValueError):
        raise _refused(markup, "Pango markup, in which & is &amp; and < is &lt;") from None
    _check(root, 0)


def text_image(markup: str, dpi: int = NATURAL_DPI) -> pyvips.Image:
    """Draw checked markup on nothing: sRGB with alpha, black and `sans 16` unless it says otherwise.

    Raises `BadRequest` if Pango cannot draw it.
    """
    try:
        return pyvips.Image.text(markup, font=FONT, rgba=True, dpi=dpi)
    except pyvips.Error as error:
        raise _refused(markup, f"text that can be drawn ({str(error).strip().rpartition(': ')[2]})") from None


def _check(element: etree._Element, depth: int) -> None:
    name = element.tag
    if not isinstance(name, str) or name not in _ELEMENTS:
        raise _refused(str(name), f"one of the elements {' '.join(sorted(_ELEMENTS - {'markup'}))}")
    if depth > DEEPEST:
        raise _refused(name, f"at most {DEEPEST} elements within each other")
    for attribute, value in element.attrib.items():
        _check_attribute(str(attribute), str(value))
    for child in element:
        _check(child, depth + 1)


def _check_attribute(name: str, value: str) -> None:
    if name in _FREE_ATTRIBUTES:
        return
    if name in _FONTS:
        fits = "px" not in value and all(float(one) <= _MOST_POINTS for one in _NUMBER.findall(value))
        expected = f"a font of at most {_MOST_POINTS} points"
    elif name in _SIZES:
        fits, expected = _is_size(value), f"a size of at most {_MOST_POINTS} points"
    elif name in _SPACINGS:
        fits, expected = bool(_UNITS.match(value)) and int(value) <= _MOST_SPACING, f"at most {_MOST_SPACING}"
    else:
        fits, expected = False, "an attribute of fonts, colours or lines"
    if not fits:
        raise _refused(f'{name}="{value}"', expected)


def _is_size(value: str) -> bool:
    if _POINTS.match(value):
        return float(value.removesuffix("pt")) <= _MOST_POINTS
    if _UNITS.match(value):
        return int(value) <= _MOST_POINTS * 1024
    return _NAMED_SIZE.match(value) is not None


def _refused(value: str, expected: str) -> BadRequest:
    return BadRequest(wrong=(WrongParameter("watermark_text", value, expected),))
