"""Cuts that follow objects: `crop_objects`, and gravities of type `obj` (dialect §5.1)."""

from __future__ import annotations

from dataclasses import replace

from imgproxy_py.engine.steps.seen import logical_view, seen, targets
from imgproxy_py.engine.work import Work, plan_for
from imgproxy_py.recipe.geometry import Size, cut_size
from imgproxy_py.recipe.geometry.objects import Target, focus, objects_crop, window_position
from imgproxy_py.recipe.model import Crop, Gravity, GravityType
from imgproxy_py.recipe.view import View


def crop_objects(work: Work) -> Work:
    """Give the work planned with a cut around the objects, in place of the `crop` option's; without objects, as it is."""
    wanted, stage, outer = work.stage.crop_objects, work.stage, work.plan.source
    if wanted is None:
        return work
    boxes = [one.box for one in seen(work, wanted.classes, logical_view(work))]
    found = objects_crop(
        outer, [Target(box=box) for box in boxes], wanted.scale, stage.resize, place=stage.objects_position
    )
    if found is None:
        return work
    left, top, width, height = found
    crop = replace(
        stage.crop or Crop(),
        width=float(width),
        height=float(height),
        gravity=focus(outer, Size(width, height), left, top),
    )
    return _planned(work, crop)


def _planned(work: Work, crop: Crop) -> Work:
    stage = replace(work.stage, crop=crop)
    stored = work.plan.source.turned(work.plan.sideways)
    numbers = plan_for(stage, stored, work.header, work.limits, vector=work.vector)
    return replace(work, stage=stage, plan=numbers)


def crop_gravity(work: Work) -> Gravity:
    """Give the gravity of the first cut as numbers, in the final orientation."""
    gravity, plan = work.plan.crop_gravity, work.plan
    if gravity.type is not GravityType.OBJECTS:
        return gravity
    return _resolved(work, gravity, plan.source, plan.crop, logical_view(work))


def result_gravity(work: Work) -> Gravity:
    """Give the gravity of the second cut as numbers, when its picture is the one to be cut."""
    gravity, plan = work.stage.gravity, work.plan
    if gravity.type is not GravityType.OBJECTS:
        return gravity
    return _resolved(work, gravity, work.size, plan.result_crop, work.view, factor=plan.dpr)


def _resolved(work: Work, gravity: Gravity, outer: Size, wanted: Size, view: View, *, factor: float = 1.0) -> Gravity:
    window = cut_size(outer, wanted)
    if window == outer:
        return Gravity()
    found = window_position(
        outer,
        window,
        targets(work, gravity, view),
        place=work.stage.objects_position,
        factor=factor,
        average=work.settings.object_detection_gravity_mode == "avg_center",
    )
    if found is not None:
        return focus(outer, window, *found)
    smart = work.settings.object_detection_fallback_to_smart_crop
    return Gravity(type=GravityType.SMART if smart else GravityType.CENTER)
