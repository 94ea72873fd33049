"""The watermark over the finished picture."""

from __future__ import annotations

import numpy as np
import pytest
import pyvips

from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import UnknownImage
from tests import pictures
from tests.unit.engine.making import array, opened, recipe_of

RED = pictures.solid(20, 10, (255, 0, 0))
PICTURE = pictures.solid(100, 60, (0, 0, 200))


def marked_with(mark: pyvips.Image | bytes, options: str, picture: pyvips.Image = PICTURE, **settings: object):
    data = mark if isinstance(mark, bytes) else pictures.png(mark)
    made = Transformer(EngineSettings(workers=1, **settings), watermark=data)
    return opened(made.transform(pictures.png(picture), recipe_of(f"{options}/f:png"), Interrupt()).data)


def box_of(image: pyvips.Image) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is no longer blue."""
    rows, columns = np.nonzero(array(image)[:, :, 2] != 200)
    left, top = int(columns.min()), int(rows.min())
    return left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top


@pytest.mark.parametrize(
    ("options", "box"),
    [
        ("wm:1:ce", (40, 26, 20, 10)),
        ("wm:1:nowe", (0, 0, 20, 10)),
        ("wm:1:soea", (80, 50, 20, 10)),
        ("wm:1:soea:5:5", (75, 45, 20, 10)),
        ("wm:1:nowe:-10:-4", (0, 0, 10, 6)),
        ("wm:1:nowe:0.5:0.5", (50, 30, 20, 10)),
        ("wm:1:nowe:0:0:0.5", (0, 0, 50, 25)),
        ("wm:1:nowe:5:5/dpr:2/z:2/el:1", (10, 10, 20, 10)),
    ],
)
def test_it_lies_where_it_is_wanted(options: str, box: tuple[int, int, int, int]) -> None:
    assert box_of(marked_with(RED, options)) == box


def test_it_lies_over_padding_and_is_not_blurred() -> None:
    image = marked_with(RED, "wm:1:nowe/pd:20/bg:0000c8/bl:10")
    assert box_of(image) == (0, 0, 20, 10)


def test_opacities_are_multiplied() -> None:
    assert marked_with(RED, "wm:0.5:ce")(50, 30) == pytest.approx([127, 0, 100], abs=1)
    assert marked_with(RED, "wm:0.5:ce", watermark_opacity=0.5)(50, 30) == pytest.approx([63, 0, 150], abs=1)


def test_its_own_transparency_counts() -> None:
    mark = RED.bandjoin(pyvips.Image.black(20, 10).cast("uchar") + 128).cast("uchar")
    assert marked_with(mark.copy(interpretation="srgb"), "wm:1:ce")(50, 30) == pytest.approx([128, 0, 100], abs=2)


def test_nothing_happens_without_opacity_or_wish() -> None:
    assert (array(marked_with(RED, "wm:0")) == array(PICTURE)).all()
    assert (array(marked_with(RED, "q:80")) == array(PICTURE)).all()


def test_tiles_cover_the_picture() -> None:
    assert (array(marked_with(RED, "wm:1:re")) == [255, 0, 0]).all()
    spaced = array(marked_with(RED, "wm:1:re:20:10"))
    assert (spaced[:, :, 0] == 255).mean() == pytest.approx(0.3)  # three tiles of 20 in 100 across, of 10 in 60 down


def test_an_opaque_picture_stays_opaque_and_a_transparent_one_transparent() -> None:
    assert marked_with(RED, "wm:1:ce").bands == 3
    image = marked_with(RED, "wm:1:nowe", pictures.with_alpha(PICTURE))
    assert image.bands == 4
    assert image(5, 5)[3] == 255
    assert image(5, 40)[3] < 255


def test_a_grey_picture_becomes_colour_under_a_coloured_mark_only() -> None:
    grey = pictures.grey(PICTURE)
    assert marked_with(RED, "wm:1:ce", grey)(50, 30) == [255, 0, 0]
    assert marked_with(pictures.grey(RED), "wm:1:ce", grey).bands == 1


@pytest.mark.parametrize("opacity", ["1", "0.5"])
def test_sixteen_bits_stay_sixteen_bits(opacity: str) -> None:
    picture = pictures.deep(PICTURE)
    image = marked_with(RED, f"wm:{opacity}:ce/ph:1", picture)
    assert image.format == "ushort"
    assert image(0, 0) == picture(0, 0)
    expected = [65535 * float(opacity), 77 * (1 - float(opacity)), (200 * 257 + 77) * (1 - float(opacity))]
    assert image(50, 30) == pytest.approx(expected, abs=300)


@pytest.mark.parametrize("kind", ["svg", "cmyk", "turned", "webp"])
def test_it_may_be_any_picture(kind: str) -> None:
    mark = {
        "svg": lambda: pictures.svg("20", "10", '<rect width="20" height="10" fill="#f00"/>'),
        "cmyk": lambda: pictures.jpeg(pictures.cmyk(RED)),
        "turned": lambda: pictures.jpeg(pictures.with_orientation(pictures.solid(10, 20, (255, 0, 0)), 6)),
        "webp": lambda: pictures.webp(RED),
    }[kind]()
    image = marked_with(mark, "wm:1:nowe")
    assert box_of(image) == (0, 0, 20, 10)
    assert image(10, 5)[0] > 200


def test_what_is_no_picture_is_refused_at_the_start() -> None:
    with pytest.raises(UnknownImage):
        Transformer(EngineSettings(workers=1), watermark=b"nothing")


def test_it_changes_the_epoch() -> None:
    plain = Transformer(EngineSettings(workers=1))
    assert Transformer(EngineSettings(workers=1), watermark=pictures.png(RED)).epoch != plain.epoch
