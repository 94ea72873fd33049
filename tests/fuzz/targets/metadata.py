"""Metadata as writers and strangers leave it: EXIF, XMP, IPTC, Photoshop's resources, PSD's own."""

from __future__ import annotations

import json
from collections.abc import Iterator

from imgproxy_py.engine import iim
from imgproxy_py.engine.info.exif import text_of, title
from imgproxy_py.engine.info.iptc import iptc, photoshop
from imgproxy_py.engine.info.xmp import xmp
from imgproxy_py.engine.metadata import Left, left_by, reduced_iptc, reduced_xmp, without_file_notes
from imgproxy_py.recipe.model import Output

SECONDS, MEGABYTES, LONGEST = 5, 1000, 32768
WORDS = (
    *(
        b"8BIM",
        b"\x04\x04",
        b"\x03\xed",
        b"\x1c\x02",
        b"Photoshop 3.0\0",
        b"<rdf:RDF",
        b"<rdf:Description",
        b"rdf:resource='",
    ),
    *(
        b"<rdf:Bag>",
        b"<rdf:Seq>",
        b"<rdf:Alt>",
        b"<rdf:li ",
        b"xml:lang='x-default'",
        b"dc:rights",
        b"<x:xmpmeta",
        b"/>",
    ),
    *(
        b" (",
        b", ASCII, ",
        b" components, ",
        b" bytes)",
        b"Internal error",
        b"&a;",
        b"<!DOCTYPE a [<!ENTITY a 'b'>]>",
        b"\0",
    ),
)
XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" dc:format="a">
<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">Me</rdf:li></rdf:Alt></dc:rights><dc:creator><rdf:Seq><rdf:li>I</rdf:li>
</rdf:Seq></dc:creator><xmpMM:History rdf:parseType="Resource"><xmpMM:a><rdf:Description xmpMM:b="c"/></xmpMM:a></xmpMM:History>
</rdf:Description></rdf:RDF></x:xmpmeta>"""
RECORD = b"\x1c\x02\x74\x00\x02Me\x1c\x02\x19\x00\x03cat\x1c\x02\x05\x00\x01x"
LEFT = (Left(), left_by(Output()), left_by(Output(keep_provenance=True)))


def seeds() -> Iterator[bytes]:
    """Give a packet, a record, a block, and what libvips says of a tag."""
    yield XMP
    yield RECORD
    yield iim.as_photoshop(RECORD) + b"8BIM\x03\xed\0\0\0\0\0\x10" + bytes(range(16))
    yield b"72/1 (72, Rational, 1 components, 8 bytes)"


def judge(data: bytes) -> None:
    """Read as each, and write what of it may stay."""
    json.dumps([xmp(data), iptc(data), photoshop(data)], allow_nan=False).encode()
    without_file_notes(data)
    for left in LEFT:
        stays = reduced_xmp(data, left)
        assert reduced_xmp(stays, left) == stays or not stays
        record = reduced_iptc(data, left)
        assert reduced_iptc(record, left) == record
    text = data.decode("utf-8", "replace")
    for name in ("Flash", "Orientation", "Artist", text):
        text_of(name, text)
        title(name)
