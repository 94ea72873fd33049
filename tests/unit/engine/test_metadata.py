"""What of an original's metadata reaches the result."""

from __future__ import annotations

import pytest
import pyvips

from imgproxy_py.engine.metadata import COPYRIGHT, NOTHING, PROVENANCE, reduced_iptc, reduced_xmp, without_file_notes
from imgproxy_py.recipe.formats import Format
from tests import pictures
from tests.unit.engine.making import opened, transformed

XMP = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Secret Toolkit">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:exif="http://ns.adobe.com/exif/1.0/"
  xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:cc="http://creativecommons.org/ns#"
  xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/"
  xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"
  xmlns:stRef="http://ns.adobe.com/xap/1.0/sType/ResourceRef#">
  <rdf:Description rdf:about="" xmp:CreatorTool="Secret Tool" xmpRights:Marked="True">
   <xmpMM:DerivedFrom><rdf:Description stRef:documentID="Secret Id"/></xmpMM:DerivedFrom>
   <dc:rights><rdf:Alt><rdf:li xml:lang="x-default">(c) Ann</rdf:li></rdf:Alt></dc:rights>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Secret Title</rdf:li></rdf:Alt></dc:title>
   <dc:creator><rdf:Seq><rdf:li>Ann Author</rdf:li></rdf:Seq></dc:creator>
  </rdf:Description>
  <rdf:Description rdf:about="" photoshop:City="Secret City" exif:GPSLatitude="52,31.2N">
   <dc:publisher><rdf:Bag><rdf:li>Pub Lisher</rdf:li></rdf:Bag></dc:publisher>
   <dc:contributor><rdf:Bag><rdf:li>Con Tributor</rdf:li></rdf:Bag></dc:contributor>
   <xmpRights:UsageTerms><rdf:Alt><rdf:li xml:lang="x-default">Ask first</rdf:li></rdf:Alt></xmpRights:UsageTerms>
   <cc:license rdf:resource="https://example.org/licence"/>
   <exif:GPSLongitude>13,24.6E</exif:GPSLongitude>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
RIGHTS = [b"(c) Ann", b"Ann Author", b"Pub Lisher", b"Con Tributor", b"Ask first", b"example.org/licence", b"Marked"]


def dataset(number: int, text: bytes, record: int = 2) -> bytes:
    return bytes([0x1C, record, number]) + len(text).to_bytes(2, "big") + text


def resource(kind: int, data: bytes) -> bytes:
    return b"8BIM" + kind.to_bytes(2, "big") + b"\0\0" + len(data).to_bytes(4, "big") + data + b"\0" * (len(data) % 2)


IIM = b"".join(
    [
        dataset(0, b"\0\4"),
        dataset(80, b"Ann Author"),
        dataset(90, b"Secret City"),
        dataset(110, b"Credit Line"),
        dataset(116, b"(c) Ann"),
        dataset(120, b"Secret Caption"),
    ]
)
IPTC = b"Photoshop 3.0\0" + resource(0x03ED, b"\0\x1c\x02\x50\0\1" + b"\0" * 10) + resource(0x0404, IIM)
IPTC += resource(0x0425, b"\x1c" * 16)


def telling(kind: Format = Format.JPEG) -> bytes:
    """A picture that tells everything: rights, place, camera, comments, at 300 dpi and lying on its side."""
    image = pictures.marked(60, 40).copy(xres=300 / 25.4, yres=300 / 25.4)
    fields = {
        "exif-ifd0-Copyright": "(c) Ann",
        "exif-ifd0-Artist": "Ann Author",
        "exif-ifd0-Make": "Secret Camera",
        "exif-ifd2-UserComment": "Secret Comment",
        "exif-ifd3-GPSLatitude": "52/1 31/1 12/1",
        "exif-ifd3-GPSLatitudeRef": "N",
        "orientation": 6,
        "xmp-data": XMP,
        "iptc-data": IPTC,
        "png-comment-0-Comment": "Secret Text",
        "jpeg-comment": "Secret Text",
    }
    for name, value in fields.items():
        image = pictures.with_field(image, name, value)
    return pictures.ENCODERS[kind](image)


SOURCE = telling()
OUTPUTS = [Format.JPEG, Format.PNG, Format.WEBP, Format.TIFF, Format.AVIF, Format.GIF]
SECRETS = [b"Secret", b"GPS", b"13,24", b"52,31"]


def result(options: str, data: bytes = SOURCE) -> tuple[bytes, pyvips.Image]:
    made = transformed(data, options).data
    return made, opened(made)


def exif_of(image: pyvips.Image) -> dict[str, str]:
    return {name: image.get(name) for name in image.get_fields() if name.startswith("exif-ifd")}


def test_the_source_does_tell() -> None:
    image = opened(SOURCE)
    assert "Secret Camera" in image.get("exif-ifd0-Make")
    assert image.get_typeof("exif-ifd3-GPSLatitude")
    assert bytes(image.get("iptc-data")) == IPTC
    assert bytes(image.get("xmp-data")) == XMP


@pytest.mark.parametrize("source", [Format.JPEG, Format.PNG, Format.WEBP, Format.TIFF], ids=str)
@pytest.mark.parametrize("output", OUTPUTS, ids=str)
@pytest.mark.parametrize("rights", ["", "/kcr:0"], ids=["rights", "none"])
def test_by_default_nothing_private_is_told(source: Format, output: Format, rights: str) -> None:
    data, image = result(f"f:{output}{rights}", telling(source))
    assert not [secret for secret in SECRETS if secret in data]
    assert not any("GPS" in name or "Make" in name or "omment" in name for name in image.get_fields())
    assert image.get_typeof("orientation") == 0 or image.get("orientation") == 1


@pytest.mark.parametrize("output", [Format.JPEG, Format.PNG, Format.WEBP, Format.TIFF], ids=str)
def test_by_default_the_density_is_72_dpi(output: Format) -> None:
    image = result(f"f:{output}")[1]
    if output is not Format.WEBP:  # which holds none
        assert image.xres * 25.4 == pytest.approx(72, rel=0.01)
        assert image.yres * 25.4 == pytest.approx(72, rel=0.01)


@pytest.mark.parametrize("output", [Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF], ids=str)
def test_copyright_and_artist_stay(output: Format) -> None:
    exif = exif_of(result(f"f:{output}")[1])
    assert exif["exif-ifd0-Copyright"].startswith("(c) Ann")
    assert exif["exif-ifd0-Artist"].startswith("Ann Author")
    # The rest are numbers that the format demands, none of them taken from the original.
    structural = {
        "Resolution",
        "ResolutionUnit",
        "YCbCrPositioning",
        "Version",
        "ComponentsConfiguration",
        "ColorSpace",
    }
    structural |= {"PixelXDimension", "PixelYDimension", "Orientation"}
    others = [name for name in exif if not name.endswith(("Copyright", "Artist"))]
    assert not [name for name in others if not name.endswith(tuple(structural))]


@pytest.mark.parametrize("output", OUTPUTS, ids=str)
def test_without_keep_copyright_nothing_stays(output: Format) -> None:
    image = result(f"kcr:0/f:{output}")[1]
    assert not exif_of(image)
    assert not any(image.get_typeof(name) for name in ("exif-data", "xmp-data", "iptc-data"))


def test_a_picture_that_tells_nothing_gets_nothing() -> None:
    image = result("f:jpeg", pictures.jpeg(pictures.marked(), keep="none"))[1]
    assert not [name for name in image.get_fields() if name.startswith(("exif", "xmp", "iptc"))]


@pytest.mark.parametrize("output", [Format.JPEG, Format.PNG, Format.WEBP, Format.TIFF], ids=str)
def test_rights_in_xmp_stay(output: Format) -> None:
    xmp = bytes(result(f"f:{output}")[1].get("xmp-data"))
    assert not [right for right in RIGHTS if right not in xmp]


def test_rights_in_iptc_stay() -> None:
    iptc = bytes(result("f:jpeg")[1].get("iptc-data"))
    assert iptc.startswith(b"Photoshop 3.0\0")
    for text in (b"Ann Author", b"Credit Line", b"(c) Ann"):
        assert text in iptc


def test_without_stripping_all_stays_but_the_orientation() -> None:
    image = result("sm:0/f:jpeg")[1]
    assert (image.width, image.height) == (40, 60)
    assert "Secret Camera" in image.get("exif-ifd0-Make")
    assert image.get_typeof("exif-ifd3-GPSLatitude")
    assert bytes(image.get("xmp-data")) == XMP
    assert bytes(image.get("iptc-data")) == IPTC
    assert image.get("orientation") == 1
    assert image.xres * 25.4 == pytest.approx(300, rel=0.01)


@pytest.mark.parametrize("options", ["w:20", "t:10", "rot:90", "bl:1", "pd:3", "mb:900", "c:10:10:sm"])
def test_no_step_brings_anything_back(options: str) -> None:
    data, _ = result(f"{options}/f:jpeg")
    assert not [secret for secret in SECRETS if secret in data]


# IPTC


def test_only_three_datasets_of_record_two_are_kept() -> None:
    kept = dataset(80, b"Ann Author") + dataset(110, b"Credit Line") + dataset(116, b"(c) Ann")
    assert reduced_iptc(IIM, COPYRIGHT) == kept
    assert reduced_iptc(IPTC, COPYRIGHT) == b"Photoshop 3.0\0" + resource(0x0404, kept)
    assert reduced_iptc(dataset(80, b"x", record=1), COPYRIGHT) == b""


def test_the_kept_block_is_padded_to_an_even_length() -> None:
    block = reduced_iptc(b"Photoshop 3.0\0" + resource(0x0404, dataset(80, b"even")), COPYRIGHT)
    assert block == b"Photoshop 3.0\0" + resource(0x0404, dataset(80, b"even"))


@pytest.mark.parametrize("cut", range(0, len(IPTC), 7))
def test_damaged_iptc_does_no_harm(cut: int) -> None:
    reduced_iptc(IPTC[:cut], COPYRIGHT)
    reduced_iptc(IPTC[cut:], COPYRIGHT)


def test_iptc_without_rights_is_dropped() -> None:
    assert reduced_iptc(dataset(90, b"Berlin"), COPYRIGHT) == b""
    assert reduced_iptc(b"Photoshop 3.0\0" + resource(0x0404, dataset(90, b"Berlin")), COPYRIGHT) == b""
    assert reduced_iptc(b"", COPYRIGHT) == b""


# XMP


def test_only_rights_are_kept() -> None:
    xmp = reduced_xmp(XMP, COPYRIGHT)
    assert not [right for right in RIGHTS if right not in xmp]
    for secret in (b"Secret Tool", b"Secret Id", b"Secret Title", b"Secret City", b"GPS", b"13,24"):
        assert secret not in xmp


def test_xmp_may_begin_with_its_rdf() -> None:
    rdf = XMP[XMP.index(b"<rdf:RDF") : XMP.index(b"</x:xmpmeta>")]
    assert b"Ann Author" in reduced_xmp(rdf, COPYRIGHT)
    assert b"Secret" not in reduced_xmp(rdf, COPYRIGHT)


def test_what_stands_beside_descriptions_is_dropped() -> None:
    beside = b'<exif:GPS xmlns:exif="http://ns.adobe.com/exif/1.0/">52,31</exif:GPS><!-- Secret -->'
    for mark in (b"</rdf:RDF>", b"</x:xmpmeta>"):
        xmp = reduced_xmp(XMP.replace(mark, beside + mark), COPYRIGHT)
        assert b"Ann Author" in xmp
        assert not [secret for secret in SECRETS if secret in xmp]


def test_xmp_without_rights_is_dropped() -> None:
    bare = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""/></rdf:RDF>'
    assert reduced_xmp(bare, COPYRIGHT) == b""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0",
        b"not xml",
        XMP[:500],
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
        b"<!DOCTYPE a ["
        + b"".join(b"<!ENTITY e%d '%s'>" % (n, b"&e%d;" % (n - 1) * 9) for n in range(1, 9))
        + b"]><a>&e8;</a>",
    ],
    ids=["blank", "zeros", "text", "cut", "external", "laughs"],
)
def test_damaged_xmp_is_dropped(data: bytes) -> None:
    assert reduced_xmp(data, COPYRIGHT) == b""


def test_xmp_padded_with_zeros_is_read() -> None:
    assert b"Ann Author" in reduced_xmp(XMP + b"\0" * 40, COPYRIGHT)


# Density


@pytest.mark.parametrize("output", [Format.JPEG, Format.PNG, Format.TIFF], ids=str)
@pytest.mark.parametrize("options", ["", "sm:0/", "kcr:0/", "w:20/", "rot:90/pd:3/", "bl:1/"])
@pytest.mark.parametrize("dpi", [300, 96.5, 72])
def test_a_density_is_written_whatever_is_stripped(output: Format, options: str, dpi: float) -> None:
    image = result(f"{options}dpi:{dpi}/f:{output}")[1]
    assert (image.xres * 25.4, image.yres * 25.4) == pytest.approx((dpi, dpi), rel=0.007)  # JPEG takes whole numbers


@pytest.mark.parametrize("options", ["dpi:0", "sm:1"])
def test_no_density_resets_it_where_metadata_is_stripped(options: str) -> None:
    assert result(f"{options}/f:jpeg")[1].xres * 25.4 == pytest.approx(72, rel=0.01)


def test_no_density_leaves_it_where_metadata_stays() -> None:
    assert result("dpi:0/sm:0/f:jpeg")[1].xres * 25.4 == pytest.approx(300, rel=0.01)


@pytest.mark.parametrize("options", ["sm:0/", "", "kcr:0/"])
@pytest.mark.parametrize("output", [Format.JPEG, Format.WEBP, Format.AVIF], ids=str)
def test_exif_tells_the_density_and_nothing_else_that_was_to_go(output: Format, options: str) -> None:
    data, image = result(f"{options}dpi:150/f:{output}")
    assert exif_of(image)["exif-ifd0-XResolution"].startswith("150")
    assert [secret for secret in SECRETS if secret in data] == [] or options == "sm:0/"


def test_a_picture_without_metadata_gets_its_density() -> None:
    image = result("dpi:200/f:png", pictures.png(pictures.marked()))[1]
    assert image.xres * 25.4 == pytest.approx(200, rel=0.01)


# Provenance

MADE_BY = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_MADE = f"""<rdf:Description rdf:about="" xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
   <i:DigitalSourceType>{MADE_BY}</i:DigitalSourceType>
   <i:AISystemUsed>Some Model</i:AISystemUsed>
   <i:AIPromptInformation>Secret Prompt</i:AIPromptInformation>
   <photoshop:Credit>Some Agency</photoshop:Credit>
  </rdf:Description>
 </rdf:RDF>"""
_LINK = b'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="https://example.org/manifest"'
PROVENANCE_XMP = XMP.replace(b"</rdf:RDF>", _MADE.encode()).replace(b"xmp:CreatorTool=", _LINK + b" xmp:CreatorTool=")
KEPT_XMP = [MADE_BY.encode(), b"Some Model", b"Some Agency"]


def of_a_model(kind: Format = Format.JPEG, xmp: bytes = PROVENANCE_XMP) -> bytes:
    image = pictures.with_field(pictures.marked(60, 40), "xmp-data", xmp)
    iptc = b"Photoshop 3.0\0" + resource(0x0404, IIM + dataset(115, b"Some Source"))
    return pictures.ENCODERS[kind](pictures.with_field(image, "iptc-data", iptc))


def xmp_of(image: pyvips.Image) -> bytes:
    return bytes(image.get("xmp-data")) if image.get_typeof("xmp-data") else b""


@pytest.mark.parametrize("output", [Format.JPEG, Format.PNG, Format.WEBP, Format.TIFF, Format.AVIF], ids=str)
@pytest.mark.parametrize("options", ["", "w:20/", "kcr:0/w:20/", "bl:1/pd:2/"])
def test_how_a_picture_was_made_survives_stripping_where_it_is_wanted(output: Format, options: str) -> None:
    data, image = result(f"{options}kpr:1/f:{output}", of_a_model())
    xmp = xmp_of(image)
    assert [one for one in KEPT_XMP if one not in xmp] == []
    assert not [secret for secret in SECRETS if secret in data]
    assert (b"Ann Author" in xmp) is ("kcr:0" not in options)


@pytest.mark.parametrize("options", ["", "kpr:0/", "kcr:0/"])
def test_it_goes_where_it_is_not(options: str) -> None:
    xmp = xmp_of(result(f"{options}f:jpeg", of_a_model())[1])
    assert not [one for one in KEPT_XMP if one in xmp]


def test_credit_and_source_stay_in_iptc() -> None:
    iptc = bytes(result("kpr:1/kcr:0/f:jpeg", of_a_model())[1].get("iptc-data"))
    assert iptc == b"Photoshop 3.0\0" + resource(0x0404, dataset(110, b"Credit Line") + dataset(115, b"Some Source"))


def test_attributes_and_references_count_as_elements_do() -> None:
    space = b'xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    head = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description ' + space
    attribute = head + b' rdf:about="" i:DigitalSourceType="urn:made" i:Other="Secret"/></rdf:RDF>'
    reference = head + b' rdf:about=""><i:DigitalSourceType rdf:resource="urn:made"/></rdf:Description></rdf:RDF>'
    for packet in (attribute, reference):
        assert b"urn:made" in reduced_xmp(packet, PROVENANCE)
        assert b"Secret" not in reduced_xmp(packet, PROVENANCE)
        assert reduced_xmp(packet, COPYRIGHT) == b""


@pytest.mark.parametrize("options", ["sm:0", "kpr:1", "kcr:1", "sm:0/kpr:1"])
def test_a_link_to_a_manifest_does_not_stay_with_a_picture_that_it_is_not_of(options: str) -> None:
    image = result(f"{options}/w:20/f:jpeg", of_a_model())[1]
    assert b"example.org/manifest" not in xmp_of(image)
    assert b"Ann Author" in xmp_of(image)


def test_of_a_packet_with_a_link_all_else_stays() -> None:
    as_element = PROVENANCE_XMP.replace(
        b"<dc:title>", b'<t:provenance xmlns:t="http://purl.org/dc/terms/">https://x</t:provenance><dc:title>'
    )
    for packet in (PROVENANCE_XMP, as_element):
        left = without_file_notes(packet)
        assert b"example.org/manifest" not in left
        assert b"https://x" not in left
        assert b"Secret Title" in left
    assert without_file_notes(b"no provenance") == b""


def test_a_packet_that_has_no_link_is_not_touched() -> None:
    assert bytes(result("sm:0/f:jpeg")[1].get("xmp-data")) == XMP


def test_nothing_left_is_nothing() -> None:
    assert reduced_xmp(XMP, NOTHING) == b""
    assert reduced_iptc(IPTC, NOTHING) == b""


def test_a_directory_of_other_pictures_in_the_file_does_not_stay() -> None:
    notes = b"""<rdf:Description rdf:about="" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"
      xmlns:Container="http://ns.google.com/photos/1.0/container/">
      <Container:Directory><rdf:Seq/></Container:Directory></rdf:Description></rdf:RDF>"""
    packet = XMP.replace(b"</rdf:RDF>", notes)
    image = pictures.with_field(pictures.marked(60, 40), "xmp-data", packet)
    left = xmp_of(result("sm:0/f:jpeg", pictures.jpeg(image))[1])
    assert b"Directory" not in left
    assert b"Version" not in left
    assert b"Secret Title" in left
