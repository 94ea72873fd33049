"""Lay the configured watermark over the picture (dialect §7, step 15; §10)."""

from __future__ import annotations

from dataclasses import replace

import pyvips

from imgproxy_py.engine.loading import ImageFile, header_of
from imgproxy_py.engine.steps.extend import pad
from imgproxy_py.engine.steps.orient import orient
from imgproxy_py.engine.steps.resize import resize
from imgproxy_py.engine.steps.scale_on_load import scale_on_load
from imgproxy_py.engine.steps.vector_guard import vector_guard
from imgproxy_py.engine.steps.working_colorspace import working_colorspace
from imgproxy_py.engine.work import Work, plan_for
from imgproxy_py.recipe.geometry import Size, offset_pixels, position
from imgproxy_py.recipe.model import GravityType, Padding, Resize, Stage, Watermark

_PREPARATION = (vector_guard, scale_on_load, working_colorspace, resize, orient, pad)
_GREY = frozenset({"b-w", "grey16"})


def watermark(work: Work) -> Work:
    """Give the work under its watermark, if one is asked for and configured."""
    wanted, configured = work.stage.watermark, work.watermark
    opacity = wanted.opacity * configured.opacity if wanted and configured else 0.0
    if not (wanted and configured and opacity):
        return work
    mark = _prepared(work, configured.file, wanted)
    if wanted.position.type is GravityType.REPLICATE:
        return _composed(work, _tiled(mark, work.size), 0, 0, opacity)
    size = Size(mark.width, mark.height)
    left, top = position(work.size, size, wanted.position, factor=work.plan.dpr, overflow=True)
    return _composed(work, mark, left, top, opacity)


def _prepared(work: Work, file: ImageFile, wanted: Watermark) -> pyvips.Image:
    """Give the watermark's pixels at the size that this picture takes."""
    image = file.open()
    header = header_of(image, file.format)
    work.limits.check_source(header)
    stage = Stage(resize=_sized(work.size, wanted), padding=_spacing(work, wanted))
    numbers = plan_for(
        stage, Size(header.width, header.height), header, replace(work.limits, max_result_dimension=0), vector=True
    )
    mark = replace(
        work, image=image, stage=stage, plan=numbers, header=header, file=file, reloadable=True, imported=False
    )
    for step in _PREPARATION:
        mark = step(mark)
    return mark.in_memory().image


def _sized(picture: Size, wanted: Watermark) -> Resize:
    if not wanted.scale:
        return Resize(enlarge=True)
    width, height = (max(1, round(side * wanted.scale)) for side in picture)
    return Resize(width=width, height=height, enlarge=True)


def _spacing(work: Work, wanted: Watermark) -> Padding:
    if wanted.position.type is not GravityType.REPLICATE:
        return Padding()
    across = max(0, offset_pixels(wanted.position.x, work.size.width, work.plan.dpr))
    down = max(0, offset_pixels(wanted.position.y, work.size.height, work.plan.dpr))
    return Padding(left=across // 2, right=across - across // 2, top=down // 2, bottom=down - down // 2)


def _tiled(mark: pyvips.Image, picture: Size) -> pyvips.Image:
    across, down = _odd(-(-picture.width // mark.width)), _odd(-(-picture.height // mark.height))
    mosaic = mark.replicate(across, down)
    left, top = (mosaic.width - picture.width) // 2, (mosaic.height - picture.height) // 2
    return mosaic.crop(left, top, picture.width, picture.height)


def _odd(count: int) -> int:
    return count + (count % 2 == 0)


def _composed(work: Work, mark: pyvips.Image, left: int, top: int, opacity: float) -> Work:
    image = work.image
    if image.interpretation in _GREY and mark.interpretation not in _GREY:
        image = image.colourspace("rgb16" if image.interpretation == "grey16" else "srgb")
    kind, samples, had_alpha = image.interpretation, image.format, image.hasalpha()
    if not mark.hasalpha():
        mark = mark.addalpha()
    if opacity < 1:
        mark = mark * ([1.0] * (mark.bands - 1) + [opacity])
    composed = image.composite2(mark, "over", x=left, y=top, compositing_space=kind).cast(samples)
    return work.showing(composed if had_alpha else composed.extract_band(0, n=composed.bands - 1))
