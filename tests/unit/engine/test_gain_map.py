"""UltraHDR: the gain map stays where the picture is only moved, cut and sized, and lies where the picture lies."""

from __future__ import annotations

import numpy as np
import pytest
import pyvips

from imgproxy_py.engine.gain_map import GAIN_MAP, gain_map_of
from imgproxy_py.engine.metadata import KEEP_IPTC, KEEP_XMP
from imgproxy_py.engine.segments import with_metadata
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Header
from tests import pictures
from tests.unit.engine.making import array, made, opened, transformed

SOURCE = pictures.ultra_hdr()  # 160×96; the bright block from (20, 48), 40 wide, 24 high


def map_in(data: bytes) -> pyvips.Image | None:
    image = pyvips.Image.new_from_buffer(data, "")
    return opened(image.get(GAIN_MAP)) if image.get_typeof(GAIN_MAP) else None


def result(options: str, data: bytes = SOURCE) -> bytes:
    return transformed(data, f"{options}/ph:1/f:jpeg" if options else "ph:1/f:jpeg").data


def bright(image: pyvips.Image) -> tuple[float, float, float, float]:
    """Where the map is bright, in shares: left, top, right, bottom."""
    values = array(image)[..., 0]
    rows, columns = np.nonzero(values > 128)
    assert len(rows)
    high, wide = values.shape
    return columns.min() / wide, rows.min() / high, (columns.max() + 1) / wide, (rows.max() + 1) / high


def test_the_source_has_one() -> None:
    found = map_in(SOURCE)
    assert found is not None
    assert (found.width, found.height) == (80, 48)
    assert bright(found) == pytest.approx((1 / 8, 1 / 2, 3 / 8, 3 / 4), abs=0.03)


@pytest.mark.parametrize(("options", "size", "place"), [
    ("", (160, 96), (0.125, 0.5, 0.375, 0.75)),
    ("w:80", (80, 48), (0.125, 0.5, 0.375, 0.75)),
    ("w:40", (40, 24), (0.125, 0.5, 0.375, 0.75)),  # the decoder makes it smaller, by 4
    ("w:320/el:1", (320, 192), (0.125, 0.5, 0.375, 0.75)),
    ("rs:force:160:48", (160, 48), (0.125, 0.5, 0.375, 0.75)),
    ("c:80:96:we", (80, 96), (0.25, 0.5, 0.75, 0.75)),
    ("c:81:47:sowe", (81, 47), (20 / 81, 0, 60 / 81, 23 / 47)),
    ("rs:fill:48:48/g:we", (48, 48), (10 / 48, 0.5, 30 / 48, 0.75)),
    ("rot:90", (96, 160), (0.25, 0.125, 0.5, 0.375)),
    ("rot:180", (160, 96), (0.625, 0.25, 0.875, 0.5)),
    ("rot:270", (96, 160), (0.5, 0.625, 0.75, 0.875)),
    ("fl:1", (160, 96), (0.625, 0.5, 0.875, 0.75)),
    ("fl:0:1", (160, 96), (0.125, 0.25, 0.375, 0.5)),
    ("rot:90/fl:1", (96, 160), (0.5, 0.125, 0.75, 0.375)),
    ("pd:0:0:0:160", (320, 96), (0.5625, 0.5, 0.6875, 0.75)),
    ("rs:fit:160:192:0:1:so", (160, 192), (0.125, 0.75, 0.375, 0.875)),
    ("w:80/sh:1", (80, 48), (0.125, 0.5, 0.375, 0.75)),
    ("ush:always/w:80", (80, 48), (0.125, 0.5, 0.375, 0.75)),
    ("rot:90|c:48:160:ea", (48, 160), (0, 0.125, 0.001, 0.375)),
    ("scp:0/w:80", (80, 48), (0.125, 0.5, 0.375, 0.75)),
    ("cp:srgb/w:80", (80, 48), (0.125, 0.5, 0.375, 0.75)),
    ("mb:3000/w:80", (80, 48), (0.125, 0.5, 0.375, 0.75)),
])  # fmt: skip
def test_it_follows_the_picture(options: str, size: tuple[int, int], place: tuple[float, ...]) -> None:
    data = result(options)
    found = map_in(data)
    assert found is not None
    assert (opened(data).width, opened(data).height) == size
    assert (found.width, found.height) == (round(size[0] / 2 + 0.01), round(size[1] / 2 + 0.01))
    if place[2] < 0.01:  # the block was cut off
        assert found.max() < 128
    else:
        pixels = 1.5 / min(found.width, found.height)
        assert bright(found) == pytest.approx(place, abs=0.02 + pixels)


def test_exif_orientation_is_followed() -> None:
    turned = pictures.with_orientation(pyvips.Image.uhdrload_buffer(SOURCE), 6).jpegsave_buffer(Q=90)
    assert map_in(turned) is not None
    found = map_in(result("", turned))
    assert found is not None
    assert (found.width, found.height) == (48, 80)
    assert bright(found) == pytest.approx((0.25, 0.125, 0.5, 0.375), abs=0.04)


def test_its_values_and_its_numbers_stay() -> None:
    before, after = map_in(SOURCE), map_in(result(""))
    assert before is not None
    assert after is not None
    assert np.abs(array(before).astype(int) - array(after)).mean() < 2  # it was encoded once more
    first, then = (pyvips.Image.new_from_buffer(data, "") for data in (SOURCE, result("w:80")))
    for name in first.get_fields():
        if name.startswith("gainmap-") and name != GAIN_MAP:
            assert then.get(name) == pytest.approx(first.get(name), rel=1e-3), name


def test_screens_show_the_same_light() -> None:
    before = pyvips.Image.uhdrload_buffer(SOURCE).uhdr2scRGB()
    after = pyvips.Image.uhdrload_buffer(result("c:80:96:we/q:95")).uhdr2scRGB()
    expected = array(before)[:, :80]
    assert expected.max() > 4
    assert np.abs(array(after) - expected).mean() < 0.15


def test_padding_has_no_gain() -> None:
    found = map_in(result("pd:0:160:0:0"))
    assert found is not None
    assert array(found)[:, 90:].max() <= 8


def test_what_is_seen_without_hdr_is_the_same_picture() -> None:
    plain = made(SOURCE, "w:80/f:jpeg")
    assert np.abs(array(pyvips.Image.jpegload_buffer(result("w:80"))).astype(int) - array(plain)).max() <= 1


@pytest.mark.parametrize("options", [
    "bl:2", "pix:8", "ba:4:0:0:0.5:0.5", "pbl:4", "br:20", "sa:0", "mc:1", "dt:1", "col:0.5:f00", "gr:1", "cp:cmyk",
    "w:40|bl:2",
])  # fmt: skip
def test_where_pixels_change_their_meaning_it_goes(options: str) -> None:
    assert map_in(result(options)) is None


@pytest.mark.parametrize("options", ["f:jpeg", "w:80/f:jpeg", "sm:0/f:jpeg"])
def test_it_goes_unless_hdr_is_wanted(options: str) -> None:
    assert map_in(transformed(SOURCE, options).data) is None


@pytest.mark.parametrize("output", [Format.PNG, Format.WEBP, Format.AVIF, Format.TIFF], ids=str)
def test_other_formats_have_none(output: Format) -> None:
    assert GAIN_MAP not in opened(transformed(SOURCE, f"ph:1/f:{output}").data).get_fields()


def test_an_ordinary_jpeg_is_written_as_without_the_option() -> None:
    data = pictures.jpeg(pictures.marked())
    assert transformed(data, "w:30/ph:1/f:jpeg").data == transformed(data, "w:30/f:jpeg").data


def test_private_metadata_does_not_come_back_with_it() -> None:
    image = pyvips.Image.uhdrload_buffer(SOURCE)
    for name, value in (
        ("exif-ifd0-Make", "Secret"),
        ("exif-ifd0-Copyright", "(c) Ann"),
        ("xmp-data", b"<a>Secret</a>"),
    ):
        image = pictures.with_field(image, name, value)
    data = image.jpegsave_buffer(Q=90)
    assert b"Secret" in data
    assert b"Secret" not in result("w:80", data)
    assert b"(c) Ann" in result("w:80", data)
    assert b"(c) Ann" not in result("w:80/kcr:0", data)


IPTC = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x0c" + b"\x1c\x02\x50\0\x07Ann Who"


@pytest.mark.parametrize("options", ["w:80", "sm:0", "w:80/kcr:0", "w:80/kcr:0/kpr:1", "w:80/mb:100"])
def test_xmp_and_iptc_stay_as_in_other_files(options: str) -> None:
    rdf = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    notes = (
        'xmlns:p="http://ns.adobe.com/photoshop/1.0/" p:Credit="An Agency" dc:title="Secret" dc:publisher="Pub Lisher"'
    )
    xmp = f'<rdf:RDF {rdf}><rdf:Description rdf:about="" {notes}/></rdf:RDF>'.encode()
    plain = pictures.with_field(
        pictures.with_field(pyvips.Image.jpegload_buffer(SOURCE), "xmp-data", xmp), "iptc-data", IPTC
    )
    expected = opened(transformed(pictures.jpeg(plain), f"{options}/f:jpeg").data)
    source = with_metadata(SOURCE, plain, KEEP_XMP | KEEP_IPTC)
    found = pyvips.Image.jpegload_buffer(result(options, source))
    assert map_in(result(options, source)) is not None
    for name in ("xmp-data", "iptc-data"):
        assert found.get_typeof(name) == expected.get_typeof(name)
        if found.get_typeof(name):
            assert bytes(found.get(name)) == bytes(expected.get(name))


def test_the_index_of_pictures_tells_where_they_are() -> None:
    image = pictures.with_field(pyvips.Image.jpegload_buffer(SOURCE), "xmp-data", b"x" * 1001)
    for data in (SOURCE, with_metadata(SOURCE, image, KEEP_XMP)):
        at = data.index(b"MPF\0") + 4
        length, of_map, place = (int.from_bytes(data[at + where : at + where + 4], "big") for where in (54, 70, 74))
        assert data[length : length + 3] == b"\xff\xd8\xff"
        assert at + place == length
        assert length + of_map == len(data)


def test_what_is_too_long_for_a_segment_is_left_out() -> None:
    image = pictures.with_field(pyvips.Image.jpegload_buffer(SOURCE), "xmp-data", b"x" * 70_000)
    assert with_metadata(SOURCE, image, KEEP_XMP) == SOURCE
    assert with_metadata(SOURCE, image, 0) == SOURCE


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_map_does_no_harm(cut: float, seed: int) -> None:
    header = Header(format=Format.JPEG, width=160, height=96)
    gain_map_of(pictures.truncated(SOURCE, cut), header)
    second = SOURCE.index(b"\xff\xd8", 10)
    damaged = SOURCE[:second] + pictures.corrupted(SOURCE[second:], seed, flips=200)
    found = transformed(damaged, "w:80/ph:1/f:jpeg").data
    assert opened(found).width == 80


def test_a_map_larger_than_its_picture_is_none() -> None:
    assert gain_map_of(SOURCE, Header(format=Format.JPEG, width=160, height=96)) is not None
    assert gain_map_of(SOURCE, Header(format=Format.JPEG, width=70, height=96)) is None


@pytest.mark.parametrize(
    ("low", "high", "gamma", "neutral"), [(1, 4, 1, 0), (0.5, 2, 1, 127.5), (0.5, 2, 2, 63.75), (1, 1, 1, 0)]
)
def test_what_no_gain_is(low: float, high: float, gamma: float, neutral: float) -> None:
    from imgproxy_py.engine.gain_map import GainMap
    from imgproxy_py.recipe.geometry import Size

    told = (("gainmap-min-content-boost", low), ("gainmap-max-content-boost", high), ("gainmap-gamma", gamma))
    fields = tuple((name, 0, [value] * 3) for name, value in told)
    assert GainMap(image=pyvips.Image.black(4, 4), base=Size(8, 8), fields=fields).neutral == [neutral]
