"""Metadata between libvips and the others; pixels that are shared."""

from __future__ import annotations

import io

import pytest
from PIL import ExifTags, Image

from imgproxy_py.engine.codecs.pixels import Metadata, exif_of, image_from, tiff_structure, with_metadata
from imgproxy_py.errors import BrokenImage
from tests import pictures

MARKED = pictures.marked()


def exif(**tags: object) -> bytes:
    """A TIFF structure as another program writes it."""
    found = Image.Exif()
    for name, value in tags.items():
        found[ExifTags.Base[name]] = value
    return tiff_structure(found.tobytes())


def test_exif_is_parsed_as_libvips_parses_it() -> None:
    image = with_metadata(MARKED, Metadata(exif=exif(Artist="Ann", Orientation=6)))
    assert image.get("exif-ifd0-Artist").startswith("Ann")
    assert image.get("orientation") == 6
    assert pictures.read(pictures.jpeg(image)).get("exif-ifd0-Artist").startswith("Ann")


def test_an_orientation_beside_takes_the_place_of_exifs() -> None:
    image = with_metadata(MARKED, Metadata(exif=exif(Orientation=6), orientation=1))
    assert image.get("orientation") == 1
    assert pictures.read(pictures.jpeg(image)).get("orientation") == 1


def test_exif_comes_out_as_it_went_in_and_what_was_removed_does_not() -> None:
    image = with_metadata(MARKED, Metadata(exif=exif(Artist="Ann", Copyright="Bea")))
    image = pictures.without_field(image, "exif-ifd0-Artist")
    found = Image.Exif()
    found.load(exif_of(image))
    assert found.get(ExifTags.Base.Copyright) == "Bea"
    assert ExifTags.Base.Artist not in found


def test_long_exif_is_not_cut() -> None:
    image = with_metadata(MARKED, Metadata(exif=exif(ImageDescription="x" * 60_000)))
    assert len(exif_of(image)) > 60_000


def test_an_image_without_exif_has_none_to_write() -> None:
    assert exif_of(MARKED) == b""


@pytest.mark.parametrize("exif", [b"", b"Exif\0\0", b"II*", b"II*\0", b"II*\0" + b"\xff" * 200, b"nonsense" * 20])
def test_damaged_exif_is_no_exif(exif: bytes) -> None:
    image = with_metadata(MARKED, Metadata(exif=exif))
    assert (image.width, image.height) == (60, 40)


def test_what_containers_put_before_exif_is_left_out() -> None:
    assert tiff_structure(b"Exif\0\0MM\0*rest") == b"MM\0*rest"
    assert tiff_structure(bytes(4) + b"II*\0rest") == b"II*\0rest"


def test_fewer_samples_than_the_sides_say_are_refused() -> None:
    with pytest.raises(BrokenImage):
        image_from(bytes(11), 2, 2, 3)
    with pytest.raises(BrokenImage):
        image_from(bytes(12), 2, 2, 3, deep=True)


def test_samples_of_sixteen_bits_are_in_the_machines_order() -> None:
    image = image_from((513).to_bytes(2, __import__("sys").byteorder) * 3, 1, 1, 3, deep=True)
    assert (image.getpoint(0, 0), image.interpretation) == ([513, 513, 513], "rgb16")


def test_a_grey_picture_is_grey() -> None:
    target = io.BytesIO()
    Image.new("L", (3, 2), 9).save(target, "BMP")
    assert pictures.read(target.getvalue()).interpretation == "b-w"
