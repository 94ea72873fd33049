"""How far pictures are from each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import pyvips

from imgproxy_py.engine.perception import Measure, perception, structure
from tests import pictures
from tests.unit.engine.making import array, opened

MEASURES = [structure, perception]
by_name = pytest.mark.parametrize("measure", MEASURES, ids=["structure", "perception"])

Making = Callable[[pyvips.Image], Measure]


def scene(width: int = 160, height: int = 120) -> pyvips.Image:
    """Something with areas, edges and texture."""
    texture = (pictures.noise(width, height).cast("float") - 128) * 0.15
    return pictures.rgb(pictures.marked(width, height) + texture.gaussblur(0.8))


@by_name
def test_a_picture_is_nothing_away_from_itself(measure: Making) -> None:
    assert measure(scene())(scene()) == pytest.approx(0, abs=1e-5)


def ssim_by_the_paper(one: pyvips.Image, other: pyvips.Image) -> float:
    """Mean SSIM of luma, with the Gaussian window of 11 × 11 pixels and sigma 1.5 at every place."""
    x, y = (array(image).astype(float) @ [0.299, 0.587, 0.114] for image in (one, other))
    kernel = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    kernel /= kernel.sum()

    def windowed(plane: np.ndarray) -> np.ndarray:
        rows = np.apply_along_axis(np.convolve, 1, plane, kernel, "valid")
        return np.apply_along_axis(np.convolve, 0, rows, kernel, "valid")

    mx, my = windowed(x), windowed(y)
    vx, vy, cov = windowed(x * x) - mx * mx, windowed(y * y) - my * my, windowed(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean())


@pytest.mark.parametrize("quality", [20, 50, 75, 90])
def test_structure_is_nearly_dssim_with_the_papers_window(quality: int) -> None:
    found = opened(pictures.jpeg(scene(), Q=quality))
    expected = (1 - ssim_by_the_paper(scene(), found)) / 2
    assert structure(scene())(found) == pytest.approx(expected, rel=0.15, abs=0.0005)


@by_name
@pytest.mark.parametrize("encode", [pictures.jpeg, pictures.webp, pictures.avif], ids=["jpeg", "webp", "avif"])
def test_more_quality_is_nearer(measure: Making, encode: Callable[..., bytes]) -> None:
    near = measure(scene())
    found = [near(opened(encode(scene(), Q=quality))) for quality in (10, 30, 50, 70, 90)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 1.5 * found[-1]


@by_name
@pytest.mark.parametrize(
    "change",
    [pictures.grey, pictures.deep, lambda image: image.bandjoin(255), lambda image: image.crop(0, 0, 3, 2)],
    ids=["grey", "16 bits", "alpha", "tiny"],
)
def test_any_image_can_be_measured(measure: Making, change: Callable[[pyvips.Image], pyvips.Image]) -> None:
    image = change(scene())
    assert measure(image)(image) == pytest.approx(0, abs=1e-5)
    assert measure(image)(image.linear(0.5, 0).cast(image.format)) > 0


def test_only_perception_sees_that_colours_alone_are_lost() -> None:
    image = scene()
    grey = image.colourspace("lab") * [1, 0, 0]
    grey = grey.copy(interpretation="lab").colourspace("srgb")
    assert perception(image)(grey) > 3 * structure(image)(grey)


def test_what_is_transparent_does_not_count() -> None:
    image = scene().bandjoin(0)
    assert structure(image)(pictures.noise(160, 120).bandjoin(0)) == pytest.approx(0, abs=1e-6)
