"""JPEG XL in and out: every depth, profiles, metadata, frames."""

from __future__ import annotations

import threading
import time

import imagecodecs
import numpy as np
import pytest
import pyvips

from imgproxy_py.engine.codecs import jxl, libjxl
from imgproxy_py.engine.codecs.port import Demand
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.errors import BrokenImage, DeadlineExceeded
from imgproxy_py.recipe.formats import Format
from tests import pictures
from tests.originals import encoded
from tests.unit.engine.making import distance, failure, made, opened, same, transformed, transformer

MARKED = pictures.marked(61, 41)
KINDS = {
    "colour": MARKED,
    "alpha": pictures.with_alpha(MARKED),
    "grey": pictures.grey(MARKED),
    "grey with alpha": pictures.with_alpha(pictures.grey(MARKED)),
    "16 bits": pictures.deep(MARKED),
    "grey of 16 bits": pictures.deep(pictures.grey(MARKED)),
}


@pytest.mark.parametrize("image", KINDS.values(), ids=KINDS)
def test_quality_100_loses_nothing(image: pyvips.Image) -> None:
    data = encoded(Format.JXL, image)
    assert same(pictures.read(data), image)
    header = transformer().open(data).header
    assert (header.width, header.height, header.bands, header.frames) == (61, 41, image.bands, 1)
    assert header.alpha == image.hasalpha()


@pytest.mark.parametrize("quality", [50, 80, 95])
def test_lower_qualities_are_about_as_far_from_the_original_as_in_jpeg(quality: int) -> None:
    photo = pictures.rgb(pictures.noise(240, 180).gaussblur(1.5))
    data, as_jpeg = encoded(Format.JXL, photo, quality), pictures.jpeg(photo, Q=quality)
    mean, by_jpeg = (distance(pictures.read(one).copy_memory(), photo)[0] for one in (data, as_jpeg))
    assert 0.5 < mean / by_jpeg < 1.4
    assert len(data) < len(as_jpeg)


def test_effort_is_told_to_the_encoder() -> None:
    photo = pictures.rgb(pictures.noise(200, 150).gaussblur(1.5))
    assert len(encoded(Format.JXL, photo, 100, jxl_effort=7)) < len(encoded(Format.JXL, photo, 100, jxl_effort=1))


def test_sixteen_bits_are_kept_where_asked() -> None:
    data = encoded(Format.JXL, pictures.deep(MARKED))
    assert same(made(data, "f:png/ph:1"), pictures.deep(MARKED))
    assert made(data, "f:png").format == "uchar"
    back = transformed(pictures.png(pictures.deep(MARKED)), "f:jxl/ph:1/q:100").data
    assert same(pictures.read(back), pictures.deep(MARKED))


@pytest.mark.parametrize("quality", [80, 100])
def test_a_profile_keeps_its_colours(quality: int) -> None:
    wide = pictures.wide_gamut(pictures.solid(64, 64, (255, 0, 0)).colourspace("srgb"))
    wide = wide.copy_memory().draw_rect([255, 0, 0], 0, 0, 64, 64, fill=True).copy(interpretation="srgb")
    found = pictures.read(encoded(Format.JXL, wide, quality))
    assert found.get_typeof("icc-profile-data")
    lab, expected = (one.icc_import(embedded=True).getpoint(30, 30) for one in (found, wide))
    assert lab == pytest.approx(expected, abs=4)  # sRGB's red is 27 away


def test_metadata_travels_in_and_out() -> None:
    image = pictures.with_field(MARKED, "exif-ifd0-Copyright", "Ann (Ann, ASCII, 4 components, 4 bytes)")
    image = pictures.with_field(image, "xmp-data", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    found = pictures.read(encoded(Format.JXL, image))
    assert found.get("exif-ifd0-Copyright").startswith("Ann")
    assert bytes(found.get("xmp-data")).startswith(b"<x:xmpmeta")
    assert pictures.read(transformed(encoded(Format.JXL, image), "f:jxl/kcr:0").data).get_typeof("exif-data") == 0


def test_the_bare_codestream_and_the_container_are_both_known() -> None:
    bare = encoded(Format.JXL, MARKED)
    boxed = encoded(Format.JXL, pictures.with_field(MARKED, "xmp-data", b"<x/>"))
    assert bare[:2] == b"\xff\x0a"
    assert boxed[4:8] == b"JXL "
    assert same(pictures.read(bare), pictures.read(boxed))


def test_decoding_stops_when_told_to() -> None:
    data = encoded(Format.JXL, pictures.noise(3000, 2000), 95, jxl_effort=1)
    decoder, interrupt = jxl.decoder(), Interrupt()
    assert decoder is not None
    threading.Timer(0.05, interrupt.stop).start()
    started = time.process_time()
    with pytest.raises(DeadlineExceeded):
        decoder.decode(data, Format.JXL, Demand(interrupt=interrupt))
    assert time.process_time() - started < 1


def test_a_file_that_ends_too_early_is_broken() -> None:
    data = encoded(Format.JXL, pictures.noise(120, 90))
    for length in (2, 12, len(data) // 2, len(data) - 1):
        assert failure(lambda length=length: transformed(data[:length])) is BrokenImage


def test_without_the_library_there_is_neither_decoder_nor_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libjxl, "find_spec", lambda _: None)
    monkeypatch.setattr(libjxl, "_SYSTEM", ("libjxl.so.missing",))
    assert jxl.decoder() is jxl.encoder() is None


def test_a_library_of_an_unknown_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libjxl, "_NEWEST", 9_000)
    assert jxl.decoder() is None


def test_it_is_chosen_where_clients_prefer_it() -> None:
    assert opened(pictures.png(MARKED)).width == transformed(pictures.png(MARKED), "f:jxl").width


# Animations


def animation() -> bytes:
    """Three frames, red, green and blue, of a tenth of a second each."""
    frames = np.zeros((3, 30, 40, 3), "u1")
    for band in range(3):
        frames[band, ..., band] = 200
    return bytes(imagecodecs.jpegxl_encode(frames, lossless=True))


def test_frames_are_counted_without_being_decoded() -> None:
    header = transformer().open(animation()).header
    assert (header.width, header.height, header.frames, header.animated) == (40, 30, 3, True)


def test_an_animation_stays_one_where_it_may() -> None:
    picture = transformed(animation(), "w:20/f:webp", max_animation_frames=9)
    frames = pyvips.Image.new_from_buffer(picture.data, "n=-1")
    assert (frames.width, frames.get("page-height"), frames.get("delay")) == (20, 15, [100] * 3)


@pytest.mark.parametrize("page", [0, 1, 2])
def test_a_frame_is_chosen_for_a_still_result(page: int) -> None:
    assert made(animation(), f"pg:{page}/f:png").getpoint(5, 5)[page] == 200
    assert failure(lambda: transformed(animation(), "pg:3")) is BrokenImage


def test_frames_are_stacked() -> None:
    image = made(animation(), "pg:1/pgs:2/f:png")
    assert (image.width, image.height) == (40, 60)
    assert image.getpoint(5, 45)[2] == 200
