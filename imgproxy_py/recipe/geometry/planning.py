"""All numbers of a stage (dialect §8.1–§8.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from imgproxy_py.recipe.geometry.cropping import crop_size
from imgproxy_py.recipe.geometry.orientation import EXIF_ANGLES, MIRRORED
from imgproxy_py.recipe.geometry.scales import Scales, scales_of
from imgproxy_py.recipe.geometry.sizes import Size, cut_size, min_nonzero, round_half_up
from imgproxy_py.recipe.model import Gravity, Padding, Resize, ResizingType, Stage


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
    angle = EXIF_ANGLES.get(orientation, 0) if stage.auto_rotate else 0
    source = stored.turned((angle + stage.rotate) % 180 != 0)
    crop = crop_size(stage.crop, source)
    scales, sizes = _within(max_result_dimension, stage, cut_size(source, crop), vector)
    return Plan(
        source=source,
        angle=angle,
        mirrored=stage.auto_rotate and orientation in MIRRORED,
        rotate=stage.rotate,
        crop=crop,
        crop_gravity=stage.crop.gravity if stage.crop and stage.crop.gravity else stage.gravity,
        scale_x=scales.x,
        scale_y=scales.y,
        dpr=scales.dpr,
        target=sizes.target,
        scaled=sizes.scaled,
        result_crop=sizes.result_crop,
        aspect=sizes.aspect,
        padding=sizes.padding,
        reduces=scales.x < 1 or scales.y < 1,
    )


def result_size(stage: Stage, numbers: Plan) -> Size:
    """Give the size that the stage is planned to end in (before the output format's own limit)."""
    return _canvas(stage, numbers)


def _within(limit: int, stage: Stage, base: Size, vector: bool) -> tuple[Scales, _Sizes]:
    """Give scales and sizes whose result has no side longer than `limit` (0 for none)."""
    scales = scales_of(stage, base, vector=vector)
    sizes = _sizes(stage, base, scales)
    longest = max(_canvas(stage, sizes))
    if not 0 < limit < longest:
        return scales, sizes
    factor = limit / longest
    smaller = Scales(
        max(scales.x * factor, 1 / base.width),
        max(scales.y * factor, 1 / base.height),
        scales.dpr * factor,
    )
    return smaller, _sizes(stage, base, smaller)


class _Sizes(NamedTuple):
    target: Size
    scaled: Size
    result_crop: Size
    aspect: Size
    padding: Padding


def _sizes(stage: Stage, base: Size, scales: Scales) -> _Sizes:
    resize, dpr = stage.resize, scales.dpr
    target = Size(
        round_half_up(resize.width * (dpr * resize.zoom_x)), round_half_up(resize.height * (dpr * resize.zoom_y))
    )
    scaled = Size(round_half_up(base.width * scales.x), round_half_up(base.height * scales.y))
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


def _canvas(stage: Stage, sizes: _Sizes | Plan) -> Size:
    width = min_nonzero(sizes.scaled.width, sizes.result_crop.width)
    height = min_nonzero(sizes.scaled.height, sizes.result_crop.height)
    if stage.extend is not None:
        width, height = max(width, sizes.target.width), max(height, sizes.target.height)
    elif stage.extend_aspect_ratio is not None:
        width, height = max(width, sizes.aspect.width), max(height, sizes.aspect.height)
    padding = sizes.padding
    return Size(width + padding.left + padding.right, height + padding.top + padding.bottom)
