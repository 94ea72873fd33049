"""Bytes that are finished become a `Picture`, with what is to be told of their original."""

from __future__ import annotations

from dataclasses import replace

from imgproxy_py.engine.color import with_output_profile
from imgproxy_py.engine.metadata import without_orientation
from imgproxy_py.engine.opening import Opened
from imgproxy_py.engine.placeholders import placeholder_json
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.credentials import has_manifest, without_svg_manifest
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.geometry import Size
from imgproxy_py.recipe.model import Placeholder
from imgproxy_py.recipe.picture import Header, Picture


def picture_of(data: bytes, kind: Format, size: Size, opened: Opened) -> Picture:
    """Give the picture of an original: its bytes, their format, and its size."""
    origin = origin_size(opened.header)
    return Picture(
        data=data,
        format=kind,
        width=size.width,
        height=size.height,
        origin_format=opened.header.format,
        origin_width=origin.width,
        origin_height=origin.height,
        origin_bytes=0,
        complete=opened.complete,
        credentials="dropped" if has_manifest(opened.file.data, opened.header.format) else "",
    )


def handed_back(opened: Opened, original: bytes) -> Picture:
    """Give the original itself as the picture; `original` are the bytes that came."""
    picture = picture_of(opened.file.data, opened.header.format, origin_size(opened.header), opened)
    if picture.credentials and picture.data == original:
        picture = replace(picture, credentials="kept")
    elif picture.credentials:  # a drawing that was sanitised
        picture = replace(picture, data=without_svg_manifest(picture.data))
    return replace(picture, origin_bytes=len(original))


def placeholder_of(work: Work, opened: Opened, kind: Placeholder) -> Picture:
    """Give the placeholder of a finished work."""
    work, _ = with_output_profile(
        replace(work, asked=replace(work.asked, strip_color_profile=True, color_profile=""), profile=None)
    )
    image = work.interrupt.watch(without_orientation(work.image))
    size = Size(image.width, image.height)
    return replace(picture_of(placeholder_json(kind, image), opened.header.format, size, opened), placeholder=kind)


def told_of(data: bytes, opened: Opened) -> Picture:
    """Give the answer to a question about an original."""
    picture = picture_of(data, opened.header.format, origin_size(opened.header), opened)
    return replace(picture, info=True)


def origin_size(header: Header) -> Size:
    """Give the size of an original as it is to be seen."""
    return Size(header.width, header.height).turned(header.orientation >= 5)
