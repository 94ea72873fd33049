"""What of an original's metadata is written into the result (dialect §7, step 17; §10)."""

from __future__ import annotations

from collections.abc import Iterator

import pyvips
from lxml import etree

from imgproxy_py.engine import iim
from imgproxy_py.engine.color import PROFILE
from imgproxy_py.recipe.model import Output
from imgproxy_py.recipe.picture import Header

KEEP_EXIF, KEEP_XMP, KEEP_IPTC, KEEP_ICC = 1, 2, 4, 8
"""libvips' VipsForeignKeep."""

_KEEP_ALL = 0x3F
SCREEN_PIXELS_PER_MM = 72 / 25.4
_COPYRIGHT_EXIF = ("exif-ifd0-Copyright", "exif-ifd0-Artist")
_ANIMATION = ("n-pages", "page-height", "loop", "delay", "gif-loop", "gif-delay")
_STRIPPED = ("jpeg-thumbnail-data", "orientation", "photoshop-data")
_ORIENTATION = ("orientation", "exif-ifd0-Orientation")

# IIM record 2: by-line, credit, copyright notice.
_COPYRIGHT_IPTC = frozenset({80, 110, 116})

_DC = "{http://purl.org/dc/elements/1.1/}"
_COPYRIGHT_XMP_NAMES = frozenset({f"{_DC}rights", f"{_DC}contributor", f"{_DC}creator", f"{_DC}publisher"})
_COPYRIGHT_XMP_SPACES = ("{http://ns.adobe.com/xap/1.0/rights/}", "{http://creativecommons.org/ns#}")
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


def pruned(image: pyvips.Image, header: Header, output: Output) -> pyvips.Image:
    """Give the image with just the metadata that may reach the output, at 72 dpi, if metadata is stripped at all.

    Done before the pixels are touched, because libvips copies all metadata at each of its operations. The colour profile
    and the palette stay.
    """
    unwanted = list(_animation_fields(image, header))
    if not output.strip_metadata:
        return _without(image, unwanted)
    unwanted += _strippable_fields(image, output)
    if not unwanted and image.xres == image.yres == SCREEN_PIXELS_PER_MM:
        return image
    image = _without(image.copy(xres=SCREEN_PIXELS_PER_MM, yres=SCREEN_PIXELS_PER_MM), unwanted, copied=True)
    return _with_rights_only(image) if output.keep_copyright else image


def kept(image: pyvips.Image, output: Output, *, profile: bool) -> int:
    """Tell which metadata of a pruned image is written (libvips' VipsForeignKeep flags); `profile` keeps the ICC one."""
    icc = KEEP_ICC if profile and image.get_typeof(PROFILE) else 0
    if not output.strip_metadata:
        return _KEEP_ALL & ~KEEP_ICC | icc
    if not output.keep_copyright:
        return icc
    exif = KEEP_EXIF if any(image.get_typeof(name) for name in _COPYRIGHT_EXIF) else 0
    iptc = KEEP_IPTC if image.get_typeof("iptc-data") else 0
    xmp = KEEP_XMP if image.get_typeof("xmp-data") else 0
    return icc | exif | iptc | xmp


def _animation_fields(image: pyvips.Image, header: Header) -> Iterator[str]:
    if header.frames > 1:
        yield from (name for name in _ANIMATION if image.get_typeof(name))


def _strippable_fields(image: pyvips.Image, output: Output) -> Iterator[str]:
    if image.get_typeof("exif-data"):
        rights = _COPYRIGHT_EXIF if output.keep_copyright else ()
        yield from (name for name in image.get_fields() if name.startswith("exif-") and name not in rights)
    yield from (name for name in _STRIPPED if image.get_typeof(name))


def without_orientation(image: pyvips.Image) -> pyvips.Image:
    """Give the image without its orientation tag: pixels are oriented by now, or are wanted as stored."""
    return _without(image, [name for name in _ORIENTATION if image.get_typeof(name)])


def _without(image: pyvips.Image, names: list[str], *, copied: bool = False) -> pyvips.Image:
    if not names:
        return image
    if not copied:
        image = image.copy()
    for name in names:
        image.remove(name)
    return image


def _with_rights_only(image: pyvips.Image) -> pyvips.Image:
    for name, reduce in (("iptc-data", copyright_iptc), ("xmp-data", copyright_xmp)):
        if image.get_typeof(name):
            rights = reduce(image.get(name))
            image.remove(name)
            if rights:
                image.set_type(pyvips.GValue.blob_type, name, rights)
    return image


# IPTC-IIM


def copyright_iptc(data: bytes) -> bytes:
    """Give a photoshop resource block or bare IIM record with the copyright datasets of `data` only, blank if none."""
    kept = b"".join(one.raw for one in iim.datasets(data) if one.record == 2 and one.number in _COPYRIGHT_IPTC)
    return iim.as_photoshop(kept) if kept and data.startswith(iim.PHOTOSHOP) else kept


# XMP


def xmp_parser() -> etree.XMLParser:
    """Give a parser for what anybody may have written: it expands nothing and fetches nothing."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def copyright_xmp(data: bytes) -> bytes:
    """Give an XMP packet with the rights of `data` only, blank if it has none or cannot be parsed."""
    try:
        root = etree.fromstring(data.strip(b"\0"), xmp_parser())
    except (etree.XMLSyntaxError, ValueError):
        return b""
    rdf = root if root.tag == f"{_RDF}RDF" else root.find(f"{_RDF}RDF")
    if rdf is None:
        return b""
    root.attrib.clear()  # the tool that wrote it
    if rdf is not root:
        _remove_but(root, [rdf])
    _remove_but(rdf, rdf.findall(f"{_RDF}Description"))
    kept = sum([_keep_rights(description) for description in rdf])
    return etree.tostring(root, encoding="utf-8") if kept else b""


def _remove_but(parent: etree._Element, wanted: list[etree._Element]) -> None:
    for child in list(parent):
        if child not in wanted:
            parent.remove(child)


def _keep_rights(description: etree._Element) -> int:
    _remove_but(description, [child for child in description if _is_right(str(child.tag))])
    for name in list(description.attrib):
        if not _is_right(str(name)) and not str(name).startswith(_RDF):
            del description.attrib[name]
    return len(description) + sum(_is_right(str(name)) for name in description.attrib)


def _is_right(name: str) -> bool:
    return name in _COPYRIGHT_XMP_NAMES or name.startswith(_COPYRIGHT_XMP_SPACES)
