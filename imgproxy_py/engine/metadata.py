"""What of an original's metadata is written into the result (dialect §7, step 17; §10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyvips
from lxml import etree

from imgproxy_py.engine import iim
from imgproxy_py.engine.color import PROFILE
from imgproxy_py.engine.gain_map import GAIN_MAP
from imgproxy_py.engine.libvips import density_of
from imgproxy_py.recipe.model import Output
from imgproxy_py.recipe.picture import Header

KEEP_EXIF, KEEP_XMP, KEEP_IPTC, KEEP_ICC, KEEP_GAIN_MAP = 1, 2, 4, 8, 32
"""libvips' VipsForeignKeep."""

_KEEP_ALL = 0x3F
SCREEN_PIXELS_PER_MM = 72 / 25.4
_SCREEN = SCREEN_PIXELS_PER_MM, SCREEN_PIXELS_PER_MM
_MAX_DPI = 65535  # JPEG has 16 bits for it
_ANIMATION = ("n-pages", "page-height", "loop", "delay", "gif-loop", "gif-delay")
_STRIPPED = ("jpeg-thumbnail-data", "orientation", "photoshop-data")
_ORIENTATION = ("orientation", "exif-ifd0-Orientation")
_UNWRITTEN_EXIF = ("exif-data", "exif-ifd0-Orientation")

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_IPTC_EXTENSION = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"

# What XMP tells of the original's file and is not true of another: where its manifest of Content Credentials lies (C2PA
# 2.2), that it has a gain map and how many bytes that takes (UltraHDR 1.0).
_OF_THE_FILE = (
    "{http://purl.org/dc/terms/}provenance",
    "{http://ns.adobe.com/hdr-gain-map/1.0/}",
    "{http://ns.google.com/photos/1.0/container/}",
)
_SIGNS_OF_IT = tuple(name[1:].partition("}")[0].encode() for name in _OF_THE_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is left when metadata is stripped: EXIF fields, IPTC datasets (of record 2), XMP properties and namespaces."""

    exif: tuple[str, ...] = ()
    iptc: frozenset[int] = frozenset()
    xmp: frozenset[str] = frozenset()
    xmp_spaces: tuple[str, ...] = ()

    def __or__(self, other: Left) -> Left:
        return Left(
            exif=self.exif + other.exif,
            iptc=self.iptc | other.iptc,
            xmp=self.xmp | other.xmp,
            xmp_spaces=self.xmp_spaces + other.xmp_spaces,
        )

    def has(self, name: str) -> bool:
        """Tell whether an XMP property is left, by its name in Clark's notation."""
        return name in self.xmp or name.startswith(self.xmp_spaces)


NOTHING = Left()

COPYRIGHT = Left(
    exif=("exif-ifd0-Copyright", "exif-ifd0-Artist"),
    iptc=frozenset({80, 110, 116}),  # by-line, credit, copyright notice
    xmp=frozenset({f"{_DC}rights", f"{_DC}contributor", f"{_DC}creator", f"{_DC}publisher"}),
    xmp_spaces=("{http://ns.adobe.com/xap/1.0/rights/}", "{http://creativecommons.org/ns#}"),
)
"""Who made a picture, and who may use it (dialect §10)."""

_AI = ("DigitalSourceType", "DigitalSourcefileType", "AISystemUsed", "AISystemVersionUsed")

PROVENANCE = Left(
    iptc=frozenset({110, 115}),  # credit, source
    xmp=frozenset({f"{_PHOTOSHOP}Credit", f"{_PHOTOSHOP}Source"} | {f"{_IPTC_EXTENSION}{name}" for name in _AI}),
)
"""How a picture came to be, by a camera or by a model, and through whom (IPTC Photo Metadata 2025.1)."""


def pruned(image: pyvips.Image, header: Header, output: Output) -> pyvips.Image:
    """Give the image with just the metadata that may reach the output, at the density that is asked for.

    Where metadata is stripped and no density is asked for, that is 72 dpi. What XMP tells of the original's file never
    stays: a link to a manifest, say, vouches for a picture that this one no longer is. Done before the pixels are
    touched, because libvips copies all metadata at each of its operations. The colour profile and the palette stay.
    """
    unwanted = list(_animation_fields(image, header))
    if not output.strip_metadata:
        return _without_file_notes(_at_density(_without(image, unwanted), output))
    unwanted += _strippable_fields(image, output)
    if not unwanted and not output.dpi and density_of(image) == _SCREEN:
        return image
    image = _without(_at_density(image, output), unwanted, copied=True)
    return _reduced(image, left_by(output))


def left_by(output: Output) -> Left:
    """Give what an output leaves of metadata that is stripped."""
    left = COPYRIGHT if output.keep_copyright else NOTHING
    return left | PROVENANCE if output.keep_provenance else left


def kept(image: pyvips.Image, output: Output, *, profile: bool) -> int:
    """Tell which metadata of a pruned image is written (libvips' VipsForeignKeep flags); `profile` keeps the ICC one."""
    icc = KEEP_ICC if profile and image.get_typeof(PROFILE) else 0
    if not output.strip_metadata:
        return _KEEP_ALL & ~KEEP_ICC | icc
    # A JPEG's density stands in EXIF, which libvips makes anew where there is none.
    exif = KEEP_EXIF if output.dpi or any(image.get_typeof(name) for name in left_by(output).exif) else 0
    iptc = KEEP_IPTC if image.get_typeof("iptc-data") else 0
    xmp = KEEP_XMP if image.get_typeof("xmp-data") else 0
    gain_map = KEEP_GAIN_MAP if image.get_typeof(GAIN_MAP) else 0
    return icc | exif | iptc | xmp | gain_map


def _at_density(image: pyvips.Image, output: Output) -> pyvips.Image:
    """Give a copy at the density asked for, else at 72 dpi if metadata is stripped, else the image itself."""
    if not output.dpi:
        return image.copy(xres=SCREEN_PIXELS_PER_MM, yres=SCREEN_PIXELS_PER_MM) if output.strip_metadata else image
    density = min(output.dpi, _MAX_DPI) / 25.4
    image = image.copy(xres=density, yres=density)
    image.set_type(pyvips.GValue.gstr_type, "resolution-unit", "in")
    return image


def _animation_fields(image: pyvips.Image, header: Header) -> Iterator[str]:
    if header.frames > 1:
        yield from (name for name in _ANIMATION if image.get_typeof(name))


def _strippable_fields(image: pyvips.Image, output: Output) -> Iterator[str]:
    if image.get_typeof("exif-data"):
        yield from _strippable_exif(image, output)
    yield from (name for name in _STRIPPED if image.get_typeof(name))


def _strippable_exif(image: pyvips.Image, output: Output) -> Iterator[str]:
    """Tell all EXIF but what is left; where none of it is written anyway, only what weighs or is looked at."""
    left = left_by(output).exif
    if output.dpi or any(image.get_typeof(name) for name in left):
        yield from (name for name in image.get_fields() if name.startswith("exif-") and name not in left)
    else:
        yield from (name for name in _UNWRITTEN_EXIF if image.get_typeof(name))


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


def _reduced(image: pyvips.Image, left: Left) -> pyvips.Image:
    """Reduce IPTC and XMP of an image that is a copy of ours, in place."""
    for name, reduce in (("iptc-data", reduced_iptc), ("xmp-data", reduced_xmp)):
        if image.get_typeof(name):
            _put(image, name, reduce(image.get(name), left))
    return image


def _put(image: pyvips.Image, name: str, data: bytes) -> None:
    image.remove(name)
    if data:
        image.set_type(pyvips.GValue.blob_type, name, data)


def _without_file_notes(image: pyvips.Image) -> pyvips.Image:
    if not image.get_typeof("xmp-data"):
        return image
    packet = image.get("xmp-data")
    if not any(sign in packet for sign in _SIGNS_OF_IT):
        return image
    image = image.copy()
    _put(image, "xmp-data", without_file_notes(packet))
    return image


# IPTC-IIM


def reduced_iptc(data: bytes, left: Left) -> bytes:
    """Give a photoshop resource block or bare IIM record with some datasets of `data` only, blank if it has none."""
    kept = b"".join(one.raw for one in iim.datasets(data) if one.record == 2 and one.number in left.iptc)
    return iim.as_photoshop(kept) if kept and data.startswith(iim.PHOTOSHOP) else kept


# XMP


def xmp_parser() -> etree.XMLParser:
    """Give a parser for what anybody may have written: it expands nothing and fetches nothing."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def reduced_xmp(data: bytes, left: Left) -> bytes:
    """Give an XMP packet with some properties of `data` only, blank if it has none or cannot be parsed."""
    root, rdf = _parsed(data)
    if root is None or rdf is None:
        return b""
    root.attrib.clear()  # the tool that wrote it
    if rdf is not root:
        _remove_but(root, [rdf])
    _remove_but(rdf, rdf.findall(f"{_RDF}Description"))
    kept = sum([_keep(description, left) for description in rdf])
    return etree.tostring(root, encoding="utf-8") if kept else b""


def without_file_notes(data: bytes) -> bytes:
    """Give an XMP packet without what is true of the original's file alone, blank if it cannot be parsed."""
    root, rdf = _parsed(data)
    if root is None or rdf is None:
        return b""
    for description in rdf.findall(f"{_RDF}Description"):
        for name in [name for name in description.attrib if str(name).startswith(_OF_THE_FILE)]:
            del description.attrib[name]
        _remove_but(description, [child for child in description if not str(child.tag).startswith(_OF_THE_FILE)])
    return etree.tostring(root, encoding="utf-8")


def _parsed(data: bytes) -> tuple[etree._Element | None, etree._Element | None]:
    """Give the root of a packet and its RDF, `None` for what is not there."""
    try:
        root = etree.fromstring(data.strip(b"\0"), xmp_parser())
    except (etree.XMLSyntaxError, ValueError):
        return None, None
    return root, root if root.tag == f"{_RDF}RDF" else root.find(f"{_RDF}RDF")


def _remove_but(parent: etree._Element, wanted: list[etree._Element]) -> None:
    for child in list(parent):
        if child not in wanted:
            parent.remove(child)


def _keep(description: etree._Element, left: Left) -> int:
    _remove_but(description, [child for child in description if left.has(str(child.tag))])
    for name in list(description.attrib):
        if not left.has(str(name)) and not str(name).startswith(_RDF):
            del description.attrib[name]
    return len(description) + sum(left.has(str(name)) for name in description.attrib)
