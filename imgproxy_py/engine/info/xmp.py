"""XMP as tables by namespace (ISO 16684-1; dialect §5.7)."""

from __future__ import annotations

from typing import TypeAlias

from lxml import etree

from imgproxy_py.engine.metadata import xmp_parser

Value: TypeAlias = "str | list[Value] | dict[str, Value]"

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_LISTS = frozenset({f"{_RDF}Bag", f"{_RDF}Seq"})
_ALTERNATIVES = f"{_RDF}Alt"
_RESOURCE = f"{_RDF}resource"
_DEEPEST = 8  # structures in structures; nobody writes more


def xmp(data: bytes) -> dict[str, dict[str, Value]]:
    """Give the properties of a packet by the prefix of their namespace; nothing if it cannot be parsed."""
    try:
        root = etree.fromstring(data.strip(b"\0"), xmp_parser())
    except (etree.XMLSyntaxError, ValueError):
        return {}
    found: dict[str, dict[str, Value]] = {}
    for description in root.iter(f"{_RDF}Description"):
        if _is_top(description):
            _collect(description, found)
    return found


def _is_top(description: etree._Element) -> bool:
    parent = description.getparent()
    return parent is not None and parent.tag == f"{_RDF}RDF"


def _collect(description: etree._Element, found: dict[str, dict[str, Value]]) -> None:
    prefixes = {uri: prefix for prefix, uri in description.nsmap.items() if prefix}
    for name, value in description.attrib.items():
        if not str(name).startswith((_RDF, "{http://www.w3.org/XML/")):
            _put(found, str(name), str(value), prefixes)
    for child in description.iterchildren(etree.Element):
        inherited = {uri: prefix for prefix, uri in child.nsmap.items() if prefix}
        _put(found, str(child.tag), _value(child, 0), inherited)


def _put(found: dict[str, dict[str, Value]], name: str, value: Value, prefixes: dict[str, str]) -> None:
    uri, _, local = name.removeprefix("{").rpartition("}")
    found.setdefault(prefixes.get(uri, uri), {})[local] = value


def _value(element: etree._Element, depth: int) -> Value:
    resource = element.get(_RESOURCE)
    if resource is not None:
        return str(resource)
    children = list(element.iterchildren(etree.Element))
    if not children or depth > _DEEPEST:
        return _structure(element, [], depth) if _fields_of(element) else (element.text or "").strip()
    if children[0].tag in _LISTS:
        return [_value(item, depth + 1) for item in children[0].iterchildren(etree.Element)]
    if children[0].tag == _ALTERNATIVES:
        return _alternatives(children[0], depth)
    if children[0].tag == f"{_RDF}Description":
        return _structure(children[0], list(children[0].iterchildren(etree.Element)), depth)
    return _structure(element, children, depth)


def _alternatives(element: etree._Element, depth: int) -> Value:
    """Give texts by language, or the text alone if there is only that for every language."""
    items = list(element.iterchildren(etree.Element))
    if any(item.get(_XML_LANG) is None for item in items):
        return [_value(item, depth + 1) for item in items]
    by_language: dict[str, Value] = {str(item.get(_XML_LANG)): _value(item, depth + 1) for item in items}
    return by_language["x-default"] if list(by_language) == ["x-default"] else by_language


def _structure(element: etree._Element, children: list[etree._Element], depth: int) -> Value:
    fields: dict[str, Value] = dict(_fields_of(element))
    return fields | {_local(str(child.tag)): _value(child, depth + 1) for child in children}


def _fields_of(element: etree._Element) -> dict[str, str]:
    named = ((str(name), str(value)) for name, value in element.attrib.items())
    return {_local(name): value for name, value in named if not name.startswith((_RDF, "{http://www.w3.org/XML/"))}


def _local(name: str) -> str:
    return name.rpartition("}")[2]
