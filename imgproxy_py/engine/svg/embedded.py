"""Pictures within an SVG, judged by their headers as originals are."""

from __future__ import annotations

from imgproxy_py.engine.libvips import LOADERS
from imgproxy_py.engine.loading import ImageFile, header_of
from imgproxy_py.engine.svg.parsing import Element, elements, local_name
from imgproxy_py.engine.svg.references import data_url, is_picture
from imgproxy_py.errors import BrokenImage
from imgproxy_py.recipe.formats import Format, sniff
from imgproxy_py.recipe.limits import Limits

_SHOWING = frozenset({"image", "feimage"})


def check_pictures(root: Element, limits: Limits) -> None:
    """Raise `SourceTooLarge` if a picture within the SVG would be refused as an original for its pixels."""
    for element in elements(root):
        if local_name(element.tag) in _SHOWING:
            for name, value in element.attrib.items():
                if local_name(name) == "href":
                    _check(str(value), limits)


def _check(url: str, limits: Limits) -> None:
    found = data_url(url) if is_picture(url) else None
    if found is None:
        return
    kind = sniff(found.data)
    if kind is None or kind is Format.SVG or kind not in LOADERS:
        return
    try:
        image = ImageFile(data=found.data, format=kind).open()
    except BrokenImage:
        return  # librsvg leaves it out
    limits.check_source(header_of(image, kind))
