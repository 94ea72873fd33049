"""The arithmetic of dialect §8 and §9, held against every published example."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.recipe.formats import ABILITIES, Format
from imgproxy_py.recipe.geometry import (
    Size,
    after_load,
    cut_size,
    extended_size,
    format_scale,
    load_shrink,
    plan,
    position,
    round_half_up,
    stored_gravity,
)
from imgproxy_py.recipe.model import Crop, Gravity, GravityType, Resize, ResizingType, Stage

DATA = Path(__file__).parents[2] / "data"
DIALECT = ImgproxyDialect(ImgproxyConfig(allow_security_options=True))


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(file))


def request_of(options: str):
    return DIALECT.parse(f"/unsafe/{options}/plain/local:///x", now=0)


SIZES = rows("size-examples.csv")


@pytest.mark.parametrize("row", SIZES, ids=[row["case"] for row in SIZES])
def test_planned_size_is_that_of_the_example(row: dict[str, str]) -> None:
    options = row["options"].partition(" ")[0]
    recipe = request_of(options if options != "(none)" else "q:80").recipe
    stage, kind = recipe.stages[0], Format(row["source_format"])
    stored = Size(int(row["source_width"]), int(row["source_height"]))
    if stage.trim:  # what trimming finds is for the test on pixels
        stored = Size(320, 220)
    numbers = plan(
        stage,
        stored,
        orientation=int(row["exif_orientation"]),
        vector=kind is Format.SVG,
        max_result_dimension=recipe.limits.max_result_dimension or 0,
    )
    assert numbers.dpr == pytest.approx(float(row["effective_dpr"]))
    output = recipe.output.format or kind
    assert walked(stage, numbers, stored, kind, output) == Size(int(row["result_width"]), int(row["result_height"]))


def walked(stage: Stage, numbers, stored: Size, kind: Format, output: Format) -> Size:
    """Do on sizes what the steps do on pixels."""
    shrink = load_shrink(numbers, kind)
    if shrink != 1:
        loaded = (
            Size(int(stored.width // shrink), int(stored.height // shrink))
            if kind is Format.JPEG
            else Size(round_half_up(stored.width / shrink), round_half_up(stored.height / shrink))
        )
        numbers = after_load(numbers, loaded)
        stored = loaded
    size = stored.turned(numbers.sideways)
    size = cut_size(size, numbers.crop)
    size = Size(scaled(size.width, numbers.scale_x), scaled(size.height, numbers.scale_y))
    size = cut_size(size, numbers.result_crop)
    if stage.extend is not None:
        size = extended_size(size, numbers.target)
    if stage.extend_aspect_ratio is not None:
        size = extended_size(size, numbers.aspect)
    padding = numbers.padding
    size = Size(size.width + padding.left + padding.right, size.height + padding.top + padding.bottom)
    factor = format_scale(size, output, ABILITIES[output].max_side)
    return Size(scaled(size.width, factor), scaled(size.height, factor))


def scaled(side: int, factor: float) -> int:
    return max(1, int(side * factor + 0.5) if factor > 1 else int(side / (1 / factor) + 0.5))


POSITIONS = rows("position-examples.csv")


@pytest.mark.parametrize("row", POSITIONS, ids=[f"{row['gravity']}@{row['factor']}" for row in POSITIONS])
def test_position_is_that_of_the_example(row: dict[str, str]) -> None:
    gravity = request_of(
        f"wm:1:{row['gravity']}" if row["may_overflow"] == "1" else f"g:{row['gravity']}"
    ).recipe.stages[0]
    found = position(
        Size(int(row["outer_width"]), int(row["outer_height"])),
        Size(int(row["inner_width"]), int(row["inner_height"])),
        gravity.watermark.position if gravity.watermark else gravity.gravity,
        factor=float(row["factor"]),
        overflow=row["may_overflow"] == "1",
    )
    assert found == (int(row["left"]), int(row["top"]))


@pytest.mark.parametrize(("outer", "left"), [(102, 2), (104, 2), (101, 1), (106, 4)], ids=["102", "104", "101", "106"])
def test_centre_is_off_by_a_pixel_in_one_case_of_four(outer: int, left: int) -> None:
    assert position(Size(outer, 100), Size(100, 100), Gravity())[0] == left


@pytest.mark.parametrize(
    ("value", "rounded"), [(0.5, 1), (1.5, 2), (2.5, 3), (-0.5, -1), (0.49999999999999994, 0), (3.0, 3)]
)
def test_sizes_round_halves_away_from_zero(value: float, rounded: int) -> None:
    assert round_half_up(value) == rounded


# Undoing an orientation, by doing it: a marked rectangle is turned as pixels would be, and found again.

WITHOUT_POINT = ("sm", "re", "ch", "obj", "prop")
POINTS = [one for one in GravityType if one not in WITHOUT_POINT]
OUTER, INNER = Size(400, 300), Size(60, 40)


def turned_rectangle(box: tuple[int, int, int, int], outer: Size, angle: int) -> tuple[tuple[int, int, int, int], Size]:
    left, top, width, height = box
    for _ in range(angle // 90):
        left, top, width, height = outer.height - top - height, left, height, width
        outer = Size(outer.height, outer.width)
    return (left, top, width, height), outer


@pytest.mark.parametrize("point", POINTS, ids=str)
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("flips", [(False, False), (True, False), (False, True)], ids=["", "h", "v"])
def test_a_crop_lies_where_it_would_lie_after_orientation(
    point: GravityType, rotate: int, orientation: int, flips: tuple[bool, bool]
) -> None:
    x, y = (0.3, 0.4) if point is GravityType.FOCUS_POINT else (20.0, 10.0)
    stage = Stage(
        crop=Crop(width=60, height=40),
        gravity=Gravity(type=point, x=x, y=y),
        rotate=rotate,
        flip_horizontal=flips[0],
        flip_vertical=flips[1],
    )
    numbers = plan(stage, OUTER, orientation=orientation)
    inner = INNER.turned(numbers.sideways)
    left, top = position(OUTER, inner, stored_gravity(numbers, stage))
    box, outer = turned_rectangle((left, top, *inner), OUTER, numbers.angle)
    if numbers.mirrored:
        box = (outer.width - box[0] - box[2], *box[1:])
    box, outer = turned_rectangle(box, outer, rotate)
    if stage.flip_horizontal:
        box = (outer.width - box[0] - box[2], *box[1:])
    if stage.flip_vertical:
        box = (box[0], outer.height - box[1] - box[3], *box[2:])
    wanted = position(outer, INNER, stage.gravity)
    # The centre formula is not symmetric, so a turned centre may be a pixel or two off.
    assert abs(box[0] - wanted[0]) <= 2
    assert abs(box[1] - wanted[1]) <= 2


sides = st.integers(1, 5000)
stages = st.builds(
    Stage,
    resize=st.builds(
        Resize,
        type=st.sampled_from(ResizingType),
        width=st.integers(0, 4000),
        height=st.integers(0, 4000),
        min_width=st.sampled_from([0, 0, 100]),
        min_height=st.sampled_from([0, 0, 100]),
        zoom_x=st.sampled_from([1.0, 0.5, 2.0]),
        dpr=st.sampled_from([1.0, 2.0, 0.5]),
        enlarge=st.booleans(),
    ),
    crop=st.none() | st.builds(Crop, width=st.floats(0, 6000), height=st.floats(0, 6000)),
    rotate=st.sampled_from([0, 90, 180, 270]),
)


@given(stages, sides, sides, st.integers(1, 8))
def test_no_plan_loses_a_side(stage: Stage, width: int, height: int, orientation: int) -> None:
    numbers = plan(stage, Size(width, height), orientation=orientation)
    assert min(numbers.scaled) >= 1
    assert min(numbers.scale_x, numbers.scale_y) > 0


@given(
    stages.filter(lambda one: not (one.resize.enlarge or one.resize.min_width or one.resize.min_height)), sides, sides
)
def test_without_enlarge_nothing_grows(stage: Stage, width: int, height: int) -> None:
    numbers = plan(stage, Size(width, height))
    assert numbers.scale_x <= 1 + 1e-9
    assert numbers.scale_y <= 1 + 1e-9


@given(
    st.builds(Size, sides, sides),
    st.builds(Size, sides, sides),
    st.builds(
        Gravity,
        type=st.sampled_from([one for one in POINTS if one is not GravityType.FOCUS_POINT]),
        x=st.floats(-6000, 6000),
        y=st.floats(-6000, 6000),
    ),
)
def test_a_cut_lies_inside(outer: Size, wanted: Size, gravity: Gravity) -> None:
    inner = cut_size(outer, wanted)
    left, top = position(outer, inner, gravity)
    assert 0 <= left <= outer.width - inner.width
    assert 0 <= top <= outer.height - inner.height
