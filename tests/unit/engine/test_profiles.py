"""The profile that a URL names: pixels are converted to it, and it is embedded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyvips
from pydantic import ValidationError

from imgproxy_py.engine.profiles import profiles
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import OutputUnsupported
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Output
from tests import pictures
from tests.unit.engine.making import array, distance, failure, made, opened, recipe_of, same, transformed

MARKED = pictures.marked(60, 40)
P3 = pictures.profile_of(pictures.wide_gamut(MARKED))
SRGB, CMYK = profiles(None)["srgb"], profiles(None)["cmyk"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p3.icc").write_bytes(P3)
    (tmp_path / "grey.icc").write_bytes(pictures.profile_of(MARKED.icc_transform("sgrey", input_profile="srgb")))
    (tmp_path / "press.icc").write_bytes(CMYK.data)
    (tmp_path / "README.txt").write_text("Profiles.")
    (tmp_path / "cut.icc").write_bytes(P3[:30])
    (tmp_path / "inner").mkdir()
    return tmp_path


def test_a_folders_profiles_stand_beside_those_built_in(folder: Path) -> None:
    found = profiles(folder)
    assert sorted(found) == ["cmyk", "grey.icc", "p3.icc", "press.icc", "srgb"]
    assert {name: profile.bands for name, profile in found.items()} == {
        "cmyk": 4, "grey.icc": 1, "p3.icc": 3, "press.icc": 4, "srgb": 3
    }  # fmt: skip


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="a folder"):
        EngineSettings(color_profiles_dir=tmp_path / "none")


def test_a_name_that_nobody_knows_is_refused_before_any_work() -> None:
    transformer = Transformer(EngineSettings(workers=1))
    for name in ("p3.icc", "passwd"):
        assert failure(lambda name=name: transformer.check(Output(color_profile=name))) is OutputUnsupported
    assert failure(lambda: transformer.check(Output(color_profile="srgb"))) is None


@pytest.mark.parametrize("output", [Format.JPEG, Format.PNG, Format.WEBP, Format.TIFF, Format.AVIF], ids=str)
@pytest.mark.parametrize("options", ["cp:srgb", "cp:srgb/scp:1/sm:1/kcr:0", "cp:srgb/scp:0/sm:0"])
def test_srgb_is_embedded_whatever_is_stripped(output: Format, options: str) -> None:
    found = made(pictures.png(MARKED), f"{options}/f:{output}")
    assert pictures.profile_of(found) == SRGB.data


@pytest.mark.parametrize(
    "image", [MARKED, pictures.with_alpha(MARKED), pictures.deep(MARKED)], ids=["8", "alpha", "16"]
)
def test_what_is_srgb_already_keeps_every_pixel(image: pyvips.Image) -> None:
    assert same(made(pictures.png(image), "cp:srgb/ph:1/f:png"), image)


def test_a_wide_gamut_is_converted_to_srgb() -> None:
    found = made(pictures.png(pictures.wide_gamut(MARKED)), "cp:srgb/f:png")
    assert pictures.profile_of(found) == SRGB.data
    assert distance(found, MARKED)[1] < 2


@pytest.mark.parametrize("source", ["srgb", "p3"])
def test_a_profile_of_the_folder_is_converted_to(folder: Path, source: str) -> None:
    image = MARKED if source == "srgb" else pictures.wide_gamut(MARKED)
    found = made(pictures.png(image), "cp:p3.icc/f:png", color_profiles_dir=folder)
    assert pictures.profile_of(found) == P3
    assert np.abs(array(found).astype(int) - array(pictures.wide_gamut(MARKED))).max() <= 1
    assert distance(found.icc_transform("srgb", embedded=True), MARKED)[1] < 2


def test_grey_becomes_what_the_profile_is_for(folder: Path) -> None:
    grey = pictures.grey(MARKED)
    found = made(pictures.png(grey), "cp:p3.icc/f:png", color_profiles_dir=folder)
    assert found.bands == 3
    assert distance(found.icc_transform("srgb", embedded=True), grey)[1] < 2
    back = made(pictures.png(MARKED), "cp:grey.icc/f:png", color_profiles_dir=folder)
    assert back.bands == 1
    assert pictures.profile_of(back)[16:20] == b"GRAY"


@pytest.mark.parametrize("name", ["cmyk", "press.icc"])
@pytest.mark.parametrize("output", [Format.JPEG, Format.TIFF], ids=str)
def test_cmyk_comes_out_for_the_press(folder: Path, name: str, output: Format) -> None:
    for image in (MARKED, pictures.grey(MARKED), pictures.wide_gamut(MARKED), pictures.with_alpha(MARKED)):
        found = made(pictures.png(image), f"cp:{name}/bg:fff/f:{output}/q:100", color_profiles_dir=folder)
        assert (found.interpretation, found.bands) == ("cmyk", 4)
        assert pictures.profile_of(found) == CMYK.data
    found = made(pictures.png(MARKED), f"cp:{name}/f:{output}/q:100", color_profiles_dir=folder)
    expected = MARKED.icc_transform("cmyk", input_profile="srgb", intent="relative", black_point_compensation=True)
    assert np.abs(array(found).astype(int) - array(expected)).mean() < (0.01 if output is Format.TIFF else 4)


def test_cmyk_in_and_out_keeps_its_look() -> None:
    source = pictures.cmyk(MARKED)
    found = made(pictures.tiff(source), "cp:cmyk/f:tiff")
    # Through sRGB, which has not all colours of the press; and blacks are fitted.
    assert distance(found.icc_transform("srgb", embedded=True), source.icc_transform("srgb", embedded=True))[0] < 3


@pytest.mark.parametrize("output", [Format.PNG, Format.WEBP, Format.AVIF, Format.GIF], ids=str)
def test_a_format_that_cannot_hold_cmyk_is_as_without_it(output: Format) -> None:
    data = pictures.png(pictures.wide_gamut(MARKED))
    assert transformed(data, f"cp:cmyk/f:{output}").data == transformed(data, f"f:{output}").data


def test_sixteen_bits_stay(folder: Path) -> None:
    found = made(pictures.png(pictures.deep(MARKED)), "cp:p3.icc/ph:1/f:png", color_profiles_dir=folder)
    assert found.format == "ushort"
    assert pictures.profile_of(found) == P3


def test_transparency_of_a_cmyk_tiff_stays() -> None:
    found = made(pictures.png(pictures.with_alpha(MARKED)), "cp:cmyk/f:tiff")
    assert (found.interpretation, found.bands) == ("cmyk", 5)
    assert same(found[4], pictures.with_alpha(MARKED)[3])


def test_a_damaged_profile_of_the_original_is_none() -> None:
    image = pictures.with_profile(MARKED, P3[:128] + b"\xff" * 300)
    assert distance(made(pictures.tiff(image), "cp:srgb/f:png"), MARKED)[1] < 1


def test_the_folders_bytes_have_a_say_in_the_epoch_and_its_place_has_none(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "inner" / "copy"
    elsewhere.mkdir()
    for path in folder.glob("*.icc"):
        (elsewhere / path.name).write_bytes(path.read_bytes())

    def epoch(place: Path | None) -> str:
        return Transformer(EngineSettings(workers=1, color_profiles_dir=place)).epoch

    assert epoch(folder) == epoch(elsewhere) != epoch(None)
    (elsewhere / "p3.icc").write_bytes(SRGB.data)
    assert epoch(folder) != epoch(elsewhere)


def test_the_name_is_part_of_the_recipe() -> None:
    assert recipe_of("icc:p3.icc") == recipe_of("color_profile:p3.icc") != recipe_of("cp:srgb")
    assert opened(transformed(pictures.png(MARKED), "icc:srgb/f:jpeg").data).get_typeof("icc-profile-data")
