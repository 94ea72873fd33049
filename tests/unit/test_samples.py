"""The sample pictures: each is what its name says, and a second run makes nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import pyvips

from imgproxy_py.recipe.formats import Format, sniff
from samples.make_samples import STAMP, VERSION

SAMPLES = Path(__file__).parents[2] / "samples"
KINDS = {
    "portrait-12mp.jpg": (Format.JPEG, 4000, 3000),
    "landscape.jpg": (Format.JPEG, 1920, 1080),
    "people.jpg": (Format.JPEG, 900, 600),
    "progressive.jpg": (Format.JPEG, 1600, 1067),
    "display-p3.jpg": (Format.JPEG, 1200, 800),
    "cmyk.jpg": (Format.JPEG, 900, 600),
    "grey.jpg": (Format.JPEG, 900, 600),
    **{f"orientation-{value}.jpg": (Format.JPEG, 300, 200) for value in (1, 2, 3, 4)},
    **{f"orientation-{value}.jpg": (Format.JPEG, 200, 300) for value in (5, 6, 7, 8)},
    "soft-alpha.png": (Format.PNG, 800, 600),
    "palette.png": (Format.PNG, 600, 400),
    "grey.png": (Format.PNG, 600, 400),
    "deep-16bit.png": (Format.PNG, 800, 400),
    "soft-alpha.webp": (Format.WEBP, 800, 600),
    "animated.webp": (Format.WEBP, 320, 320),
    "animated.gif": (Format.GIF, 240, 240),
    "poster.svg": (Format.SVG, 640, 400),
    "landscape.avif": (Format.AVIF, 1200, 800),
    "landscape.tiff": (Format.TIFF, 900, 600),
    "tall.jpg": (Format.JPEG, 320, 4800),
    "wide.jpg": (Format.JPEG, 6000, 300),
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SAMPLES / "make_samples.py"), *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("samples")
    done = run(str(made))
    assert done.returncode == 0, done.stderr
    return made


def opened(folder: Path, name: str) -> pyvips.Image:
    return pyvips.Image.new_from_file(str(folder / name))


@pytest.mark.slow
def test_exactly_the_listed_pictures_are_made(folder: Path) -> None:
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == set(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_each_picture_has_its_format_and_size(folder: Path, name: str) -> None:
    image = opened(folder, name)
    assert (sniff((folder / name).read_bytes()), image.width, image.height) == KINDS[name]


@pytest.mark.slow
def test_the_orientations_look_alike_when_turned(folder: Path) -> None:
    upright = opened(folder, "orientation-1.jpg")
    for value in range(2, 9):
        image = opened(folder, f"orientation-{value}.jpg")
        assert image.get("orientation") == value
        assert (image.autorot().cast("short") - upright).abs().avg() < 2, value


@pytest.mark.slow
def test_the_portrait_is_stored_lying_with_exif_and_a_profile(folder: Path) -> None:
    image = opened(folder, "portrait-12mp.jpg")
    assert image.get("orientation") == 6
    assert image.get("jpeg-chroma-subsample") == "4:2:0"
    assert len(image.get("icc-profile-data")) > 128
    assert image.get("exif-ifd0-Copyright").startswith("Public domain")


@pytest.mark.slow
def test_colours_and_depths_are_as_named(folder: Path) -> None:
    assert opened(folder, "cmyk.jpg").interpretation == "cmyk"
    assert opened(folder, "grey.jpg").bands == 1
    assert opened(folder, "grey.png").bands == 1
    assert opened(folder, "deep-16bit.png").format == "ushort"
    assert opened(folder, "palette.png").get("palette") == 1
    assert opened(folder, "progressive.jpg").get("jpeg-multiscan") == 1
    assert opened(folder, "display-p3.jpg").get_typeof("icc-profile-data")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["soft-alpha.png", "soft-alpha.webp"])
def test_soft_alpha_is_neither_all_clear_nor_all_opaque(folder: Path, name: str) -> None:
    alpha = opened(folder, name)[3]
    assert (alpha.min(), alpha.max()) == (0, 255)
    assert ((alpha > 20) & (alpha < 235)).avg() > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["animated.gif", "animated.webp"])
def test_animations_have_frames_and_delays(folder: Path, name: str) -> None:
    image = opened(folder, name)
    assert image.get("n-pages") == 12
    assert set(image.get("delay")) == {80}


@pytest.mark.slow
def test_a_second_run_makes_nothing_and_is_quick(folder: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    begun = time.perf_counter()
    done = run(str(folder))
    assert (done.returncode, done.stdout) == (0, "")
    assert time.perf_counter() - begun < 2  # 0.05 s on an idle machine
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.slow
def test_only_what_is_missing_is_made_and_comes_out_the_same(folder: Path) -> None:
    before = (folder / "palette.png").read_bytes()
    (folder / "palette.png").unlink()
    assert "1 samples made" in run(str(folder)).stdout
    assert (folder / "palette.png").read_bytes() == before


def test_one_that_is_missing_is_made_and_the_others_are_left(tmp_path: Path) -> None:
    (tmp_path / STAMP).write_text(VERSION)
    for name in KINDS.keys() - {"palette.png"}:
        (tmp_path / name).touch()
    done = run(str(tmp_path))
    assert (done.returncode, "1 samples made" in done.stdout) == (0, True)
    image = opened(tmp_path, "palette.png")
    assert (image.width, image.height, image.get("palette")) == (600, 400, 1)
    assert not (tmp_path / "landscape.jpg").stat().st_size


def test_a_missing_argument_is_explained() -> None:
    done = run()
    assert done.returncode == 2
    assert "usage" in done.stderr


def test_the_table_in_the_readme_names_every_picture() -> None:
    named = set(re.findall(r"`([\w-]+\.\w+)`", (SAMPLES / "README.md").read_text()))
    assert set(KINDS) - {f"orientation-{value}.jpg" for value in range(2, 8)} <= named
