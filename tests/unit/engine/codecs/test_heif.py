"""HEIC in and out."""

from __future__ import annotations

import io

import pillow_heif
import pytest
from PIL import ExifTags, Image

from imgproxy_py.engine.codecs import heif
from imgproxy_py.errors import BrokenImage, SourceTooLarge
from imgproxy_py.recipe.formats import Format
from tests import pictures
from tests.originals import array, encoded
from tests.unit.engine.making import distance, failure, made, opened, transformed, transformer

SMOOTH = pictures.rgb(pictures.marked(200, 120).gaussblur(4))


@pytest.mark.parametrize(
    "image", [SMOOTH, pictures.with_alpha(SMOOTH), pictures.grey(SMOOTH)], ids=["colour", "alpha", "grey"]
)
def test_pixels_come_back_nearly_as_they_were(image) -> None:
    data = encoded(Format.HEIC, image, quality=95)
    mean, most = distance(pictures.read(data), image)
    assert mean < 1
    assert most < 6
    header = transformer().open(data).header
    assert (header.width, header.height, header.bands, header.alpha) == (200, 120, image.bands, image.bands == 4)


def test_quality_is_told_to_the_encoder() -> None:
    sizes = [len(encoded(Format.HEIC, pictures.noise(128, 96), quality=quality)) for quality in (30, 60, 90)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 3


def test_the_preset_is_told_to_the_encoder() -> None:
    photo = pictures.rgb(pictures.noise(256, 192).gaussblur(1.5))
    sizes = {preset: len(encoded(Format.HEIC, photo, 80, heic_preset=preset)) for preset in ("ultrafast", "slow")}
    assert sizes["slow"] < sizes["ultrafast"]


def test_profile_and_metadata_travel_in_and_out() -> None:
    image = pictures.with_field(
        pictures.wide_gamut(SMOOTH), "exif-ifd0-Copyright", "Ann (Ann, ASCII, 4 components, 4 bytes)"
    )
    image = pictures.with_field(image, "xmp-data", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    found = pictures.read(encoded(Format.HEIC, image))
    assert pictures.profile_of(found) == pictures.profile_of(image)
    assert found.get("exif-ifd0-Copyright").startswith("Ann")
    assert bytes(found.get("xmp-data")).startswith(b"<x:xmpmeta")


def test_what_is_stripped_is_not_written() -> None:
    data = encoded(Format.HEIC, pictures.wide_gamut(SMOOTH))
    assert opened(transformed(data, "f:jpg").data).get_typeof("icc-profile-data") == 0
    kept = transformed(data, "f:heic/scp:0/sm:0").data
    assert pictures.profile_of(pictures.read(kept)) == pictures.profile_of(pictures.wide_gamut(SMOOTH))


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_picture_is_upright_and_says_so(orientation: int) -> None:
    turned = pictures.with_orientation(SMOOTH, orientation)
    target = io.BytesIO()
    picture = Image.fromarray(array(SMOOTH))
    exif = picture.getexif()
    exif[ExifTags.Base.Orientation] = orientation
    pillow_heif.register_heif_opener()
    picture.save(target, "HEIF", exif=exif.tobytes())
    header = transformer().open(target.getvalue()).header
    expected = opened(pictures.png(turned)).autorot()
    assert (header.width, header.height, header.orientation) == (expected.width, expected.height, 1)
    assert distance(made(target.getvalue()), expected)[0] < 3


def test_ten_bits_are_kept_where_asked() -> None:
    target = io.BytesIO()
    deep = pictures.deep(SMOOTH)
    pillow_heif.encode("RGB;16", (200, 120), deep.write_to_memory(), target, quality=100, chroma=444)
    image = pictures.read(target.getvalue())
    assert (image.format, image.interpretation) == ("ushort", "rgb16")
    assert abs(array(image).astype(int) - array(deep).astype(int)).mean() < 400
    assert made(target.getvalue(), "f:png/ph:1").format == "ushort"
    assert made(target.getvalue(), "f:png").format == "uchar"


def test_the_embedded_thumbnail_is_taken_where_asked() -> None:
    target = io.BytesIO()
    file = pillow_heif.from_bytes("RGB", (200, 120), SMOOTH.write_to_memory())
    file.info["thumbnails"] = [64]
    file.save(target)
    whole, small = (transformed(target.getvalue(), f"f:png/eth:{flag}") for flag in (0, 1))
    assert (whole.width, small.width) == (200, 64)


def test_a_bomb_is_refused_by_its_header() -> None:
    data = bytearray(encoded(Format.HEIC, SMOOTH))
    at = data.index(b"ispe") + 8
    data[at : at + 8] = (20_000).to_bytes(4, "big") * 2
    assert failure(lambda: transformed(bytes(data))) in (SourceTooLarge, BrokenImage)


def test_without_its_encoder_heic_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    assert heif.encoder() is None
    reader = heif.decoder()
    assert reader is not None
    data = encoded(Format.HEIC, SMOOTH)
    found = reader.decode(data, Format.HEIC, heif.Demand())
    assert distance(found, SMOOTH)[0] < 1


def test_pixels_outlive_the_file_that_the_small_binding_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    reader = heif.decoder()
    assert reader is not None
    images = [pictures.solid(300, 200, (level, 255 - level, 90)) for level in range(0, 250, 25)]
    found = [reader.decode(encoded(Format.HEIC, image), Format.HEIC, heif.Demand()) for image in images]
    assert max(distance(one, image)[0] for one, image in zip(found, images, strict=True)) < 2
