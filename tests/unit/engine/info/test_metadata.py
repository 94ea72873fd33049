"""EXIF, IPTC and XMP as tables."""

from __future__ import annotations

import pytest
import pyvips

from imgproxy_py.engine import iim
from imgproxy_py.engine.info.exif import exif, text_of, title
from imgproxy_py.engine.info.iptc import iptc, photoshop
from imgproxy_py.engine.info.xmp import xmp
from tests import pictures
from tests.unit.engine.making import opened

# EXIF


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("Make", "Canon (Canon, ASCII, 6 components, 6 bytes)", "Canon"),
        ("Software", "CS6 (Mac) (CS6 (Mac), ASCII, 10 components, 10 bytes)", "CS6 (Mac)"),
        ("ApertureValue", "361/100 (3.61 EV (f/3.5), Rational, 1 components, 8 bytes)", "3.61 EV (f/3.5)"),
        ("PixelXDimension", "4032 (4032, Long, 1 components, 4 bytes)", "4032"),
        ("MeteringMode", "5 (Internal error (unknown value 5), Short, 1 components, 2 bytes)", "Pattern"),
        ("MeteringMode", "77 (Internal error (unknown value 77), Short, 1 components, 2 bytes)", "77"),
        ("Orientation", "6 (Internal error (unknown value 6), Short, 1 components, 2 bytes)", "Right-top"),
        ("Flash", "16 (x, Short, 1 components, 2 bytes)", "Flash did not fire, compulsory flash suppression"),
        ("Flash", "32 (x, Short, 1 components, 2 bytes)", "No flash function"),
        (
            "Flash",
            "79 (x, Short, 1 components, 2 bytes)",
            "Flash fired, compulsory flash mode, return light detected, red-eye reduction mode",
        ),
        ("Note", "something else", "something else"),
    ],
)
def test_tags_are_told_as_texts(name: str, value: str, text: str) -> None:
    assert text_of(name, value) == text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("LensModel", "Lens Model"),
        ("DateTime", "Date and Time"),
        ("GPSLatitudeRef", "GPS Latitude Ref"),
        ("FNumber", "F-Number"),
        ("Make", "Make"),
    ],
)
def test_names_become_titles(name: str, words: str) -> None:
    assert title(name) == words


def test_a_picture_tells_its_tags_by_title_or_name() -> None:
    image = opened(pictures.jpeg(pictures.with_orientation(pictures.marked(), 6)))
    assert exif(image)["Orientation"] == "Right-top"
    assert "Resolution Unit" in exif(image)
    assert "ResolutionUnit" in exif(image, canonical=True)
    assert exif(pyvips.Image.black(1, 1)) == {}


# IPTC


def dataset(number: int, value: bytes, record: int = 2) -> bytes:
    return bytes([0x1C, record, number]) + len(value).to_bytes(2, "big") + value


RECORD = (
    dataset(5, b"Spider")
    + dataset(25, b"web")
    + dataset(25, "größe".encode())
    + dataset(200, b"?")
    + dataset(5, b"no", 9)
)


@pytest.mark.parametrize("data", [RECORD, iim.as_photoshop(RECORD)], ids=["bare", "photoshop"])
def test_datasets_have_names_and_those_that_repeat_are_lists(data: bytes) -> None:
    assert iptc(data) == {"Name": "Spider", "Keywords": ["web", "größe"]}


def test_what_is_no_utf8_is_latin() -> None:
    assert iptc(dataset(105, b"Gr\xfc\xdfe")) == {"Headline": "Grüße"}


@pytest.mark.parametrize("data", [b"", b"\x1c", b"Photoshop 3.0\0", iim.as_photoshop(RECORD)[:40], RECORD[:7]])
def test_what_is_damaged_is_told_as_far_as_it_goes(data: bytes) -> None:
    assert set(iptc(data)) <= {"Name"}
    assert photoshop(data) == {}


def test_photoshop_tells_its_resolution() -> None:
    value = (300 << 16).to_bytes(4, "big") + b"\0\1\0\2" + (72 * 65536 + 32768).to_bytes(4, "big") + b"\0\2\0\3"
    data = iim.PHOTOSHOP + b"8BIM\x03\xed\0\0" + len(value).to_bytes(4, "big") + value
    assert photoshop(data) == {
        "resolution": {
            "XResolution": 300,
            "XResolutionUnit": "inches",
            "WidthUnit": "cm",
            "YResolution": 72.5,
            "YResolutionUnit": "cm",
            "HeightUnit": "points",
        }
    }


# XMP

PACKET = b"""<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
   xmlns:s="http://example.org/s#" xmp:Rating="5">
  <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Web</rdf:li></rdf:Alt></dc:title>
  <dc:rights><rdf:Alt><rdf:li xml:lang="x-default">R</rdf:li><rdf:li xml:lang="de">Recht</rdf:li></rdf:Alt></dc:rights>
  <dc:subject><rdf:Bag><rdf:li>one</rdf:li><rdf:li>two</rdf:li></rdf:Bag></dc:subject>
  <xmp:Label>red</xmp:Label>
  <s:where rdf:parseType="Resource"><s:city>Bonn</s:city></s:where>
  <s:who><rdf:Description s:name="A"><s:age>9</s:age></rdf:Description></s:who>
  <s:steps><rdf:Seq><rdf:li s:action="made"/></rdf:Seq></s:steps>
  <s:link rdf:resource="http://example.org/x"/>
 </rdf:Description></rdf:RDF></x:xmpmeta>"""


def test_properties_are_told_by_namespace() -> None:
    assert xmp(PACKET) == {
        "dc": {"title": "Web", "rights": {"x-default": "R", "de": "Recht"}, "subject": ["one", "two"]},
        "xmp": {"Rating": "5", "Label": "red"},
        "s": {
            "where": {"city": "Bonn"},
            "who": {"name": "A", "age": "9"},
            "steps": [{"action": "made"}],
            "link": "http://example.org/x",
        },
    }


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<",
        b"<a/>",
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + PACKET.replace(b"red", b"&x;"),
    ],
)
def test_a_packet_that_is_none_tells_nothing_of_this_machine(data: bytes) -> None:
    assert "root:" not in str(xmp(data))
    assert not xmp(data).get("xmp", {}).get("Label")


@pytest.mark.parametrize(("depth", "told"), [(100, True), (500, False)])
def test_structures_without_end_end(depth: int, told: bool) -> None:
    data = PACKET.replace(b"<xmp:Label>red</xmp:Label>", b"<s:a>" * depth + b"x" + b"</s:a>" * depth)
    assert ("a" in xmp(data).get("s", {})) == told
