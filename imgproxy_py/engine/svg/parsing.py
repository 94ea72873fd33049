"""Between bytes and elements, with nothing loaded on the way."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

from lxml import etree

from imgproxy_py.errors import BrokenSvg

Element: TypeAlias = "etree._Element"  # noqa: SLF001

SVG = "{http://www.w3.org/2000/svg}"
XHTML = "{http://www.w3.org/1999/xhtml}"


def parsed(data: bytes) -> Element:
    """Give the root of an SVG file; entities are expanded, style sheet instructions gone, neither file nor net is touched.

    libxml2 bounds how deep elements nest (256), how long a text is (10 MB) and by how much entities grow.
    Raises `BrokenSvg`.
    """
    parser = etree.XMLParser(
        resolve_entities="internal",  # type: ignore[arg-type]  # the stubs know only the booleans
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_pis=True,
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BrokenSvg("the SVG cannot be parsed", private=str(error)) from error


def serialized(root: Element) -> bytes:
    """Give the file of a root, in UTF-8, without a document type."""
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def local_name(name: object) -> str:
    """Give an element's or attribute's name without its namespace, in lower case as HTML would read it."""
    return _local_name(str(name))


@lru_cache(maxsize=1024)
def _local_name(name: str) -> str:
    return name.rpartition("}")[2].lower()


def elements(root: Element) -> list[Element]:
    """Give the root and all elements below it, in the order of the file; no comments."""
    return list(root.iter(etree.Element))


def is_element(node: Element) -> bool:
    """Tell an element from a comment, an instruction or an entity: those have functions where it has its name."""
    return isinstance(node.tag, str)
