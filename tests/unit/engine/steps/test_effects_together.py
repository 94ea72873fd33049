"""What holds for every effect, whatever kind of original it meets."""

from __future__ import annotations

import numpy as np
import pytest

from imgproxy_py.recipe.formats import Format
from tests import pictures
from tests.unit.engine.making import array, distance, made, opened, same, transformed

EFFECTS = [
    "br:30", "contrast:1.4", "sa:2", "mc:0.7:ff8800", "dt:0.8:102040:f0e0a0", "col:0.4:ff0000", "col:0.4:ff0000:1",
    "gr:0.8:0000ff:45", "ush:always", "ba:4:0.1:0.1:0.5:0.5", "pbl:6:right",
]  # fmt: skip
MARKED = pictures.marked(60, 40)
FADED = pictures.with_alpha(MARKED)
DEEP_FADED = pictures.deep(MARKED).bandjoin((FADED[3].cast("float") * 257).cast("ushort")).copy(interpretation="rgb16")


@pytest.mark.parametrize("effect", EFFECTS)
def test_it_changes_the_picture_and_not_its_kind(effect: str) -> None:
    for image in (MARKED, FADED, pictures.deep(MARKED), DEEP_FADED):
        found = made(pictures.png(image), f"{effect}/ph:1/f:png")
        assert (found.width, found.height, found.bands) == (image.width, image.height, image.bands)
        assert (found.format, found.interpretation) == (image.format, image.interpretation)
        assert not same(found, image)


@pytest.mark.parametrize("effect", EFFECTS)
def test_sixteen_bits_look_as_eight_do(effect: str) -> None:
    for deep, plain in ((pictures.deep(MARKED), MARKED), (DEEP_FADED, FADED)):
        found = array(made(pictures.png(deep), f"{effect}/ph:1/f:png")) / 257
        expected = array(made(pictures.png(plain), f"{effect}/f:png"))
        # Eight bits that are premultiplied by little alpha hold few shades, and libvips cuts what lies between them.
        seen = array(plain)[..., 3] > 128 if plain.bands == 4 else np.full(expected.shape[:2], True)
        assert np.abs(found - expected)[..., :3][seen].mean() < (2 if plain.bands == 4 else 1)


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_cmyk_original_looks_as_the_picture_it_stands_for(effect: str) -> None:
    data = pictures.tiff(pictures.cmyk(MARKED))
    seen = made(data, "f:png")
    assert distance(made(data, f"{effect}/f:png"), made(pictures.png(seen), f"{effect}/f:png"))[0] < 0.5


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("image", [MARKED, FADED, DEEP_FADED], ids=["8", "alpha", "16 alpha"])
def test_a_wide_gamut_looks_the_same_and_keeps_its_profile_where_it_is_kept(effect: str, image) -> None:
    depth = 16 if image.format == "ushort" else 8
    wide = image.icc_transform("p3", input_profile="srgb", depth=depth)
    plain = made(pictures.png(image), f"{effect}/ph:1/f:png")
    stripped, kept = (made(pictures.png(wide), f"{effect}/{scp}ph:1/f:png") for scp in ("", "scp:0/"))
    assert not stripped.get_typeof("icc-profile-data")
    assert pictures.profile_of(kept) == pictures.profile_of(wide)
    for found in (stripped, kept.icc_transform("srgb", embedded=True, depth=depth)):
        # Blurs and the mask are computed in the profile that is there, the others in sRGB.
        assert distance(found, plain)[0] < 1.5


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("options", ["w:30", "rs:fill:20:20", "rot:90", "c:30:20:soea"])
def test_geometry_comes_first(effect: str, options: str) -> None:
    if effect.startswith("ba"):  # whose boxes are the original's
        return
    plain = made(pictures.png(MARKED), f"{options}/f:png")
    assert same(made(pictures.png(MARKED), f"{effect}/{options}/f:png"), made(pictures.png(plain), f"{effect}/f:png"))


@pytest.mark.parametrize("effect", EFFECTS)
def test_every_output_takes_it(effect: str) -> None:
    for output in (Format.JPEG, Format.WEBP, Format.AVIF, Format.TIFF, Format.GIF):
        assert opened(transformed(pictures.png(FADED), f"{effect}/f:{output}").data).width == 60


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_animation_takes_it_frame_by_frame(effect: str) -> None:
    data = pictures.webp(pictures.animation(3, 40, 30), lossless=True)
    found = opened(transformed(data, f"{effect}/f:webp/webpo:lossless", max_animation_frames=5).data)
    whole = pictures.pyvips.Image.webpload_buffer(
        transformed(data, f"{effect}/f:webp/webpo:lossless", max_animation_frames=5).data, n=-1
    )
    assert (found.width, whole.height) == (40, 90)
    for frame in range(3):
        still = made(pictures.png(pictures.animation(3, 40, 30).crop(0, 30 * frame, 40, 30)), f"{effect}/f:png")
        assert distance(whole.crop(0, 30 * frame, 40, 30), still)[0] < 1


def test_all_of_them_run_in_their_order() -> None:
    colored = made(pictures.png(MARKED), "br:30/f:png")
    tinted = made(pictures.png(colored), "dt:0.5:102040:f0e0a0/f:png")
    blurred = made(pictures.png(tinted), "bl:2/f:png")
    covered = made(pictures.png(made(pictures.png(blurred), "col:0.3:f00/f:png")), "gr:0.5:00f/f:png")
    together = made(pictures.png(MARKED), "gr:0.5:00f/col:0.3:f00/bl:2/dt:0.5:102040:f0e0a0/br:30/f:png")
    assert same(together, covered)


@pytest.mark.parametrize("options", [
    "contrast:1e308", "sa:1e300", "contrast:1e30/br:255", "bl:1e-300", "sh:1e-300", "sh:1e300", "pbl:1e-300", "pbl:1e300",
    "ba:1e-300:0:0:1:1", "ba:1e300:0:0:1:1", "ba:5:0:0:1e-300:1e-300", "ush:always:1e300:1e-300", "ush:always:1e-300:1e300",
    "gr:1:f00:1e300", "gr:1:f00:0:0.5:0.5000000001", "gr:1:f00:0:0:1e-300", "col:1e-300", "mc:1e-300:f00",
    "bg:f00/bga:1e-300", "dpi:1e300", "dpi:1e-300",
])  # fmt: skip
def test_numbers_beyond_all_sense_do_no_harm(options: str, capfd: pytest.CaptureFixture[str]) -> None:
    for image in (MARKED, FADED, pictures.deep(pictures.grey(MARKED))):
        for output in ("png", "jpeg", "tiff"):
            assert made(pictures.png(image), f"{options}/ph:1/f:{output}").width == 60
    assert "CRITICAL" not in capfd.readouterr().err
