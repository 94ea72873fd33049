"""Making SVG safe to hand on and to render (dialect §10)."""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml import etree

from imgproxy_py.errors import BrokenSvg

_ACTIVE_ELEMENTS = frozenset({"script", "iframe", "form"})
_LINKS = frozenset({"href", "{http://www.w3.org/1999/xlink}href"})
_IGNORED_IN_URLS = re.compile(r"[\x00-\x20\x7f-\x9f]")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


def sanitized(data: bytes) -> bytes:
    """Give the SVG without scripts, frames, forms, event handlers, style sheet instructions and unsafe references.

    Internal entities are expanded first (libxml2 bounds by how much) and the document type is dropped, so that nothing
    hides in one. Raises `BrokenSvg` if it cannot be parsed.
    """
    parser = etree.XMLParser(
        resolve_entities="internal",  # type: ignore[arg-type]  # the stubs know only the booleans
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BrokenSvg("the SVG cannot be parsed", private=str(error)) from error
    for element in list(root.iter(etree.Element)):
        _sanitize(element)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def _sanitize(element: etree._Element) -> None:
    name = _local_name(element.tag)
    if name in _ACTIVE_ELEMENTS:
        _remove(element)
        return
    allowed = _LINK_RULES.get(name, _is_web_or_relative)
    for attribute, value in list(element.attrib.items()):
        key = str(attribute)
        if key.lower().startswith("on") or (key in _LINKS and not allowed(_plain_url(str(value)))):
            del element.attrib[attribute]


def _local_name(tag: object) -> str:
    return str(tag).rpartition("}")[2].lower()


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is None:
        raise BrokenSvg("the SVG's root element is not permitted")
    if element.tail:  # lxml counts the text behind an element as its own
        before = element.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)


def _plain_url(value: str) -> str:
    return _IGNORED_IN_URLS.sub("", value).lower()


def _is_fragment(url: str) -> bool:
    return url.startswith("#")


def _is_web_or_relative(url: str) -> bool:
    return not _SCHEME.match(url) or url.startswith(("http:", "https:"))


def _is_picture_source(url: str) -> bool:
    return _is_web_or_relative(url) or url.startswith("data:")


_LINK_RULES: dict[str, Callable[[str], bool]] = {"use": _is_fragment, "image": _is_picture_source}
