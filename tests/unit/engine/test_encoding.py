"""How results are written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import pyvips
from pydantic import ValidationError

from imgproxy_py.engine.encoding import palette_depth, writable_format
from imgproxy_py.recipe.formats import Format, sniff
from imgproxy_py.recipe.model import WebpPreset
from tests import pictures
from tests.unit.engine.making import distance, made, opened, same, transformed

MARKED = pictures.marked(64, 48)
SOURCE = pictures.png(MARKED)
NOISE = pictures.png(pictures.noise(64, 48))
EXACTLY_IMGPROXY: dict[str, object] = {"webp_effort": 4, "png_filter": "all", "png_compression": 6}  # docs/encoding.md


@pytest.mark.parametrize("kind", pictures.ENCODERS, ids=str)
def test_the_bytes_are_of_the_format_that_the_picture_names(kind: Format) -> None:
    picture = transformed(SOURCE, f"f:{kind}")
    assert picture.format is kind
    assert sniff(picture.data) is kind
    assert distance(opened(picture.data), MARKED)[0] < 4


# JPEG


def segments(data: bytes) -> set[int]:
    found, at = set(), 2
    while data[at] == 0xFF and data[at + 1] != 0xDA:
        found.add(data[at + 1])
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return found


def sampling(data: bytes) -> tuple[int, ...]:
    """The sampling factors of the components, from the frame header (ITU T.81 §B.2.2)."""
    at = next(data.find(bytes((0xFF, marker))) for marker in (0xC0, 0xC2) if marker in segments(data))
    return tuple(data[at + 11 + 3 * one] for one in range(data[at + 9]))


def scans(data: bytes) -> int:
    return data.count(b"\xff\xda")


def faults_on_white(data: bytes) -> float:
    """How far from white the white paper comes out, on average."""
    paper, found = opened(INK)[1] == 255, opened(data)[1]
    return float((paper.ifthenelse(255 - found, 0)).avg())


def ink(width: int = 160, height: int = 120) -> pyvips.Image:
    """Black lines on white."""
    lines = pyvips.Image.xyz(width, height)
    return pictures.rgb(((lines[0] + lines[1]) % 9 > 1).bandjoin([(lines[0] + lines[1]) % 9 > 1] * 2))


INK = pictures.png(ink())
HALVED, FULL = (0x22, 0x11, 0x11), (0x11, 0x11, 0x11)


def jpeg_with(option: str, **settings: object) -> bytes:
    return transformed(INK, f"f:jpeg/q:80{'/jpgo:' + option if option else ''}", **settings).data


@pytest.mark.parametrize(
    ("option", "setting", "holds"),
    [
        ("1", {"jpeg_progressive": True}, lambda data: 0xC2 in segments(data)),
        (":1", {"jpeg_no_subsample": True}, lambda data: sampling(data) == FULL),
        ("::1", {"jpeg_trellis_quant": True}, lambda data: len(data) < len(jpeg_with(""))),
        (
            ":::1",
            {"jpeg_overshoot_deringing": True},
            lambda data: faults_on_white(data) < faults_on_white(jpeg_with("")),
        ),
        (
            "1::::1",
            {"jpeg_progressive": True, "jpeg_optimize_scans": True},
            lambda data: scans(data) not in (1, scans(jpeg_with("1"))),
        ),
        (":::::3", {"jpeg_quant_table": 3}, lambda data: tables(data) != tables(jpeg_with(""))),
    ],
)
def test_jpeg_options_are_the_urls_or_the_configured(
    option: str, setting: dict[str, object], holds: Callable[[bytes], bool]
) -> None:
    assert not holds(jpeg_with(""))
    assert holds(jpeg_with(option))
    assert jpeg_with(option) == jpeg_with("", **setting)


def tables(data: bytes) -> bytes:
    """The quantisation tables' segment."""
    at = data.index(b"\xff\xdb")
    return data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")]


def test_a_jpeg_option_of_the_url_may_switch_off_what_is_configured() -> None:
    assert 0xC0 in segments(jpeg_with("0", jpeg_progressive=True))
    assert sampling(jpeg_with(":0", jpeg_no_subsample=True)) == HALVED
    assert tables(jpeg_with(":::::0", jpeg_quant_table=3)) == tables(jpeg_with(""))


@pytest.mark.parametrize("table", range(9))
def test_each_quantisation_table_is_one_that_is_written(table: int) -> None:
    data = jpeg_with(f":::::{table}")
    assert distance(opened(data), opened(INK))[0] < 25
    assert (tables(data) == tables(jpeg_with(""))) == (table == 0)


def test_jpeg_is_subsampled_below_quality_90() -> None:
    assert opened(transformed(SOURCE, "f:jpeg/q:89").data).get("jpeg-chroma-subsample") == "4:2:0"
    assert opened(transformed(SOURCE, "f:jpeg/q:90").data).get("jpeg-chroma-subsample") == "4:4:4"


def test_jpeg_has_optimised_tables() -> None:
    plain = pictures.jpeg(MARKED, Q=80, keep="none", optimize_coding=False)
    assert len(transformed(SOURCE, "f:jpeg").data) < len(plain)


# PNG


def bits_of(data: bytes) -> tuple[int, int]:
    """Bit depth and colour type from the header."""
    return data[24], data[25]


PALETTE, COLOUR = 3, 2


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("options", ["f:png", "w:20/f:png", "pd:3/f:png", "rot:90"])
def test_a_palette_stays_a_palette_of_its_depth(bits: int, options: str) -> None:
    assert bits_of(transformed(pictures.palette_png(bits), options).data) == (bits, PALETTE)


@pytest.mark.parametrize(("bits", "depth"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (6, 8), (7, 8), (8, 8)])
def test_odd_palettes_are_rounded_up_to_what_png_holds(bits: int, depth: int) -> None:
    image = pictures.with_field(pictures.with_field(MARKED, "palette", 1), "bits-per-sample", bits)
    assert palette_depth(image) == depth


def test_true_colour_stays_true_colour() -> None:
    assert bits_of(transformed(SOURCE, "f:png").data) == (8, COLOUR)
    assert palette_depth(MARKED) == 0


def test_a_palette_to_a_format_without_is_just_colours() -> None:
    source = opened(pictures.palette_png(4))
    assert same(made(pictures.palette_png(4), "f:tiff"), source)


@pytest.mark.parametrize(("colors", "depth"), [(2, 1), (3, 2), (4, 2), (5, 4), (16, 4), (17, 8), (256, 8)])
def test_quantisation_makes_a_palette_of_the_least_depth(colors: int, depth: int) -> None:
    data = transformed(SOURCE, "f:png", png_quantize=True, png_quantization_colors=colors).data
    assert bits_of(data) == (depth, PALETTE)


def chunk(data: bytes, name: bytes) -> bytes:
    at = data.index(name)
    return data[at + 4 : at + 4 + int.from_bytes(data[at - 4 : at], "big")]


@pytest.mark.parametrize("colors", [2, 3, 4, 5, 10, 16, 17, 100, 200, 256])
@pytest.mark.parametrize("interlaced", [0, 1])
def test_a_quantised_png_has_as_many_colours_as_are_asked_for(colors: int, interlaced: int) -> None:
    data = transformed(NOISE, f"f:png/pngo:{interlaced}:1:{colors}").data
    assert len(chunk(data, b"PLTE")) == 3 * colors
    assert bits_of(data) == (next(bits for bits in (1, 2, 4, 8) if colors <= 1 << bits), PALETTE)
    assert data[INTERLACED] == interlaced
    assert data == transformed(NOISE, f"f:png/pngo:{interlaced}::{colors}", png_quantize=True).data


def test_more_colours_are_nearer_to_the_picture() -> None:
    farness = [
        distance(made(NOISE, f"f:png/pngo::1:{colors}"), opened(NOISE))[0] for colors in (2, 3, 10, 17, 100, 200, 256)
    ]
    assert farness == sorted(farness, reverse=True)
    assert farness[-1] < 5


def test_a_quantised_png_keeps_transparency_and_the_rest_of_the_file() -> None:
    ramp = (pyvips.Image.xyz(90, 60)[0] * 8 - 240).cast("uchar")  # transparent to column 30, opaque from column 62
    image = pictures.wide_gamut(pictures.marked(90, 60)).bandjoin(ramp)
    picture = transformed(pictures.png(image), "f:png/pngo:0:1:20/scp:0")
    found = opened(picture.data)
    assert len(chunk(picture.data, b"PLTE")) == 60
    assert [found(left, 30)[3] for left in (0, 10, 70, 89)] == [0, 0, 255, 255]
    assert pictures.profile_of(found) == pictures.profile_of(image)


def test_few_colours_are_few_however_many_may_be() -> None:
    data = transformed(pictures.png(pictures.solid(20, 20)), "f:png/pngo:0:1:100").data
    assert len(chunk(data, b"PLTE")) == 3


def test_a_png_option_of_the_url_may_switch_off_what_is_configured() -> None:
    assert bits_of(transformed(SOURCE, "f:png/pngo::0", png_quantize=True).data) == (8, COLOUR)
    assert transformed(SOURCE, "f:png/pngo:0", png_interlaced=True).data[INTERLACED] == 0


INTERLACED = 28


def test_png_is_interlaced_when_configured() -> None:
    assert transformed(SOURCE, "f:png").data[INTERLACED] == 0
    assert transformed(SOURCE, "f:png", png_interlaced=True).data[INTERLACED] == 1


# AVIF


def avif_is_subsampled(data: bytes) -> bool:
    """Whether both directions are halved, by the codec configuration box (AV1-ISOBMFF §2.3.3)."""
    return chunk_of_av1c(data)[2] & 0b1100 == 0b1100


def chunk_of_av1c(data: bytes) -> bytes:
    at = data.index(b"av1C") + 4
    return data[at : at + 4]


@pytest.mark.parametrize(
    ("option", "configured", "quality", "subsampled"),
    [
        ("", "auto", 89, True),
        ("", "auto", 90, False),
        ("auto", "off", 89, True),
        ("on", "auto", 90, True),
        ("off", "auto", 50, False),
        ("", "on", 95, True),
        ("", "off", 50, False),
        ("on", "off", 50, True),
    ],
)
def test_avif_has_half_the_colours_below_quality_90_or_as_said(
    option: str, configured: str, quality: int, subsampled: bool
) -> None:
    asked = f"f:avif/q:{quality}" + (f"/avifo:{option}" if option else "")
    assert avif_is_subsampled(transformed(SOURCE, asked, avif_subsample=configured).data) is subsampled


@pytest.mark.parametrize(("width", "height"), [(15, 40), (40, 15), (1, 1)])
def test_avif_below_sixteen_pixels_is_png_with_alpha_and_jpeg_without(width: int, height: int) -> None:
    image = pictures.marked(width, height)
    assert transformed(pictures.png(image), "f:avif").format is Format.JPEG
    assert transformed(pictures.png(pictures.with_alpha(image)), "f:avif").format is Format.PNG


def test_avif_of_sixteen_pixels_is_avif() -> None:
    assert writable_format(pictures.marked(16, 16), Format.AVIF) is Format.AVIF
    assert transformed(SOURCE, "w:16/h:16/rs:force/f:avif").format is Format.AVIF


def test_other_formats_take_any_size() -> None:
    for kind in (Format.JPEG, Format.PNG, Format.WEBP, Format.GIF, Format.TIFF):
        picture = transformed(pictures.png(pictures.marked(1, 1)), f"f:{kind}")
        assert (picture.format, picture.width, picture.height) == (kind, 1, 1)


# PNG


def test_png_is_predicted_and_compressed_as_set() -> None:
    source = pictures.png(pictures.marked(120, 80))
    quick, small = transformed(source, "f:png").data, transformed(source, "f:png", **EXACTLY_IMGPROXY).data
    assert quick != small
    assert same(opened(quick), opened(small))
    at_72_dpi = pictures.marked(120, 80).copy(xres=72 / 25.4, yres=72 / 25.4)
    assert small == at_72_dpi.pngsave_buffer(compression=6, filter="all", keep="none")


@pytest.mark.parametrize("wrong", [{"png_compression": 10}, {"png_filter": "best"}])
def test_png_takes_no_other_settings(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        transformed(SOURCE, "f:png", **wrong)


# WebP, GIF, settings


def test_webp_has_imgproxys_bytes_when_it_is_told_so() -> None:
    image = pictures.marked(120, 80)
    found = transformed(pictures.png(image), "f:webp", **EXACTLY_IMGPROXY).data
    assert found == image.webpsave_buffer(Q=79, effort=4, preset="default", keep="none")


def test_webp_effort_and_preset_change_the_bytes() -> None:
    source = pictures.png(pictures.noise(64, 64))
    usual = transformed(source, "f:webp").data
    assert transformed(source, "f:webp", webp_effort=0).data != usual
    assert transformed(source, "f:webp", webp_preset="drawing").data != usual


@pytest.mark.parametrize(
    ("option", "setting", "lossless", "farthest"),
    [
        ("", {}, False, 100),
        ("lossy", {"webp_compression": "lossless"}, False, 100),
        ("near_lossless", {}, True, 8),
        ("", {"webp_compression": "near_lossless"}, True, 8),
        ("lossless", {}, True, 0),
        ("", {"webp_compression": "lossless"}, True, 0),
    ],
)
def test_webp_loses_what_it_may(option: str, setting: dict[str, object], lossless: bool, farthest: float) -> None:
    data = transformed(NOISE, "f:webp/q:60" + (f"/webpo:{option}" if option else ""), **setting).data
    assert (b"VP8L" in data[:64]) is lossless
    _, largest = distance(opened(data), opened(NOISE))
    assert largest <= farthest
    assert (largest > 0) is (farthest > 0)


def test_webps_colours_are_halved_with_care() -> None:
    source = pictures.png(pictures.marked(90, 60))
    plain, smart = transformed(source, "f:webp").data, transformed(source, "f:webp/webpo::1").data
    assert smart != plain
    assert distance(opened(smart), opened(source))[0] < distance(opened(plain), opened(source))[0]
    assert transformed(source, "f:webp", webp_smart_subsample=True).data == smart


@pytest.mark.parametrize("preset", WebpPreset, ids=str)
def test_webps_preset_is_the_urls_or_the_configured(preset: WebpPreset) -> None:
    asked = transformed(NOISE, f"f:webp/webpo:::{preset}").data
    assert asked == transformed(NOISE, "f:webp", webp_preset=preset.value).data
    assert (asked == transformed(NOISE, "f:webp").data) is (preset is WebpPreset.DEFAULT)


def test_avif_speed_changes_the_bytes() -> None:
    source = pictures.png(pictures.noise(64, 64))
    assert transformed(source, "f:avif", avif_speed=9).data != transformed(source, "f:avif", avif_speed=6).data


def test_gif_keeps_transparency() -> None:
    image = MARKED.addalpha().embed(10, 10, 84, 68)
    found = made(pictures.png(image), "f:gif")
    assert found(0, 0)[3] == 0
    assert found(40, 30)[3] == 255


def test_the_same_request_gives_the_same_bytes() -> None:
    for kind in pictures.ENCODERS:
        assert transformed(SOURCE, f"w:30/f:{kind}").data == transformed(SOURCE, f"w:30/f:{kind}").data
