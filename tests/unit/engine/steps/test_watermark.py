"""The watermark over the finished picture."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import pyvips

from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import BadRequest, UnknownImage
from imgproxy_py.recipe.source import SourceRef
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


def with_text(options: str, markup: str, picture: pyvips.Image = PICTURE) -> pyvips.Image:
    return marked_with(RED, f"wm:1:nowe/wmt:{encoded(markup)}/{options}", picture)


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("options", "box"),
    [
        ("wms:40:40", (0, 0, 40, 20)),
        ("wms:40", (0, 0, 40, 20)),
        ("wms::30", (0, 0, 60, 30)),
        ("wms:40:5", (0, 0, 10, 5)),
        ("wmr:90", (0, 0, 10, 20)),
        ("wmr:180", (0, 0, 20, 10)),
        ("wms:40/wmr:270", (0, 0, 20, 40)),
    ],
)
def test_it_has_the_size_and_turn_that_are_wanted(options: str, box: tuple[int, int, int, int]) -> None:
    assert box_of(marked_with(RED, f"wm:1:nowe/{options}")) == box


def test_a_scale_goes_before_a_size() -> None:
    assert box_of(marked_with(RED, "wm:1:nowe:0:0:0.5/wms:10:10")) == (0, 0, 50, 25)


def test_it_turns_clockwise() -> None:
    mark = RED.insert(pictures.solid(10, 10, (0, 255, 0)), 0, 0)  # green is left, red right
    image = marked_with(mark, "wm:1:nowe/wmr:90")
    assert image(5, 5) == [0, 255, 0]
    assert image(5, 15) == [255, 0, 0]


def test_any_angle_leaves_its_corners_clear() -> None:
    image = marked_with(RED, "wm:1:nowe/wms:40/wmr:45")
    left, top, width, height = box_of(image)
    assert (left, top) == (0, 0)
    assert (width, height) == pytest.approx((43, 43), abs=2)
    assert image(1, 1) == [0, 0, 200]
    assert image(21, 21) == [255, 0, 0]


def test_a_shadow_darkens_around_it_and_moves_nothing() -> None:
    image = marked_with(RED, "wm:1:ce/wmsh:3")
    assert image(50, 30) == [255, 0, 0]
    assert image(39, 30)[0] == 0
    assert 20 < image(39, 30)[2] < 180
    assert image(50, 37)[2] < 200
    assert image(10, 10) == [0, 0, 200]
    assert (array(image)[26:36, 40:60] == [255, 0, 0]).all()


def test_a_chessboard_leaves_every_other_field() -> None:
    reds = array(marked_with(RED, "wm:1:ch"))[:, :, 0] == 255
    assert reds.mean() == pytest.approx(0.5, abs=0.1)
    assert reds[30, 50]  # one lies in the middle
    assert not reds[30, 50 - 20]
    assert not reds[30 - 10, 50]
    assert reds[30 - 10, 50 - 20]


def test_text_takes_the_place_of_the_image() -> None:
    image = array(with_text("q:80", "IIII"))
    assert (image[:, :, 2] < 60).any()
    assert (image[:, :, 0] < 60).all()  # black on blue, nothing of the red image
    assert (array(with_text("q:80", '<span foreground="#ff0000">IIII</span>'))[:, :, 0] > 200).any()


def test_text_is_drawn_as_large_as_it_is_wanted() -> None:
    small, large = box_of(with_text("q:80", "Hm")), box_of(with_text("wms:80", "Hm"))
    assert large[2] == pytest.approx(80, abs=2)
    assert small[2] < 40
    blue = array(with_text("wms:90", "II"))[:, :, 2].astype(int)
    within_two_pixels = np.abs(blue[:, 2:] - blue[:, :-2])
    assert within_two_pixels.max() > 180  # an edge, not a ramp of an enlarged picture


@pytest.mark.parametrize(
    ("markup", "told"),
    [
        ("a & b", "&amp;"),
        ("<b>", "Pango markup"),
        ("<script>x</script>", "one of the elements"),
        ("x" * 501, "at most 500"),
        ("\n" * 20, "20 lines"),
        ('<span size="9999999">x</span>', "256 points"),
        ('<span font="sans 3000">x</span>', "256 points"),
        ('<span font="sans 30px">x</span>', "256 points"),
        ('<span letter_spacing="99999999">x</span>', "20480"),
        ('<span rise="99999999">x</span>', "20480"),
        ('<span line_height="9">x</span>', "fonts, colours or lines"),
        ("<big>" * 7 + "x" + "</big>" * 7, "within each other"),
        ('<!DOCTYPE a [<!ENTITY x "y">]>&x;', "Pango markup"),
        ('<span foreground="no colour">x</span>', "drawn"),
    ],
)
def test_markup_beyond_a_caption_is_refused(markup: str, told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        with_text("q:80", markup)


def test_the_recipe_may_name_another_image() -> None:
    source = SourceRef(scheme="http", location="h/logo.png")
    recipe = recipe_of(f"wm:1:nowe/wmu:{encoded(source.url)}/f:png")
    green = pictures.png(pictures.solid(20, 10, (0, 255, 0)))
    for configured in (b"", pictures.png(RED)):
        made = Transformer(EngineSettings(workers=1), watermark=configured)
        picture = made.transform(pictures.png(PICTURE), recipe, Interrupt(), {source: green})
        assert opened(picture.data)(5, 5) == [0, 255, 0]


def test_a_mark_is_made_ready_once_for_each_size() -> None:
    made = Transformer(EngineSettings(workers=1), watermark=pictures.png(RED))
    data = pictures.png(PICTURE)
    answers = {made.transform(data, recipe_of("wm:1:ce:0:0:0.5/f:png"), Interrupt()).data for _ in range(3)}
    assert len(answers) == 1
    marks = made._marks.kept  # what is kept is seen nowhere else
    assert len(marks) == 1
    made.transform(data, recipe_of("wm:0.3:nowe:0:0:0.5/f:png"), Interrupt())
    assert len(marks) == 1  # opacity and place are not part of it
    made.transform(data, recipe_of("wm:1:ce:0:0:0.25/f:png"), Interrupt())
    assert len(marks) == 2


def test_marks_are_kept_within_their_bytes() -> None:
    made = Transformer(EngineSettings(workers=1, watermarks_cache_bytes=50 * 25 * 3), watermark=pictures.png(RED))
    for scale in ("0.5", "0.25", "1", "0.5"):
        made.transform(pictures.png(PICTURE), recipe_of(f"wm:1:ce:0:0:{scale}/f:png"), Interrupt())
    marks = made._marks.kept  # what is kept is seen nowhere else
    assert (len(marks), marks.bytes) == (1, 50 * 25 * 3)


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
