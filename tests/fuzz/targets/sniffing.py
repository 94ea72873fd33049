"""What is told of a file from its bytes, without a decoder."""

from __future__ import annotations

from collections.abc import Iterator

from imgproxy_py.recipe.bare import is_bare
from imgproxy_py.recipe.camera import is_camera_raw
from imgproxy_py.recipe.credentials import has_manifest, without_svg_manifest
from imgproxy_py.recipe.formats import Format, sniff
from imgproxy_py.recipe.integrity import is_truncated
from imgproxy_py.recipe.jpeg import jpeg_header, segments
from tests.fuzz.files import MARKS, examples

SECONDS, MEGABYTES, LONGEST = 5, 1000, 65536
WORDS = (
    *MARKS,
    b"<svg",
    b"<?xml",
    b"<!--",
    b"-->",
    b"<!DOCTYPE",
    b"[",
    b"]>",
    b"<c2pa:manifest",
    b"/>",
    b" ",
    b"\xff\xfe<\0",
)


def seeds() -> Iterator[bytes]:
    """Give files, and beginnings of SVG."""
    yield from examples()
    yield b"<?xml version='1.0'?><!-- a --><!DOCTYPE svg [<!ENTITY a 'b'>]> <x:svg "


def judge(data: bytes) -> None:
    """Ask everything of every format: which it is may be told wrong."""
    sniff(data)
    is_camera_raw(data)
    for kind in Format:
        is_truncated(data, kind)
        has_manifest(data, kind)
        for profile in (False, True):
            is_bare(data, kind, profile=profile)
    assert len(without_svg_manifest(data)) <= len(data)
    for _, start, end in segments(data):
        assert 4 <= start <= end <= len(data)
    header = jpeg_header(data)
    assert header is None or (header.width > 0 and header.height > 0 and 1 <= header.orientation <= 8)
