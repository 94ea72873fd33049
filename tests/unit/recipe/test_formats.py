from __future__ import annotations

import time

import pytest

from imgproxy_py.recipe.formats import SNIFF_BYTES, Format, sniff


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0", Format.JPEG),
        (b"\xff\x0a\x00", Format.JXL),
        (b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a", Format.JXL),
        (b"\x89PNG\r\n\x1a\n....", Format.PNG),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", Format.WEBP),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", None),
        (b"GIF89a", Format.GIF),
        (b"GIF87a", Format.GIF),
        (b"GIF88a", None),
        (b"\x00\x00\x01\x00", Format.ICO),
        (b"BM....", Format.BMP),
        (b"II*\x00", Format.TIFF),
        (b"MM\x00*", Format.TIFF),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00mif1", Format.AVIF),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00avif", Format.AVIF),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1", Format.HEIC),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00mp42", Format.MP4),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Format.SVG),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a <svg> comment --><svg/>", Format.SVG),
        (
            b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd" [<!ENTITY a "b">]>\n<svg:svg xmlns:svg="u"/>',
            Format.SVG,
        ),
        (b"<html><svg/></html>", None),
        (b"<svgs/>", None),
        (b"", None),
        (b"hello", None),
    ],
)
def test_bytes_tell_the_format(data: bytes, kind: Format | None) -> None:
    assert sniff(data) is kind


@pytest.mark.parametrize(
    "piece",
    [
        b" ",
        b"\n\t",
        b"<!---->",
        b"<!--",
        b"<?",
        b"<? ?>",
        b"<!DOCTYPE>",
        b"<!DOCTYPE",
        b"<!DOCTYPE[] ",
        b"<!DOCTYPE a''",
        b"<svg",
    ],
)
def test_no_beginning_takes_long_to_judge(piece: bytes) -> None:
    data = piece * (SNIFF_BYTES // len(piece))
    begun = time.process_time()
    assert sniff(data) is None
    assert sniff(b"<!DOCTYPE svg [" + data) is None
    assert time.process_time() - begun < 1
