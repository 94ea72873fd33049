"""Blurring what was detected, and drawing where (dialect §5.2)."""

from __future__ import annotations

from collections.abc import Iterable

import pyvips

from imgproxy_py.engine.color import in_standard_colors
from imgproxy_py.engine.pixels import as_color, samples, white_of, without_palette
from imgproxy_py.engine.steps.blur_areas import blurred_within
from imgproxy_py.engine.steps.seen import Seen, seen_now
from imgproxy_py.engine.work import Work
from imgproxy_py.errors import BadRequest, WrongParameter
from imgproxy_py.recipe.geometry import Size, area_pixels
from imgproxy_py.recipe.model import Color

COLORS = (
    Color(230, 25, 75),
    Color(60, 180, 75),
    Color(0, 130, 200),
    Color(245, 130, 48),
    Color(145, 30, 180),
    Color(0, 128, 128),
    Color(240, 50, 230),
    Color(170, 110, 40),
)
"""Of the frames, by class."""

_WHITE = Color(255, 255, 255)
_LEAST_TEXT, _MOST_TEXT = 10, 40


def blur_detections(work: Work) -> Work:
    """Give the work with the boxes of its objects blurred.

    Raises `BadRequest` for a class that nothing here can find: what was to be made unrecognisable must not get out.
    """
    wanted = work.stage.effects.blur_detections
    if wanted is None or not wanted.sigma:
        return work
    _check(work, "blur_detections", wanted.classes)
    return blurred_within(work, [one.box for one in seen_now(work, wanted.classes)], wanted.sigma)


def draw_detections(work: Work) -> Work:
    """Give the work with a frame around each of its objects, and its class and confidence beside that.

    Raises `BadRequest` for a class that nothing here can find.
    """
    wanted = work.stage.effects.draw_detections
    if wanted is None:
        return work
    _check(work, "draw_detections", wanted.classes)
    found = seen_now(work, wanted.classes)
    if not found:
        return work
    work = in_standard_colors(work).in_memory()
    image = as_color(without_palette(work.image))
    for one in reversed(found):
        image = _framed(image, one)
    return work.showing(image)


def _check(work: Work, option: str, classes: Iterable[str]) -> None:
    known = work.detection.classes
    for name in classes or ("all",):
        if not known or (name != "all" and name not in known):
            expected = f"one of {', '.join(known)}" if known else "nothing: no objects are found here"
            raise BadRequest(wrong=(WrongParameter(option, name, expected),))


def _framed(image: pyvips.Image, one: Seen) -> pyvips.Image:
    area = area_pixels(one.box, Size(image.width, image.height))
    if area is None:
        return image
    left, top, width, height = area
    color = COLORS[one.detection.class_id % len(COLORS)]
    line = max(1, round(min(image.width, image.height) / 200))
    sides = (
        (left, top, width, line),
        (left, top + height - line, width, line),
        (left, top, line, height),
        (left + width - line, top, line, height),
    )
    for side in sides:
        image = _filled(image, side, color)
    return _labelled(image, left, top, f"{one.detection.class_name} {one.detection.confidence:.2f}", color)


def _filled(image: pyvips.Image, area: tuple[int, int, int, int], color: Color) -> pyvips.Image:
    left, top, width, height = area
    left, top, right, bottom = (
        max(0, left),
        max(0, top),
        min(image.width, left + width),
        min(image.height, top + height),
    )
    if left >= right or top >= bottom:
        return image
    patch = image.crop(left, top, right - left, bottom - top).new_from_image(_bands(color, image))
    return image.insert(patch, left, top)


def _bands(color: Color, image: pyvips.Image) -> list[float]:
    opaque = [float(white_of(image))] if image.hasalpha() else []
    return [*samples(color, image), *opaque]


def _labelled(image: pyvips.Image, left: int, top: int, label: str, color: Color) -> pyvips.Image:
    height = max(_LEAST_TEXT, min(_MOST_TEXT, min(image.width, image.height) // 25))
    mask = pyvips.Image.text(_escaped(label), font="sans 12", dpi=72 * height // 12)
    margin = max(1, height // 4)
    mask = mask.embed(margin, margin, mask.width + 2 * margin, mask.height + 2 * margin)
    above = top - mask.height if top >= mask.height else top
    area = mask.crop(0, 0, min(mask.width, image.width - left), min(mask.height, image.height - above))
    under = image.crop(left, above, area.width, area.height)
    text = area.ifthenelse(
        under.new_from_image(_bands(_WHITE, image)), under.new_from_image(_bands(color, image)), blend=True
    )
    return image.insert(text.cast(image.format).copy(interpretation=image.interpretation), left, above)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
