"""What of an original's metadata is written into the result (dialect §7, step 17; §10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyvips
from lxml import etree

from imgproxy_py.engine.color import PROFILE
from imgproxy_py.recipe.model import Output

KEEP_EXIF, KEEP_XMP, KEEP_IPTC, KEEP_ICC = 1, 2, 4, 8
"""libvips' VipsForeignKeep."""

_KEEP_ALL = 0x3F
_SCREEN_PIXELS_PER_MM = 72 / 25.4
_COPYRIGHT_EXIF = ("exif-ifd0-Copyright", "exif-ifd0-Artist")

# IIM record 2: by-line, credit, copyright notice.
_COPYRIGHT_IPTC = frozenset({80, 110, 116})

_DC = "{http://purl.org/dc/elements/1.1/}"
_COPYRIGHT_XMP_NAMES = frozenset({f"{_DC}rights", f"{_DC}contributor", f"{_DC}creator", f"{_DC}publisher"})
_COPYRIGHT_XMP_SPACES = ("{http://ns.adobe.com/xap/1.0/rights/}", "{http://creativecommons.org/ns#}")
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


@dataclass(frozen=True, slots=True)
class Stripped:
    """An image, and which of its metadata its encoder writes (libvips' VipsForeignKeep flags)."""

    image: pyvips.Image
    keep: int


def stripped(image: pyvips.Image, output: Output) -> Stripped:
    """Give the image with just the metadata that the output is to carry; its colour profile was dealt with before.

    The orientation tag goes in any case: pixels are oriented by now, or are wanted as stored.
    """
    image = _without(image, ["orientation"])  # TIFF's encoder writes it whatever is to be kept
    if not output.strip_metadata:
        return Stripped(image, _KEEP_ALL)
    keep = KEEP_ICC if image.get_typeof(PROFILE) else 0
    if output.keep_copyright:
        image, copyright_flags = _with_copyright_only(image)
        keep |= copyright_flags
    return Stripped(image.copy(xres=_SCREEN_PIXELS_PER_MM, yres=_SCREEN_PIXELS_PER_MM), keep)


def _without(image: pyvips.Image, names: list[str]) -> pyvips.Image:
    present = [name for name in names if image.get_typeof(name)]
    if not present:
        return image
    image = image.copy()
    for name in present:
        image.remove(name)
    return image


def _with_copyright_only(image: pyvips.Image) -> tuple[pyvips.Image, int]:
    flags = 0
    if any(image.get_typeof(name) for name in _COPYRIGHT_EXIF):
        image, flags = _only_copyright_exif(image), flags | KEEP_EXIF
    if image.get_typeof("iptc-data") and (iptc := copyright_iptc(image.get("iptc-data"))):
        image, flags = _with_blob(image, "iptc-data", iptc), flags | KEEP_IPTC
    if image.get_typeof("xmp-data") and (xmp := copyright_xmp(image.get("xmp-data"))):
        image, flags = _with_blob(image, "xmp-data", xmp), flags | KEEP_XMP
    return image, flags


def _only_copyright_exif(image: pyvips.Image) -> pyvips.Image:
    exif = [name for name in image.get_fields() if name.startswith("exif-") and name not in _COPYRIGHT_EXIF]
    return _without(image, [*exif, "jpeg-thumbnail-data"])


def _with_blob(image: pyvips.Image, name: str, data: bytes) -> pyvips.Image:
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, name, data)
    return image


# IPTC-IIM


def copyright_iptc(data: bytes) -> bytes:
    """Give a photoshop resource block or bare IIM record with the copyright datasets of `data` only, blank if none."""
    kept = b"".join(raw for record, dataset, raw in _datasets(data) if record == 2 and dataset in _COPYRIGHT_IPTC)
    return _as_photoshop(kept) if kept and data.startswith(b"Photoshop 3.0\0") else kept


def _datasets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = data.find(b"\x1c")
    while 0 <= at <= len(data) - 5 and data[at] == 0x1C:
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        if length & 0x8000:  # extended datasets are longer than any credit
            return
        end = at + 5 + length
        yield data[at + 1], data[at + 2], data[at:end]
        at = end


def _as_photoshop(iim: bytes) -> bytes:
    block = b"8BIM\x04\x04\x00\x00" + len(iim).to_bytes(4, "big") + iim
    return b"Photoshop 3.0\0" + block + (b"\0" if len(iim) % 2 else b"")


# XMP


def copyright_xmp(data: bytes) -> bytes:
    """Give an XMP packet with the rights of `data` only, blank if it has none or cannot be parsed."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data.strip(b"\0"), parser)
    except (etree.XMLSyntaxError, ValueError):
        return b""
    kept = 0
    for description in root.iter(f"{_RDF}Description"):
        kept += _keep_rights(description)
    return etree.tostring(root, encoding="utf-8") if kept else b""


def _keep_rights(description: etree._Element) -> int:
    parent = description.getparent()
    if parent is not None and not str(parent.tag).endswith("}RDF"):
        return 0  # a nested description belongs to the property it stands in
    for child in list(description):
        if not _is_right(str(child.tag)):
            description.remove(child)
    for name in list(description.attrib):
        if not _is_right(str(name)) and not str(name).startswith(_RDF):
            del description.attrib[name]
    return len(description) + sum(_is_right(str(name)) for name in description.attrib)


def _is_right(name: str) -> bool:
    return name in _COPYRIGHT_XMP_NAMES or name.startswith(_COPYRIGHT_XMP_SPACES)
