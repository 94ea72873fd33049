"""Lay the watermark over the picture (dialect §5.3; §7, step 15; §10)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pyvips

from imgproxy_py.engine.loading import ImageFile, header_of
from imgproxy_py.engine.marks import Mark, Marks
from imgproxy_py.engine.steps.alpha import premultiplied
from imgproxy_py.engine.steps.extend import pad
from imgproxy_py.engine.steps.orient import orient
from imgproxy_py.engine.steps.resize import resize
from imgproxy_py.engine.steps.scale_on_load import scale_on_load
from imgproxy_py.engine.steps.vector_guard import vector_guard
from imgproxy_py.engine.steps.working_colorspace import working_colorspace
from imgproxy_py.engine.text import NATURAL_DPI, check_markup, text_image
from imgproxy_py.engine.work import Work, plan_for
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.geometry import Size, offset_pixels, position
from imgproxy_py.recipe.model import GravityType, Padding, Resize, Stage, Watermark
from imgproxy_py.recipe.picture import Header

_SIZING = (vector_guard, scale_on_load, working_colorspace, resize, orient)
_GREY = frozenset({"b-w", "grey16"})
_TILED = frozenset({GravityType.REPLICATE, GravityType.CHESSBOARD})

# Beyond so many sigmas a blurred shadow cannot be told from nothing.
_SHADOW_REACH = 2.5


def watermark(work: Work) -> Work:
    """Give the work under its watermark, if one is asked for and there is something to make it of."""
    wanted, marks = work.stage.watermark, work.marks
    opacity = wanted.opacity * marks.opacity if wanted and marks else 0.0
    if not (wanted and marks and opacity and (wanted.text or marks.file(wanted))):
        return work
    mark = _kept(work, marks, wanted)
    if wanted.position.type in _TILED:
        return _composed(work, _tiled(mark.image, work.size, wanted.position.type), 0, 0, opacity)
    size = Size(mark.image.width - 2 * mark.margin, mark.image.height - 2 * mark.margin)
    left, top = position(work.size, size, wanted.position, factor=work.plan.dpr, overflow=True)
    return _composed(work, mark.image, left - mark.margin, top - mark.margin, opacity)


def _kept(work: Work, marks: Marks, wanted: Watermark) -> Mark:
    stage = Stage(resize=_sized(work.size, wanted), padding=_spacing(work, wanted))
    file = marks.file(wanted) if not wanted.text else None
    key = (file or wanted.text, stage, wanted.rotate, wanted.shadow, work.high_depth)
    return marks.kept.get(key, lambda: _made(work, file, stage, wanted))


def _made(work: Work, file: ImageFile | None, stage: Stage, wanted: Watermark) -> Mark:
    """Make a watermark ready: its size, turn, shadow, and the spacing of tiles, in this order."""
    sized = _sized_image(work, file, stage) if file else _sized_text(work, wanted.text, stage)
    margin = math.ceil(wanted.shadow * _SHADOW_REACH)
    image = _shadowed(_turned(sized.image, wanted.rotate), wanted.shadow, margin)
    work.limits.check_result(image.width, image.height)
    return Mark(image=pad(sized.showing(image)).in_memory().image, margin=margin)


def _sized_image(work: Work, file: ImageFile, stage: Stage) -> Work:
    image = file.open()
    header = header_of(image, file.format)
    work.limits.check_source(header)
    mark = _work_for(work, image, header, stage, vector=True)
    return _through(_SIZING, replace(mark, file=file, reloadable=True))


def _sized_text(work: Work, text: str, stage: Stage) -> Work:
    """Draw text as large as it is needed, since letters that are scaled afterwards are never sharp."""
    check_markup(text)
    image = text_image(text)
    numbers = plan_for(stage, Size(image.width, image.height), _drawn(image), work.limits, vector=True)
    work.limits.check_result(*numbers.scaled)
    scale = max(numbers.scale_x, numbers.scale_y)
    if scale != 1:
        image = text_image(text, math.ceil(NATURAL_DPI * scale))
    mark = _work_for(work, image, _drawn(image), stage, vector=True)
    return _through((resize,), replace(mark, reloadable=False))


def _drawn(image: pyvips.Image) -> Header:
    return Header(format=Format.PNG, width=image.width, height=image.height, alpha=True, bands=4)


def _work_for(work: Work, image: pyvips.Image, header: Header, stage: Stage, *, vector: bool) -> Work:
    limits = replace(work.limits, max_result_dimension=0)
    numbers = plan_for(stage, Size(header.width, header.height), header, limits, vector=vector)
    return replace(work, image=image, stage=stage, plan=numbers, header=header, imported=False, share=None)


def _through(steps: tuple[Callable[[Work], Work], ...], mark: Work) -> Work:
    for step in steps:
        mark = step(mark)
    return mark


def _sized(picture: Size, wanted: Watermark) -> Resize:
    if not wanted.scale:
        return Resize(width=wanted.width, height=wanted.height, enlarge=True)
    width, height = (max(1, round(side * wanted.scale)) for side in picture)
    return Resize(width=width, height=height, enlarge=True)


def _spacing(work: Work, wanted: Watermark) -> Padding:
    if wanted.position.type not in _TILED:
        return Padding()
    across = max(0, offset_pixels(wanted.position.x, work.size.width, work.plan.dpr))
    down = max(0, offset_pixels(wanted.position.y, work.size.height, work.plan.dpr))
    return Padding(left=across // 2, right=across - across // 2, top=down // 2, bottom=down - down // 2)


def _turned(image: pyvips.Image, degrees: float) -> pyvips.Image:
    if not degrees:
        return image
    if degrees % 90 == 0:
        return image.rot(f"d{degrees:.0f}")
    return premultiplied(_with_alpha(image), lambda plain: plain.rotate(degrees))


def _shadowed(image: pyvips.Image, sigma: float, margin: int) -> pyvips.Image:
    """Give the image over a black shadow of its own shape."""
    if not sigma:
        return image
    image = _with_alpha(image)
    kind, samples, colors = image.interpretation, image.format, image.bands - 1
    shape = image[colors].embed(margin, margin, image.width + 2 * margin, image.height + 2 * margin).gaussblur(sigma)
    black = [(shape * 0).cast(samples)] * colors
    shadow = black[0].bandjoin([*black[1:], shape.cast(samples)]).copy(interpretation=kind)
    return shadow.composite2(image, "over", x=margin, y=margin, compositing_space=kind).cast(samples)


def _with_alpha(image: pyvips.Image) -> pyvips.Image:
    return image if image.hasalpha() else image.addalpha()


def _tiled(mark: pyvips.Image, picture: Size, kind: GravityType) -> pyvips.Image:
    across, down = _odd(-(-picture.width // mark.width)), _odd(-(-picture.height // mark.height))
    boarded = kind is GravityType.CHESSBOARD
    mosaic = _chessboard(mark, across, down) if boarded else mark.replicate(across, down)
    left, top = (mosaic.width - picture.width) // 2, (mosaic.height - picture.height) // 2
    return mosaic.crop(left, top, picture.width, picture.height)


def _chessboard(mark: pyvips.Image, across: int, down: int) -> pyvips.Image:
    """Give a board of so many fields, the mark on every other one and on that in the middle."""
    mark = _with_alpha(mark)
    width, height = mark.width, mark.height
    pair = mark.embed(0, 0, 2 * width, height)
    square = pair.join(pair.wrap(x=width, y=0), "vertical")
    board = square.replicate(across // 2 + 2, down // 2 + 1)
    shift = (across // 2 + down // 2) % 2
    return board.crop(shift * width, 0, across * width, down * height)


def _odd(count: int) -> int:
    return count + (count % 2 == 0)


def _composed(work: Work, mark: pyvips.Image, left: int, top: int, opacity: float) -> Work:
    image = work.image
    if image.interpretation in _GREY and mark.interpretation not in _GREY:
        image = image.colourspace("rgb16" if image.interpretation == "grey16" else "srgb")
    kind, samples, had_alpha = image.interpretation, image.format, image.hasalpha()
    mark = _with_alpha(mark)
    if opacity < 1:
        mark = mark * ([1.0] * (mark.bands - 1) + [opacity])
    composed = image.composite2(mark, "over", x=left, y=top, compositing_space=kind).cast(samples)
    return work.showing(composed if had_alpha else composed.extract_band(0, n=composed.bands - 1))
