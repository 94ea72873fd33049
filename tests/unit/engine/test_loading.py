"""Originals: recognised, whole, within limits; and every damaged one refused in our own words."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import Literal

import pytest

from imgproxy_py.engine import libvips
from imgproxy_py.engine.loading import ImageFile, header_of
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import (
    BrokenImage,
    DeadlineExceeded,
    ImageError,
    ImgproxyError,
    ResultTooLarge,
    SourceTooLarge,
    UndecodableImage,
    UnknownImage,
)
from imgproxy_py.recipe.formats import Format, sniff
from tests import pictures
from tests.unit.engine.making import failure, made, opened, recipe_of, transformed, transformer

WHOLE = pictures.readable()
KINDS = [kind for kind in WHOLE if kind is not Format.SVG]


# Headers


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_header_is_read_before_any_pixel(kind: Format) -> None:
    header = transformer().open(WHOLE[kind]).header
    assert (header.format, header.width, header.height, header.frames) == (kind, 96, 64, 1)
    assert not header.alpha
    assert not header.profile


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", [Format.JPEG, Format.PNG, Format.WEBP, Format.TIFF], ids=str)
def test_orientation_is_in_the_header(kind: Format, orientation: int) -> None:
    data = pictures.ENCODERS[kind](pictures.with_orientation(pictures.marked(), orientation))
    assert transformer().open(data).header.orientation == orientation


@pytest.mark.parametrize("kind", [Format.GIF, Format.WEBP], ids=str)
def test_frames_are_counted(kind: Format) -> None:
    header = transformer().open(pictures.ENCODERS[kind](pictures.animation(3, 40, 30))).header
    assert (header.frames, header.width, header.height) == (3, 40, 30)


def test_alpha_and_profile_are_in_the_header() -> None:
    assert transformer().open(pictures.png(pictures.with_alpha(pictures.marked()))).header.alpha
    for kind in (Format.JPEG, Format.PNG, Format.WEBP):
        assert transformer().open(pictures.ENCODERS[kind](pictures.wide_gamut(pictures.marked()))).header.profile


@pytest.mark.parametrize("kind", ["colour", "grey", "cmyk", "p3", "turned", "progressive"])
def test_the_quick_jpeg_header_is_the_decoders_header(kind: str) -> None:
    image = pictures.marked()
    data = {
        "colour": lambda: pictures.jpeg(image),
        "grey": lambda: pictures.jpeg(pictures.grey(image)),
        "cmyk": lambda: pictures.jpeg(pictures.cmyk(image)),
        "p3": lambda: pictures.jpeg(pictures.wide_gamut(image)),
        "turned": lambda: pictures.jpeg(pictures.with_orientation(image, 7)),
        "progressive": lambda: pictures.jpeg(image, interlace=True),
    }[kind]()
    assert transformer().open(data).header == header_of(ImageFile(data=data, format=Format.JPEG).open(), Format.JPEG)


def test_exif_behind_the_frame_header_counts_too() -> None:
    data = pictures.jpeg(pictures.with_orientation(pictures.marked(), 6), keep="exif")
    start = data.index(b"\xff\xe1")
    end = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    exif, rest = data[start:end], data[:start] + data[end:]
    frame = rest.index(b"\xff\xc0")
    behind = frame + 2 + int.from_bytes(rest[frame + 2 : frame + 4], "big")
    moved = rest[:behind] + exif + rest[behind:]
    assert header_of(ImageFile(data=moved, format=Format.JPEG).open(), Format.JPEG).orientation == 6
    assert (made(moved, "f:png").width, made(moved, "f:png").height) == (40, 60)


def test_exif_that_is_no_tiff_turns_nothing() -> None:
    data = pictures.jpeg(pictures.with_orientation(pictures.marked(), 6), keep="exif")
    at = data.index(b"Exif\0\0") + len(b"Exif\0\0")
    order = {b"II": "little", b"MM": "big"}[data[at : at + 2]]
    for number in (0, 40, 43, 0x2A00):
        damaged = data[: at + 2] + number.to_bytes(2, order) + data[at + 4 :]
        header = header_of(ImageFile(data=damaged, format=Format.JPEG).open(), Format.JPEG)
        assert transformer().open(damaged).header == header


@pytest.mark.parametrize("count", [0, 2, 239, 0x01000000])
def test_an_orientation_that_is_no_single_number_is_what_the_decoder_says(count: int) -> None:
    data = pictures.jpeg(pictures.with_orientation(pictures.marked(), 6), keep="exif")
    order: Literal["little", "big"] = "little" if b"Exif\0\0II" in data else "big"
    at = data.index((0x0112).to_bytes(2, order) + (3).to_bytes(2, order)) + 4
    damaged = data[:at] + count.to_bytes(4, order) + data[at + 4 :]
    header = header_of(ImageFile(data=damaged, format=Format.JPEG).open(), Format.JPEG)
    assert transformer().open(damaged).header == header


@pytest.mark.parametrize("marker", [0x00, 0x01, 0xD0, 0xD7])
def test_a_marker_without_content_does_not_hide_the_true_frame(marker: int) -> None:
    """Decoders step over such markers; taking the two bytes behind for a length leads to a frame made up in a comment."""
    enormous, small = pictures.jpeg_bomb(progressive=False), pictures.jpeg(pictures.solid(8, 8), keep="none")
    behind_soi = enormous[2:]
    landing = 2 + 2 + int.from_bytes(behind_soi[:2], "big")
    scan = enormous.index(b"\xff\xda") - 2
    front = b"\xff\xd8\xff" + bytes([marker]) + behind_soi[:scan]
    forged = comment(b"\0" * (landing - len(front) - 4) + small[2:])
    assert failure(lambda: transformed(front + forged + behind_soi[scan:], "w:10")) is SourceTooLarge


def comment(data: bytes) -> bytes:
    return b"\xff\xfe" + (len(data) + 2).to_bytes(2, "big") + data


# What is no image


@pytest.mark.parametrize("data", [b"", b"\0", b"hello", b"<html></html>", b"\x1f\x8b\x08", b"P6 1 1 255 abc"])
def test_what_is_not_an_image_is_unknown(data: bytes) -> None:
    assert failure(lambda: transformed(data)) is UnknownImage


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
        b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic",
        b"\xff\x0a\0\0",
        b"BM" + b"\0" * 60,
        b"\0\0\1\0\1\0\x10\x10" + b"\0" * 60,
    ],
    ids=["heic", "mif1", "jxl", "bmp", "ico"],
)
def test_a_known_format_without_a_decoder_says_so(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    here = libvips.set_up()
    without = replace(here, loadable=here.loadable - {sniff(data)})
    monkeypatch.setattr(libvips, "set_up", lambda: without)
    one = Transformer(EngineSettings(workers=1))
    with pytest.raises(UndecodableImage):
        one.open(data)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_signature_alone_is_a_broken_image(kind: Format) -> None:
    for length in (12, 20, 33):
        assert issubclass(failure(lambda length=length: transformed(WHOLE[kind][:length])), ImageError)


# Damage

SHARES = [0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999]


@pytest.mark.usefixtures("no_pixels_left")
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("options", ["f:png", "w:10/f:jpeg"])
def test_a_truncated_file_is_broken(kind: Format, share: float, options: str) -> None:
    data = pictures.truncated(WHOLE[kind], share)
    assert failure(lambda: transformed(data, options)) is BrokenImage


@pytest.mark.parametrize("kind", ["progressive", "interlaced", "lossless", "animated", "strips", "deflate", "big"])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_so_is_one_of_any_flavour(kind: str, share: float) -> None:
    image = pictures.noise(96, 64)
    data = {
        "progressive": lambda: pictures.jpeg(image, interlace=True),
        "interlaced": lambda: pictures.png(image, interlace=True),
        "lossless": lambda: pictures.webp(image, lossless=True),
        "animated": lambda: pictures.gif(pictures.animation()),
        "strips": lambda: pictures.tiff(image, tile=True, tile_width=32, tile_height=32),
        "deflate": lambda: pictures.tiff(image, compression="deflate"),
        "big": lambda: pictures.tiff(image, bigtiff=True),
    }[kind]()
    assert failure(lambda: transformed(pictures.truncated(data, share), "f:png")) in (BrokenImage, UnknownImage)


@pytest.mark.parametrize("kind", [Format.JPEG, Format.PNG, Format.GIF], ids=str)
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_truncated_file_is_served_when_configured_and_marked_incomplete(kind: Format, share: float) -> None:
    data = pictures.truncated(WHOLE[kind], share)
    picture = transformed(data, "f:png", serve_truncated=True)
    assert not picture.complete
    assert opened(picture.data).height == 64
    assert transformed(WHOLE[kind], "f:png", serve_truncated=True).complete


@pytest.mark.parametrize("kind", [Format.WEBP, Format.AVIF, Format.TIFF], ids=str)
def test_other_truncated_files_are_broken_even_then(kind: Format) -> None:
    data = pictures.truncated(WHOLE[kind], 0.5)
    assert failure(lambda: transformed(data, "f:png", serve_truncated=True)) is BrokenImage


SEEDS = pytest.mark.parametrize(
    "seeds", [range(30), pytest.param(range(30, 200), marks=pytest.mark.slow)], ids=["few", "many"]
)


@pytest.mark.usefixtures("no_pixels_left")
@SEEDS
@pytest.mark.parametrize("kind", WHOLE, ids=str)
def test_a_corrupt_file_gives_a_picture_or_one_of_our_errors(kind: Format, seeds: range) -> None:
    outcomes = Counter(
        failure(lambda seed=seed: transformed(pictures.corrupted(WHOLE[kind], seed), "w:20/msr:1/f:png"))
        for seed in seeds
    )
    assert all(found is None or issubclass(found, ImageError | SourceTooLarge) for found in outcomes)
    assert sum(outcomes.values()) == len(seeds)


@pytest.mark.usefixtures("no_pixels_left")
@SEEDS
@pytest.mark.parametrize("kind", ["animation", "exif", "profile", "palette", "16-bit"])
def test_so_does_one_with_everything_in_it(kind: str, seeds: range) -> None:
    marked = pictures.marked()
    data = {
        "animation": lambda: pictures.webp(pictures.animation()),
        "exif": lambda: pictures.jpeg(
            pictures.with_field(pictures.with_orientation(marked, 6), "exif-ifd0-Copyright", "Ann")
        ),
        "profile": lambda: pictures.png(pictures.wide_gamut(marked)),
        "palette": lambda: pictures.palette_png(4),
        "16-bit": lambda: pictures.tiff(pictures.deep(marked)),
    }[kind]()
    for seed in seeds:
        found = failure(lambda seed=seed: transformed(pictures.corrupted(data, seed), "w:20/msr:1/f:webp"))
        assert found is None or issubclass(found, ImageError | SourceTooLarge)


# Bombs

BOMBS = {
    "png": pictures.png_bomb,
    "jpeg": lambda: pictures.jpeg_bomb(progressive=False),
    "progressive": pictures.jpeg_bomb,
    "gif": pictures.gif_bomb,
    "webp": pictures.webp_bomb,
}


@pytest.mark.usefixtures("no_pixels_left")
@pytest.mark.parametrize("kind", BOMBS)
@pytest.mark.parametrize("options", ["w:10", "t:10", "rot:90/f:png", "c:10:10:sm"])
def test_a_bomb_is_refused_before_it_is_decoded(kind: str, options: str) -> None:
    data = bomb(kind)
    started = time.process_time()
    assert failure(lambda: transformed(data, options)) is SourceTooLarge
    assert time.process_time() - started < 3  # decoding takes seconds; the header a few milliseconds


_bombs: dict[str, bytes] = {}


def bomb(kind: str) -> bytes:
    if kind not in _bombs:
        _bombs[kind] = BOMBS[kind]()
    return _bombs[kind]


@pytest.mark.usefixtures("no_pixels_left")
@pytest.mark.parametrize("sides", ["20000", "1000000", "9000000"])
def test_an_enormous_svg_costs_what_is_asked_of_it(sides: str) -> None:
    picture = transformed(pictures.svg(sides, sides), "w:50/f:png")
    assert (picture.width, picture.height) == (50, 50)


@pytest.mark.usefixtures("no_pixels_left")
def test_failures_of_every_kind_leave_no_pixels_behind() -> None:
    png, jpeg = WHOLE[Format.PNG], WHOLE[Format.JPEG]
    late = bytearray(png)
    late[len(png) // 2] ^= 0xFF
    for work, expected in (
        (lambda: transformed(bytes(late), "rot:90/f:png"), BrokenImage),
        (lambda: transformed(bytes(late), "t:5/f:png"), BrokenImage),
        (lambda: transformed(bytes(late), "bl:2/f:webp"), BrokenImage),
        (lambda: transformed(bytes(late), "mb:10/f:jpeg"), BrokenImage),
        (lambda: transformed(jpeg, "rot:90/w:100000/el:1/h:100000"), ResultTooLarge),
        (lambda: transformed(jpeg, "rot:90/pd:20000"), ResultTooLarge),
        (lambda: stopped(jpeg), DeadlineExceeded),
    ):
        assert failure(work) is expected


def stopped(data: bytes) -> None:
    from imgproxy_py.engine.interrupt import Interrupt

    interrupt = Interrupt()
    interrupt.stop()
    transformer().transform(data, recipe_of("rot:90"), interrupt)


def test_a_damaged_original_is_the_callers_to_know_and_not_ours_to_report() -> None:
    late = bytearray(WHOLE[Format.PNG])
    late[len(late) // 2] ^= 0xFF
    for output in ("jpeg", "png", "webp", "gif", "tiff", "avif"):
        with pytest.raises(ImgproxyError) as caught:
            transformed(bytes(late), f"f:{output}")
        assert type(caught.value) is BrokenImage
        assert caught.value.detail == "the original's pixels cannot be decoded"
