"""Originals are of the sizes that are asked for, and of the same pictures with and without what wraps them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import pyvips
from PIL import ImageCms

from benchmarks.icc import adobe_rgb
from benchmarks.jpegs import bare, numbered, with_profile
from benchmarks.originals import Originals, nearest, prepared


def _photograph(width: int, height: int, orientation: int = 6) -> bytes:
    image = pyvips.Image.gaussnoise(width, height, mean=128, sigma=30, seed=3).cast("uchar")
    image = image.bandjoin([image, image]).copy(interpretation="srgb")
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", pyvips.Operation.call("profile_load", "srgb"))
    data: bytes = image.jpegsave_buffer(Q=50)
    return data


def _pixels(data: bytes) -> bytes:
    return bytes(pyvips.Image.new_from_buffer(data, "").write_to_memory())


def _has(data: bytes, field: str) -> bool:
    return bool(pyvips.Image.new_from_buffer(data, "").get_typeof(field))


def test_a_bare_jpeg_is_the_same_picture_without_what_is_said_of_it() -> None:
    data = _photograph(64, 48)
    assert _has(data, "exif-data")
    assert _has(data, "icc-profile-data")
    stripped = bare(data)
    assert _pixels(stripped) == _pixels(data)
    assert not _has(stripped, "exif-data")
    assert not _has(stripped, "icc-profile-data")
    assert not _has(stripped, "orientation")


def test_a_profile_is_put_into_the_same_picture() -> None:
    data = bare(_photograph(64, 48))
    profiled = with_profile(data, adobe_rgb())
    assert _pixels(profiled) == _pixels(data)
    assert pyvips.Image.new_from_buffer(profiled, "").get("icc-profile-data") == adobe_rgb()


def test_numbered_files_are_different_files_of_one_picture() -> None:
    data = _photograph(64, 48)
    assert numbered(data, 1) != numbered(data, 2)
    assert _pixels(numbered(data, 1)) == _pixels(numbered(data, 2)) == _pixels(data)


def test_what_is_no_jpeg_is_refused() -> None:
    with pytest.raises(ValueError, match="not a JPEG"):
        bare(b"GIF89a")


def test_the_profile_has_the_primaries_of_adobe_rgb() -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(adobe_rgb())).profile
    red, green, blue = profile.red_primary, profile.green_primary, profile.blue_primary
    assert red
    assert green
    assert blue
    # Adobe RGB (1998) has them at (0.64, 0.33), (0.21, 0.71), (0.15, 0.06) under D65; these are adapted to D50.
    assert red[1][:2] == pytest.approx((0.6484, 0.3309), abs=0.0005)
    assert green[1][:2] == pytest.approx((0.2302, 0.7016), abs=0.0005)
    assert blue[1][:2] == pytest.approx((0.1559, 0.0660), abs=0.0005)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    (folder / "large.jpg").write_bytes(_photograph(4000, 3000))
    (folder / "small.jpg").write_bytes(_photograph(300, 200))
    (folder / "not.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def originals(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Originals:
    return prepared(photographs, tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize(
    ("name", "megapixels"),
    [
        ("2mp.jpg", 2),
        ("12mp.jpg", 12),
        ("24mp.jpg", 24),
        ("12mp-progressive.jpg", 12),
        pytest.param("49mp.jpg", 48, marks=pytest.mark.slow),
        pytest.param("49mp-progressive.jpg", 48, marks=pytest.mark.slow),
    ],
)
def test_originals_have_their_megapixels_also_where_the_folder_has_none(
    originals: Originals, name: str, megapixels: int
) -> None:
    width, height = originals.size(name)
    assert width * height == pytest.approx(megapixels * 1_000_000, rel=0.02)
    assert bool(pyvips.Image.new_from_file(str(originals.path(name))).get("jpeg-multiscan")) == ("progressive" in name)


@pytest.mark.parametrize("name", ["2mp-p3.jpg", "2mp-adobe.jpg", "12mp-p3.jpg", "12mp-adobe.jpg"])
def test_only_originals_named_for_it_have_a_profile(originals: Originals, name: str) -> None:
    plain = originals.path(f"{name.partition('-')[0]}.jpg").read_bytes()
    assert _has(originals.path(name).read_bytes(), "icc-profile-data")
    assert not _has(plain, "icc-profile-data")
    assert bare(originals.path(name).read_bytes()) == plain


def test_originals_stay_for_the_next_run(originals: Originals, photographs: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in originals.folder.iterdir()}
    assert prepared(photographs, originals.folder.parent) == originals
    assert {path: path.stat().st_mtime_ns for path in originals.folder.iterdir()} == before


def test_copies_are_all_different(originals: Originals) -> None:
    names = originals.copies("2mp.jpg", 3)
    assert len({originals.path(name).read_bytes() for name in names}) == 3
    assert {originals.size(name) for name in names} == {originals.size("2mp.jpg")}


def test_the_photograph_nearest_in_size_is_taken(photographs: Path) -> None:
    assert nearest(photographs, 12).name == "large.jpg"
    assert nearest(photographs, 1).name == "small.jpg"


def test_a_folder_without_photographs_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="make samples"):
        nearest(tmp_path, 12)
