"""Whether a file carries a manifest of Content Credentials."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.recipe.credentials import has_manifest
from imgproxy_py.recipe.formats import Format
from tests import manifests, pictures

KINDS = [Format.JPEG, Format.PNG, Format.WEBP, Format.GIF, Format.AVIF, Format.TIFF, Format.SVG]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_manifest_is_found_where_its_format_has_it(kind: Format) -> None:
    plain = pictures.readable()[kind]
    assert not has_manifest(plain, kind)
    assert has_manifest(manifests.signed(plain, kind), kind)


def test_other_boxes_in_a_jpeg_are_none() -> None:
    signed = manifests.signed(pictures.readable()[Format.JPEG], Format.JPEG)
    assert not has_manifest(signed.replace(b"c2pa", b"c3pa"), Format.JPEG)
    assert not has_manifest(signed.replace(b"\xff\xeb", b"\xff\xec", 1), Format.JPEG)


def test_a_box_of_jpeg_xl_is_found() -> None:
    assert has_manifest(b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a" + manifests.store(), Format.JXL)


def test_a_large_box_may_stand_before_it() -> None:
    large = b"\x00\x00\x00\x01mdat" + (16 + 5).to_bytes(8, "big") + bytes(5)
    plain = pictures.readable()[Format.AVIF]
    assert has_manifest(manifests.signed(large + plain, Format.AVIF), Format.AVIF)
    assert not has_manifest(b"\x00\x00\x00\x00mdat" + manifests.store(), Format.MP4)


@given(st.sampled_from(KINDS), st.binary(max_size=200), st.integers(0, 400))
def test_damaged_files_do_no_harm(kind: Format, noise: bytes, cut: int) -> None:
    signed = manifests.signed(pictures.readable()[kind], kind)
    for data in (noise, signed[:cut] + noise, signed[:cut]):
        assert has_manifest(data, kind) in (True, False)


def test_formats_that_hold_none_have_none() -> None:
    assert not has_manifest(manifests.store(), Format.BMP)
