"""The objects in a work's original, which several steps ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from imgproxy_py.engine.detection.looking import pixels_of, pixels_of_file, upright
from imgproxy_py.engine.detection.objects import ALL_CLASSES
from imgproxy_py.engine.detection.port import Detection
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.geometry.objects import Target
from imgproxy_py.recipe.identity import content_state
from imgproxy_py.recipe.model import Box, Gravity
from imgproxy_py.recipe.view import View


class Seen(NamedTuple):
    """An object, and where it lies in a picture: in shares of its sides, it may reach beyond 0–1."""

    detection: Detection
    box: Box


def seen(work: Work, classes: Iterable[str], view: View) -> list[Seen]:
    """Give the objects of some classes (none = all) in the original, as they lie in the picture of that view.

    They are looked for in the original as EXIF says it is to be seen, of an animation in the frame that speaks for it,
    whatever the stages before have made of it.
    """
    if not work.detection.detectors:
        return []
    file = work.file
    found = work.detection.find(
        f"{content_state(file.data)} {file.loading}",
        classes,
        lambda side: pixels_of_file(file, side, work.interrupt),
        work.interrupt,
    )
    if not found:
        return []
    whole = upright(file.header().orientation)
    return [Seen(one, view.shown(whole.cut(one.left, one.top, one.width, one.height).box)) for one in found]


def seen_now(work: Work, classes: Iterable[str]) -> list[Seen]:
    """Give the objects in the picture as it shows itself now.

    Of a still that is what its original shows. In an animation things move: each frame is looked at for itself.
    """
    if work.decisions is None:
        return seen(work, classes, work.view)
    image = work.in_memory().image
    found = work.detection.search(classes, lambda side: pixels_of(image, side, work.interrupt))
    return [Seen(one, one.box) for one in found]


def logical_view(work: Work) -> View:
    """Give the view of what the image becomes once orientation, rotation and flips are applied."""
    plan, stage = work.plan, work.stage
    view = work.view.turned(plan.angle)
    if plan.mirrored:
        view = view.flipped_horizontally()
    view = view.turned(stage.rotate)
    if stage.flip_horizontal:
        view = view.flipped_horizontally()
    return view.flipped_vertically() if stage.flip_vertical else view


def targets(work: Work, gravity: Gravity, view: View) -> list[Target]:
    """Give the objects that a gravity names, each with its class's weight times the confidence in it."""
    weights = dict(gravity.classes)
    found = seen(work, weights, view)
    return [Target(box=one.box, weight=_weight(work, weights, one.detection)) for one in found]


def _weight(work: Work, weights: dict[str, float], one: Detection) -> float:
    named = weights.get(one.class_name, weights.get(ALL_CLASSES, 1.0))
    configured = work.detection.weights.get(one.class_name, 1.0)
    return (configured if named == 1 else named) * one.confidence
