"""What acts or loads goes (dialect §10, and what §16 Q19 names as its gap).

Elements of XHTML are text for people who read SVG in a browser: of them those that only lay text out stay. Of all other
elements those go that act under any reader, whatever their namespace, since an SVG that is pasted into HTML loses it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

from lxml import etree

from imgproxy_py.engine.svg.css import without_foreign_references
from imgproxy_py.engine.svg.parsing import XHTML, Element, is_element, local_name, parsed, serialized
from imgproxy_py.engine.svg.references import data_url, is_fragment, is_link, is_picture
from imgproxy_py.engine.svg.vocabulary import (
    ACTIVE_ELEMENTS,
    ANIMATED_VALUES,
    ANIMATIONS,
    LOADING_ATTRIBUTES,
    PICTURE_ATTRIBUTES,
    PLAIN_ATTRIBUTES,
    TEXT_ELEMENTS,
    XML_BASE,
)
from imgproxy_py.errors import BrokenSvg

_NESTING = 3  # an SVG within a data URL within an SVG …


def sanitize(root: Element, *, nesting: int = _NESTING) -> None:
    """Take from an SVG, in place, what acts or loads; raises `BrokenSvg` if its root does."""
    if _goes(root):
        raise BrokenSvg("the SVG's root element is not permitted")
    for node in list(root.iter()):
        if is_element(node):
            _sanitize_element(node, nesting)
        else:
            _sanitize_other(node)


def _sanitize_element(element: Element, nesting: int) -> None:
    if _goes(element):
        _remove(element)
        return
    _Attributes(element, nesting).sanitize()
    if local_name(element.tag) == "style":
        _sanitize_sheet(element, nesting)


def _goes(element: Element) -> bool:
    name = local_name(element.tag)
    if name in ACTIVE_ELEMENTS:
        return True
    if str(element.tag).startswith(XHTML):
        return name not in TEXT_ELEMENTS
    return name in ANIMATIONS and _animates_a_reference(element)


def _animates_a_reference(element: Element) -> bool:
    """Tell whether an animation writes what would be removed: a handler, or a reference that leaves the file."""
    targets = {name.strip().rpartition(":")[2].lower() for name in _said(element, "attributename")}
    if any(map(_must_not_be_written, targets)):
        return True
    values = [one for said in _said(element, *ANIMATED_VALUES) for one in said.split(";") if one.strip()]
    return "href" in targets and not all(map(is_fragment, values))


def _must_not_be_written(name: str) -> bool:
    return name.startswith("on") or name in LOADING_ATTRIBUTES | PICTURE_ATTRIBUTES | {"base", "style"}


def _said(element: Element, *names: str) -> list[str]:
    """Give the values of all attributes of these names in whatever case and namespace: HTML knows neither."""
    return [str(value) for key, value in element.attrib.items() if local_name(key) in names]


def _sanitize_other(node: Element) -> None:
    """Remove an entity that stands for nothing, and a comment that HTML would see end before XML does."""
    if isinstance(node, etree._Entity) or (node.text or "").startswith((">", "->")):  # noqa: SLF001
        _remove(node)


def sanitized_css(text: str, nesting: int = _NESTING) -> str:
    """Give CSS without what leaves the file; SVG in its data URLs is sanitised too."""
    return without_foreign_references(text, lambda url: sanitized_picture(url, nesting))


def _sanitize_sheet(element: Element, nesting: int) -> None:
    sheet = (element.text or "") + "".join(child.tail or "" for child in element)
    for child in list(element):
        element.remove(child)
    element.text = sanitized_css(sheet, nesting)


def _remove(node: Element) -> None:
    parent = node.getparent()
    if parent is None:  # a style sheet was cleared around it
        return
    if node.tail:  # lxml counts the text behind an element as its own
        before = node.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + node.tail
        else:
            parent.text = (parent.text or "") + node.tail
    parent.remove(node)


class _Attributes:
    """The attributes of one element, each of which stays, changes or goes."""

    def __init__(self, element: Element, nesting: int) -> None:
        self._element = element
        self._nesting = nesting

    def sanitize(self) -> None:
        """Change or remove what must not stay."""
        attributes = self._element.attrib
        for attribute, value in list(attributes.items()):
            text = str(value)
            kept = self._kept(str(attribute), text)
            if kept is None:
                del attributes[attribute]
            elif kept != text:
                attributes[attribute] = kept

    def _kept(self, key: str, value: str) -> str | None:
        name = local_name(key)
        if name.startswith("on") or name in LOADING_ATTRIBUTES or key == XML_BASE:
            return None
        if name == "href":
            return self._reference(value)
        if name in PICTURE_ATTRIBUTES:
            return sanitized_picture(value, self._nesting)
        return value if name in PLAIN_ATTRIBUTES else sanitized_css(value, self._nesting)

    def _reference(self, value: str) -> str | None:
        return _REFERENCES.get(local_name(self._element.tag), _fragment)(value, self._nesting)


def _fragment(value: str, _: int) -> str | None:
    return value if is_fragment(value) else None


def _link(value: str, _: int) -> str | None:
    return value if is_link(value) else None


def _picture_or_fragment(value: str, nesting: int) -> str | None:
    return value if is_fragment(value) else sanitized_picture(value, nesting)


_REFERENCES: dict[str, Callable[[str, int], str | None]] = {
    "a": _link,
    "image": _picture_or_fragment,
    "feimage": _picture_or_fragment,
}


def sanitized_picture(url: str, nesting: int) -> str | None:
    """Give a data URL of a picture, an SVG in it sanitised too; `None` for any other URL."""
    if not is_picture(url):
        return None
    found = data_url(url)
    if found is None:
        return None
    if found.media_type != "image/svg+xml":
        return url
    return _sanitized_svg(found.data, nesting - 1) if nesting else None


def _sanitized_svg(data: bytes, nesting: int) -> str | None:
    try:
        root = parsed(data)
        sanitize(root, nesting=nesting)
    except BrokenSvg:
        return None
    return f"data:image/svg+xml;base64,{b64encode(serialized(root)).decode()}"
