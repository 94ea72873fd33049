"""The sides that an SVG says it has, judged before librsvg and libvips compute with them.

They compute in 32 bits: what does not fit is drawn one pixel wide, or with complaints to standard error.
"""

from __future__ import annotations

import re

import pyvips

from imgproxy_py.engine.svg.parsing import Element, serialized
from imgproxy_py.errors import SourceTooLarge

_MAX_SIDE = 100_000_000  # libvips' own bound (VIPS_MAX_COORD)
# Possessive, so that a long attribute is read once: it may have ten million characters.
_LENGTH = re.compile(r"\s*+([+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?+)\s*+([a-zA-Z%]*+)\s*+\Z")
_NUMBERS = re.compile(r"[\s,]+")

# In CSS pixels; of units that depend on fonts or on a window the largest that anything makes of them.
_UNITS = {"": 1.0, "px": 1.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4, "pt": 96 / 72, "pc": 16.0}
_RELATIVE_UNIT = 20.0
_SMALL = 1 / 1000


def check_dimensions(root: Element) -> None:
    """Raise `SourceTooLarge` if a side of the SVG is longer than can be computed with."""
    width, height = _length(root.get("width")), _length(root.get("height"))
    box = _view_box(root.get("viewBox"))
    if not box and (not width or not height):
        _check_drawn_size(root)
    # What is infinite may come to no number at all, which is not short either.
    if not all(side <= _MAX_SIDE for side in (width, height, *_derived(width, height, box))):
        raise SourceTooLarge("a side of the SVG is longer than can be drawn")


def _derived(width: float, height: float, box: tuple[float, float] | None) -> tuple[float, float]:
    """Give the sides that follow from the view box where one or both are not given."""
    if not box:
        return 0.0, 0.0
    wide, high = box
    if not width and not height:
        return wide, high
    return (width or height * wide / high), (height or width * high / wide)


def _length(text: str | None) -> float:
    """Give a length in CSS pixels, 0 if there is none or it is relative to what contains the SVG."""
    found = _LENGTH.match(text or "")
    if not found or found[2] == "%":
        return 0.0
    return float(found[1]) * _UNITS.get(found[2].lower(), _RELATIVE_UNIT)


def _view_box(text: str | None) -> tuple[float, float] | None:
    """Give a view box's sides, `None` if it has none that are drawn."""
    numbers = [_LENGTH.match(one) for one in _NUMBERS.split((text or "").strip())]
    if len(numbers) != 4 or not all(numbers):
        return None
    wide, high = (float(one[1]) for one in numbers[2:] if one)
    return (wide, high) if wide > 0 and high > 0 else None


def _check_drawn_size(root: Element) -> None:
    """Raise `SourceTooLarge` if what an SVG without sides draws is too large; it is measured at a thousandth."""
    try:
        image = pyvips.Image.svgload_buffer(serialized(root), scale=_SMALL)
    except pyvips.Error:
        return  # less than a pixel at that scale, or nothing at all: loading it will tell
    if max(image.width, image.height) > _MAX_SIDE * _SMALL:
        raise SourceTooLarge("a side of the SVG is longer than can be drawn")
