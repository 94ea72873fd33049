"""Every number of a picture, before any of its pixels (dialect §8, §9).

Two roundings are used. `round_half_up` rounds halves away from zero and is what sizes use; `round` is Python's own, halves
to even, and is what offsets and paddings use. All else is IEEE double arithmetic in the order given by the dialect: the
order matters in rare half-way cases.

Sizes and scales in a `Plan` are *logical*: seen after EXIF orientation and the stage's rotation. Where pixels are still
as stored, `Plan.stored` turns them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Box, Crop, Gravity, GravityType, Padding, Resize, ResizingType, Stage


class Size(NamedTuple):
    """Width and height in pixels; in a request 0 means "follows from the other"."""

    width: int
    height: int

    def turned(self, odd: bool) -> Size:
        """Give the size with its sides exchanged, if `odd`."""
        return Size(self.height, self.width) if odd else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The numbers that the steps read.

    `source` is the logical size. `angle` (0, 90, 180, 270, clockwise) and `mirrored` undo the EXIF orientation. `crop` is
    the first cut, 0 for a whole side. `scale_x` and `scale_y` multiply the cropped picture. `target` is the requested
    size after dpr and zoom, `result_crop` the second cut, `aspect` the canvas of `extend_aspect_ratio` (zeros for none).
    `dpr` is the effective one, by which offsets and `padding` (already multiplied) count. `reduces` says that the picture
    is made smaller, whether by its decoder or by the resize.
    """

    source: Size
    angle: int
    mirrored: bool
    rotate: int
    crop: Size
    crop_gravity: Gravity
    scale_x: float
    scale_y: float
    dpr: float
    target: Size
    scaled: Size
    result_crop: Size
    aspect: Size
    padding: Padding
    reduces: bool = False

    @property
    def sideways(self) -> bool:
        """Whether stored and logical sides are exchanged."""
        return (self.angle + self.rotate) % 180 != 0

    @property
    def stored_scale(self) -> tuple[float, float]:
        """The scales as they apply to pixels that are still as stored."""
        return (self.scale_y, self.scale_x) if self.sideways else (self.scale_x, self.scale_y)


def plan(
    stage: Stage, stored: Size, *, orientation: int = 1, vector: bool = False, max_result_dimension: int = 0
) -> Plan:
    """Compute all sizes of one stage for an image of the stored size.

    `orientation` is EXIF's 1–8, `vector` says that the image can be rendered at any size (dialect §8.2.5),
    `max_result_dimension` is in pixels, 0 for none.
    """
    angle = _exif_angle(orientation) if stage.auto_rotate else 0
    source = stored.turned((angle + stage.rotate) % 180 != 0)
    crop = _crop_size(stage.crop, source)
    base = Size(min_nonzero(crop.width, source.width), min_nonzero(crop.height, source.height))
    scale_x, scale_y, dpr = _scales(stage, base, vector)
    first = _sizes(stage, base, scale_x, scale_y, dpr)
    factor = _dimension_factor(stage, first, max_result_dimension)
    if factor < 1:
        scale_x, scale_y, dpr = (
            max(scale_x * factor, 1 / base.width),
            max(scale_y * factor, 1 / base.height),
            dpr * factor,
        )
        first = _sizes(stage, base, scale_x, scale_y, dpr)
    return Plan(
        source=source,
        angle=angle,
        mirrored=stage.auto_rotate and orientation in MIRRORED,
        rotate=stage.rotate,
        crop=crop,
        crop_gravity=(stage.crop.gravity if stage.crop and stage.crop.gravity else stage.gravity),
        scale_x=scale_x,
        scale_y=scale_y,
        dpr=dpr,
        target=first.target,
        scaled=first.scaled,
        result_crop=first.result_crop,
        aspect=first.aspect,
        padding=first.padding,
        reduces=scale_x < 1 or scale_y < 1,
    )


# Roundings


def round_half_up(value: float) -> int:
    """Round to the nearest integer, halves away from zero."""
    whole = math.floor(abs(value))
    rounded = whole + (abs(value) - whole >= 0.5)
    return rounded if value >= 0 else -rounded


def min_nonzero(a: int, b: int) -> int:
    """Give the smaller of two sides where 0 means "absent"."""
    return min(a, b) if a and b else a or b


# 8.1 Logical source

MIRRORED = frozenset({2, 4, 5, 7})
EXIF_ANGLES = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}
"""By how much to turn clockwise what has these orientations, and which are to be flipped horizontally after that."""


def _exif_angle(orientation: int) -> int:
    return EXIF_ANGLES.get(orientation, 0)


def _crop_size(crop: Crop | None, source: Size) -> Size:
    if crop is None:
        return Size(0, 0)
    size = Size(_crop_side(crop.width, source.width), _crop_side(crop.height, source.height))
    return _with_ratio(size, source, crop.aspect_ratio, enlarge=crop.aspect_enlarge) if crop.aspect_ratio else size


def _with_ratio(crop: Size, source: Size, ratio: float, *, enlarge: bool) -> Size:
    """Correct an area to width by height = ratio (dialect §5.1): both sides are rounded once, at the end."""
    width: float = min_nonzero(crop.width, source.width)
    height: float = min_nonzero(crop.height, source.height)
    if (width > height * ratio) is not enlarge:
        width = height * ratio
    else:
        height = width / ratio
    fit = min(1.0, source.width / width, source.height / height)
    return Size(_ratio_side(width * fit, source.width), _ratio_side(height * fit, source.height))


def _ratio_side(value: float, side: int) -> int:
    return max(1, min(side, round_half_up(value)))


def _crop_side(value: float, side: int) -> int:
    if value == 0:
        return 0
    return int(value) if value >= 1 else max(1, round_half_up(side * value))


# 8.2 Scale factors. A shrink is how many source pixels make one.


def _scales(stage: Stage, base: Size, vector: bool) -> tuple[float, float, float]:
    resize = stage.resize
    shrink_x, shrink_y = _shrinks(resize, base)
    shrink_x, shrink_y, dpr = shrink_x / resize.zoom_x, shrink_y / resize.zoom_y, resize.dpr
    if not (resize.enlarge or vector):
        shrink_x, shrink_y, dpr = _without_enlarging(shrink_x, shrink_y, dpr, extends=stage.extend is not None)
    shrink_x, shrink_y = _with_minimum(resize, base, shrink_x, shrink_y)
    return 1 / min(shrink_x / dpr, base.width), 1 / min(shrink_y / dpr, base.height), dpr


def _shrinks(resize: Resize, base: Size) -> tuple[float, float]:
    width, height = resize.width, resize.height
    shrink_x = base.width / width if width and width != base.width else 1.0
    shrink_y = base.height / height if height and height != base.height else 1.0
    if shrink_x == 1 and shrink_y == 1:
        return shrink_x, shrink_y
    return _typed_shrinks(_resolved_type(resize, base), resize, shrink_x, shrink_y)


def _resolved_type(resize: Resize, base: Size) -> ResizingType:
    if resize.type is not ResizingType.AUTO:
        return resize.type
    source_landscape = base.width >= base.height
    target_landscape = (resize.width or base.width) >= (resize.height or base.height)
    return ResizingType.FILL if source_landscape == target_landscape else ResizingType.FIT


def _typed_shrinks(kind: ResizingType, resize: Resize, shrink_x: float, shrink_y: float) -> tuple[float, float]:
    if kind is ResizingType.FORCE:
        return shrink_x, shrink_y
    if not resize.width:
        return shrink_y, shrink_y
    if not resize.height:
        return shrink_x, shrink_x
    both = max(shrink_x, shrink_y) if kind is ResizingType.FIT else min(shrink_x, shrink_y)
    return both, both


def _without_enlarging(shrink_x: float, shrink_y: float, dpr: float, *, extends: bool) -> tuple[float, float, float]:
    smallest = min(shrink_x, shrink_y)
    if smallest < 1:
        shrink_x, shrink_y = shrink_x / smallest, shrink_y / smallest
        if not extends:
            dpr /= smallest
    return shrink_x, shrink_y, min(dpr, shrink_x, shrink_y)


def _with_minimum(resize: Resize, base: Size, shrink_x: float, shrink_y: float) -> tuple[float, float]:
    if resize.min_width and (least := base.width / resize.min_width) < shrink_x:
        shrink_x, shrink_y = least, shrink_y / (shrink_x / least)
    if resize.min_height and (least := base.height / resize.min_height) < shrink_y:
        shrink_x, shrink_y = shrink_x / (shrink_y / least), least
    return shrink_x, shrink_y


# 8.3 Sizes


class _Sizes(NamedTuple):
    target: Size
    scaled: Size
    result_crop: Size
    aspect: Size
    padding: Padding


def _sizes(stage: Stage, base: Size, scale_x: float, scale_y: float, dpr: float) -> _Sizes:
    resize = stage.resize
    target = Size(
        round_half_up(resize.width * (dpr * resize.zoom_x)), round_half_up(resize.height * (dpr * resize.zoom_y))
    )
    scaled = Size(round_half_up(base.width * scale_x), round_half_up(base.height * scale_y))
    result_crop = _result_crop(resize, target, scaled)
    aspect = _aspect_canvas(target, scaled, result_crop) if stage.extend_aspect_ratio else Size(0, 0)
    return _Sizes(target, scaled, result_crop, aspect, _scaled_padding(stage.padding, dpr))


def _result_crop(resize: Resize, target: Size, scaled: Size) -> Size:
    if resize.type is not ResizingType.FILL_DOWN or resize.enlarge:
        return target
    lack_x, lack_y = target.width / scaled.width, target.height / scaled.height
    if lack_x > lack_y and lack_x > 1:
        return Size(scaled.width, round_half_up(scaled.width * (target.height / target.width)))
    if lack_y > lack_x and lack_y > 1:
        return Size(round_half_up(scaled.height * (target.width / target.height)), scaled.height)
    return target


def _aspect_canvas(target: Size, scaled: Size, result_crop: Size) -> Size:
    if not (target.width and target.height):
        return Size(0, 0)
    width, height = min_nonzero(scaled.width, result_crop.width), min_nonzero(scaled.height, result_crop.height)
    lack_x, lack_y = target.width / width, target.height / height
    if lack_y > lack_x:
        return Size(width, round_half_up(width * (target.height / target.width)))
    if lack_x > lack_y:
        return Size(round_half_up(height * (target.width / target.height)), height)
    return Size(0, 0)


def _scaled_padding(padding: Padding, dpr: float) -> Padding:
    return Padding(
        top=round(padding.top * dpr),
        right=round(padding.right * dpr),
        bottom=round(padding.bottom * dpr),
        left=round(padding.left * dpr),
    )


def _dimension_factor(stage: Stage, sizes: _Sizes, limit: int) -> float:
    longest = max(_canvas(stage, sizes))
    return limit / longest if 0 < limit < longest else 1.0


def _canvas(stage: Stage, sizes: _Sizes | Plan) -> Size:
    width = min_nonzero(sizes.scaled.width, sizes.result_crop.width)
    height = min_nonzero(sizes.scaled.height, sizes.result_crop.height)
    if stage.extend is not None:
        width, height = max(width, sizes.target.width), max(height, sizes.target.height)
    elif stage.extend_aspect_ratio is not None:
        width, height = max(width, sizes.aspect.width), max(height, sizes.aspect.height)
    padding = sizes.padding
    return Size(width + padding.left + padding.right, height + padding.top + padding.bottom)


def result_size(stage: Stage, numbers: Plan) -> Size:
    """Give the size that the stage is planned to end in (before the output format's own limit)."""
    return _canvas(stage, numbers)


# 8.4 Scale on load

_SCALED_ON_LOAD = frozenset({Format.WEBP})
_RENDERED = frozenset({Format.SVG, Format.PDF})


def load_shrink(numbers: Plan, source_format: Format) -> float:
    """Tell by how much the decoder may shrink: 1 not at all, above 1 smaller, below 1 (SVG and PDF only) larger.

    A JPEG decoder takes 2, 4 or 8, that of camera raw 2; WebP, SVG and PDF any factor.
    """
    width, height = numbers.source
    possible = min(
        width / max(1, round_half_up(width * numbers.scale_x)), height / max(1, round_half_up(height * numbers.scale_y))
    )
    if source_format is Format.JPEG:
        return float(next((power for power in (8, 4, 2) if power <= possible), 1))
    if source_format is Format.RAW:
        return 2.0 if possible >= 2 else 1.0
    if source_format in _RENDERED or (source_format in _SCALED_ON_LOAD and possible > 1):
        return possible
    return 1.0


def after_load(numbers: Plan, loaded: Size) -> Plan:
    """Give the plan for an image that its decoder has already scaled to the stored size `loaded`."""
    width, height = loaded.turned(numbers.sideways)
    by_x, by_y = numbers.source.width / width, numbers.source.height / height
    return replace(
        numbers,
        source=Size(width, height),
        scale_x=_rest_scale(numbers.scale_x * by_x, width),
        scale_y=_rest_scale(numbers.scale_y * by_y, height),
        crop=Size(_shrunk_side(numbers.crop.width, by_x), _shrunk_side(numbers.crop.height, by_y)),
        crop_gravity=_shrunk_gravity(numbers.crop_gravity, by_x, by_y),
    )


def _rest_scale(scale: float, side: int) -> float:
    return 1.0 if round_half_up(side * scale) == side else scale


def _shrunk_side(side: int, by: float) -> int:
    return max(1, round_half_up(side / by)) if side else 0


def _shrunk_gravity(gravity: Gravity, by_x: float, by_y: float) -> Gravity:
    if gravity.type is GravityType.FOCUS_POINT:
        return gravity
    return replace(gravity, x=_shrunk_offset(gravity.x, by_x), y=_shrunk_offset(gravity.y, by_y))


def _shrunk_offset(offset: float, by: float) -> float:
    return float(round(offset / by)) if abs(offset) >= 1 else offset


# 8.5 What steps output


def cut_size(image: Size, wanted: Size) -> Size:
    """Give the size of a cut: never more than the image has, a wanted 0 leaves the side alone."""
    return Size(min_nonzero(wanted.width, image.width), min_nonzero(wanted.height, image.height))


def extended_size(image: Size, wanted: Size) -> Size:
    """Give the canvas of an extension, the image's own size when there is nothing to extend."""
    if wanted.width <= image.width and wanted.height <= image.height:
        return image
    return Size(wanted.width or image.width, wanted.height or image.height)


_GIF_PIXELS = (2**31 - 1) // 4


def format_scale(image: Size, output: Format, max_side: int) -> float:
    """Tell by how much a picture must shrink to be held by its output format, 1 for not at all."""
    longest = max(image)
    if output is Format.GIF:
        excess = max(image.width * image.height / _GIF_PIXELS, longest / max_side)
        return math.sqrt(1 / excess) if excess > 1 else 1.0
    return max_side / longest if max_side and longest > max_side else 1.0


# 9 Position

_WESTERN = frozenset({GravityType.WEST, GravityType.NORTH_WEST, GravityType.SOUTH_WEST})
_EASTERN = frozenset({GravityType.EAST, GravityType.NORTH_EAST, GravityType.SOUTH_EAST})
_NORTHERN = frozenset({GravityType.NORTH, GravityType.NORTH_WEST, GravityType.NORTH_EAST})
_SOUTHERN = frozenset({GravityType.SOUTH, GravityType.SOUTH_WEST, GravityType.SOUTH_EAST})


def position(
    outer: Size, inner: Size, gravity: Gravity, *, factor: float = 1.0, overflow: bool = False
) -> tuple[int, int]:
    """Give left and top of `inner` in `outer` by a gravity.

    `factor` multiplies offsets in pixels (the effective dpr). With `overflow` the inner rectangle may leave the outer one
    as long as a pixel stays inside (watermarks); without, it is kept inside.
    """
    if gravity.type is GravityType.FOCUS_POINT:
        left = round(outer.width * gravity.x) - inner.width // 2
        top = round(outer.height * gravity.y) - inner.height // 2
    else:
        left = _along(outer.width, inner.width, gravity.x, factor, gravity.type in _WESTERN, gravity.type in _EASTERN)
        top = _along(
            outer.height, inner.height, gravity.y, factor, gravity.type in _NORTHERN, gravity.type in _SOUTHERN
        )
    return (
        _clamped(left, outer.width, inner.width, overflow),
        _clamped(top, outer.height, inner.height, overflow),
    )


def offset_pixels(offset: float, side: int, factor: float) -> int:
    """Give an offset in pixels: 1 or more (in amount) counts in pixels times `factor`, less is a share of the side."""
    return round(offset * factor) if abs(offset) >= 1 else round(side * offset)


def _along(outer: int, inner: int, offset: float, factor: float, at_start: bool, at_end: bool) -> int:
    pixels = offset_pixels(offset, outer, factor)
    if at_start:
        return pixels
    if at_end:
        return outer - inner - pixels
    return round((outer - inner + 1) / 2) + pixels


def _clamped(value: int, outer: int, inner: int, overflow: bool) -> int:
    low, high = (1 - inner, outer - 1) if overflow else (0, outer - inner)
    return max(low, min(value, high))


# 5.2 Areas


def area_pixels(area: Box, image: Size) -> tuple[int, int, int, int] | None:
    """Give left, top, width and height of the pixels that an area (in shares) touches, `None` if it lies outside."""
    left, right = _span(area.left, area.width, image.width)
    top, bottom = _span(area.top, area.height, image.height)
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None


def _span(start: float, length: float, side: int) -> tuple[int, int]:
    # Shares come of divisions: a hair over the edge of a pixel does not touch the next one.
    low, high = start * side + _HAIR, (start + length) * side - _HAIR
    return max(0, math.floor(low)), min(side, math.ceil(high))


_HAIR = 1e-6


# 9 The crop gravity, carried from the final orientation back into the stored one


def stored_gravity(numbers: Plan, stage: Stage) -> Gravity:
    """Give the crop gravity as it counts before flip, rotation and EXIF orientation are applied."""
    gravity = numbers.crop_gravity
    if stage.flip_horizontal:
        gravity = _undo_horizontal_flip(gravity)
    if stage.flip_vertical:
        gravity = _undo_vertical_flip(gravity)
    gravity = _undo_turn(gravity, stage.rotate)
    if numbers.mirrored:
        gravity = _undo_horizontal_flip(gravity)
    return _undo_turn(gravity, numbers.angle)


_C, _N, _S, _E, _W = (
    GravityType.CENTER,
    GravityType.NORTH,
    GravityType.SOUTH,
    GravityType.EAST,
    GravityType.WEST,
)
_NE, _NW, _SE, _SW = (
    GravityType.NORTH_EAST,
    GravityType.NORTH_WEST,
    GravityType.SOUTH_EAST,
    GravityType.SOUTH_WEST,
)

_ACROSS = {_E: _W, _W: _E, _NE: _NW, _NW: _NE, _SE: _SW, _SW: _SE}
_UPSIDE_DOWN = {_N: _S, _S: _N, _NE: _SE, _SE: _NE, _NW: _SW, _SW: _NW}
_TURNS = {
    90: {_N: _W, _W: _S, _S: _E, _E: _N, _NW: _SW, _SW: _SE, _SE: _NE, _NE: _NW},
    180: {_N: _S, _S: _N, _E: _W, _W: _E, _NW: _SE, _SE: _NW, _NE: _SW, _SW: _NE},
    270: {_N: _E, _E: _S, _S: _W, _W: _N, _NW: _NE, _NE: _SE, _SE: _SW, _SW: _NW},
}


def _undo_horizontal_flip(gravity: Gravity) -> Gravity:
    point = _ACROSS.get(gravity.type, gravity.type)
    if point is GravityType.FOCUS_POINT:
        return replace(gravity, x=1 - gravity.x)
    x = -gravity.x if point in (_C, _N, _S) else gravity.x
    return replace(gravity, type=point, x=x)


def _undo_vertical_flip(gravity: Gravity) -> Gravity:
    point = _UPSIDE_DOWN.get(gravity.type, gravity.type)
    if point is GravityType.FOCUS_POINT:
        return replace(gravity, y=1 - gravity.y)
    y = -gravity.y if point in (_C, _E, _W) else gravity.y
    return replace(gravity, type=point, y=y)


def _undo_turn(gravity: Gravity, angle: int) -> Gravity:
    if angle not in _TURNS:
        return gravity
    point = _TURNS[angle].get(gravity.type, gravity.type)
    x, y = _turned_offsets(point, angle, gravity.x, gravity.y)
    return replace(gravity, type=point, x=x, y=y)


def _turned_offsets(point: GravityType, angle: int, x: float, y: float) -> tuple[float, float]:
    if point is GravityType.FOCUS_POINT:
        return {90: (y, 1 - x), 180: (1 - x, 1 - y), 270: (1 - y, x)}[angle]
    if angle == 180:
        return (-x if point in (_C, _N, _S) else x), (-y if point in (_C, _E, _W) else y)
    if angle == 90:
        return (y, -x) if point in (_C, _E, _W) else (y, x)
    return (-y, x) if point in (_C, _N, _S) else (y, x)
