"""An SVG file becomes one that is safe to hand on, and what drawing it takes is known."""

from __future__ import annotations

from dataclasses import dataclass

from imgproxy_py.engine.svg.css import within_xml
from imgproxy_py.engine.svg.dimensions import check_dimensions
from imgproxy_py.engine.svg.effort import effort_of
from imgproxy_py.engine.svg.embedded import check_pictures
from imgproxy_py.engine.svg.parsing import SVG, Element, parsed, serialized
from imgproxy_py.engine.svg.sanitizing import sanitize, sanitized_css
from imgproxy_py.recipe.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """An SVG that may be drawn: its bytes, and the effort of its filters for each megapixel of canvas."""

    data: bytes
    effort: float


def prepared(data: bytes, limits: Limits, *, sanitizing: bool = True, style: str = "") -> Drawing:
    """Give the SVG as it is drawn and handed on: sanitised, with `style` as the first style sheet inside its root.

    Raises `BrokenSvg` if it cannot be parsed, `SourceTooLarge` if its sides, the pictures within it or what its
    references multiply to are more than is drawn.
    """
    root = parsed(data)
    if sanitizing:
        sanitize(root)
    if style:
        _put_first(root, sanitized_css(style) if sanitizing else style)
    check_dimensions(root)
    effort = effort_of(root)
    check_pictures(root, limits)
    return Drawing(data=serialized(root) if sanitizing or style else data, effort=effort.filters)


def sanitized(data: bytes) -> bytes:
    """Give the SVG without anything that acts or loads: docs/svg.md lists what goes and what stays.

    Internal entities are expanded first (libxml2 bounds by how much) and the document type is dropped, so that nothing
    hides in one. Raises `BrokenSvg` if it cannot be parsed.
    """
    root = parsed(data)
    sanitize(root)
    return serialized(root)


def _put_first(root: Element, style: str) -> None:
    sheet = root.makeelement(f"{SVG}style")
    sheet.text = within_xml(style)
    root.insert(0, sheet)
    sheet.tail, root.text = root.text, None
