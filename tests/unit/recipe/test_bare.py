"""Files with nothing in them but the picture."""

from __future__ import annotations

import zlib

import pytest

from imgproxy_py.recipe.bare import is_bare
from imgproxy_py.recipe.formats import Format
from tests import pictures

MARKED = pictures.marked(40, 30)
ENCODERS = {
    Format.JPEG: pictures.jpeg,
    Format.PNG: pictures.png,
    Format.WEBP: pictures.webp,
    Format.GIF: pictures.gif,
}
FIELDS = {
    "exif-ifd0-Artist": "somebody",
    "xmp-data": b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
}
encoders = pytest.mark.parametrize("kind", ENCODERS, ids=str)


@encoders
def test_a_picture_alone_is_bare(kind):
    assert is_bare(ENCODERS[kind](MARKED, keep="none"), kind, profile=False)


@pytest.mark.parametrize("kind", [Format.JPEG, Format.PNG, Format.WEBP], ids=str)
@pytest.mark.parametrize("field", FIELDS)
def test_a_picture_with_metadata_is_not(kind, field):
    data = ENCODERS[kind](pictures.with_field(MARKED, field, FIELDS[field]))
    assert not is_bare(data, kind, profile=True)


@pytest.mark.parametrize("kind", [Format.JPEG, Format.PNG, Format.WEBP], ids=str)
def test_a_profile_is_metadata_unless_it_is_kept(kind):
    data = ENCODERS[kind](pictures.wide_gamut(MARKED), keep="icc")
    assert not is_bare(data, kind, profile=False)
    assert is_bare(data, kind, profile=True)


def jpeg_with(marker, content):
    data = pictures.jpeg(MARKED, keep="none")
    return data[:2] + bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content + data[2:]


@pytest.mark.parametrize(
    ("marker", "content", "bare"),
    [
        (0xE0, b"JFIF\0\1\2", True),
        (0xEE, b"Adobe\0", True),
        (0xE0, b"JFXX\0\x10", False),
        (0xE1, b"Exif\0\0", False),
        (0xE2, b"MPF\0", False),
        (0xE2, b"ICC_PROFILE\0\1\1", False),
        (0xEB, b"JP\0\0", False),
        (0xED, b"Photoshop 3.0\0", False),
        (0xEE, b"other", False),
        (0xFE, b"made by somebody", False),
    ],
)
def test_segments_of_a_jpeg_are_told_by_their_names(marker, content, bare):
    assert is_bare(jpeg_with(marker, content), Format.JPEG, profile=False) is bare


def test_what_follows_a_jpeg_is_not_the_picture():
    assert not is_bare(pictures.jpeg(MARKED, keep="none") + b"a film", Format.JPEG, profile=False)


@pytest.mark.parametrize(("name", "bare"), [(b"gAMA", True), (b"tEXt", False), (b"tIME", False), (b"caBX", False)])
def test_chunks_of_a_png_are_told_by_their_names(name, bare):
    data, content = pictures.png(MARKED, keep="none"), b"\0\0\0\1"
    chunk = len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")
    assert is_bare(data[:33] + chunk + data[33:], Format.PNG, profile=False) is bare


@pytest.mark.parametrize("mark", [b"\x21\xfe\x04hey!\0", b"\x21\xff\x0bXMP DataXMP\0"])
def test_comments_and_xmp_of_a_gif_are_metadata(mark):
    data = pictures.gif(MARKED, keep="none")
    assert not is_bare(data[:-1] + mark + data[-1:], Format.GIF, profile=False)


@pytest.mark.parametrize("kind", [Format.AVIF, Format.TIFF, Format.SVG], ids=str)
def test_of_what_is_not_looked_into_nobody_can_be_sure(kind):
    assert not is_bare(pictures.readable()[kind], kind, profile=True)
