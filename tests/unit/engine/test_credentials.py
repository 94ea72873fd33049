"""A manifest of Content Credentials stays with the file that it was signed for, and with no other."""

from __future__ import annotations

import pytest

from imgproxy_py.recipe.credentials import has_manifest
from imgproxy_py.recipe.formats import Format
from tests import manifests, pictures
from tests.unit.engine.making import transformed

KINDS = [Format.JPEG, Format.PNG, Format.WEBP, Format.GIF, Format.AVIF, Format.TIFF]
OUTPUTS = [Format.JPEG, Format.PNG, Format.WEBP, Format.GIF, Format.AVIF, Format.TIFF]
TRACES = [b"jumb", b"c2pa", b"c2ma", b"caBX", b"C2PA", manifests.LABEL]


def signed(kind: Format) -> bytes:
    return manifests.signed(pictures.readable()[kind], kind)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("output", OUTPUTS, ids=str)
@pytest.mark.parametrize("options", ["", "sm:0/kpr:1/scp:0/", "w:40/sm:0/"], ids=["plain", "all metadata", "resized"])
def test_no_manifest_leaves_with_a_picture_that_was_made(kind: Format, output: Format, options: str) -> None:
    made = transformed(signed(kind), f"{options}f:{output}")
    assert not [trace for trace in TRACES if trace in made.data]
    assert made.credentials == "dropped"


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_picture_that_is_handed_back_keeps_its_own_to_the_byte(kind: Format) -> None:
    made = transformed(signed(kind), f"skp:{kind}/w:10")
    assert made.data == signed(kind)
    assert has_manifest(made.data, kind)
    assert made.credentials == "kept"


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_where_there_is_none_nothing_is_told(kind: Format) -> None:
    for options in ("f:png", f"skp:{kind}"):
        assert transformed(pictures.readable()[kind], options).credentials == ""


@pytest.mark.parametrize("output", [Format.PNG, Format.JPEG], ids=str)
def test_a_drawing_that_is_drawn_carries_none(output: Format) -> None:
    made = transformed(signed(Format.SVG), f"f:{output}")
    assert b"c2pa" not in made.data
    assert made.credentials == "dropped"


def test_a_drawing_that_was_sanitised_carries_none() -> None:
    harmful = pictures.svg(body="<script>alert(1)</script><rect width='5' height='5'/>")
    made = transformed(manifests.signed(harmful, Format.SVG))
    assert b"script" not in made.data
    assert not has_manifest(made.data, Format.SVG)
    assert made.credentials == "dropped"


def test_a_drawing_that_needed_no_sanitising_keeps_its_own() -> None:
    made = transformed(signed(Format.SVG), sanitize_svg=False)
    assert made.data == signed(Format.SVG)
    assert made.credentials == "kept"
