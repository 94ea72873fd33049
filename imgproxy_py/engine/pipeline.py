"""The order of work (dialect §7). It is fixed, whatever the order of options in the URL."""

from __future__ import annotations

from collections.abc import Callable

from imgproxy_py.engine.steps.adjust import adjust
from imgproxy_py.engine.steps.blur_areas import blur_areas
from imgproxy_py.engine.steps.crop import crop
from imgproxy_py.engine.steps.crop_objects import crop_objects
from imgproxy_py.engine.steps.crop_to_result import crop_to_result
from imgproxy_py.engine.steps.detections import blur_detections, draw_detections
from imgproxy_py.engine.steps.extend import extend, extend_aspect_ratio, pad
from imgproxy_py.engine.steps.filters import filters
from imgproxy_py.engine.steps.fit_format import fit_format
from imgproxy_py.engine.steps.flatten import flatten
from imgproxy_py.engine.steps.orient import orient
from imgproxy_py.engine.steps.overlay import colorize, gradient
from imgproxy_py.engine.steps.progressive_blur import progressive_blur
from imgproxy_py.engine.steps.prune_metadata import prune_metadata
from imgproxy_py.engine.steps.resize import resize
from imgproxy_py.engine.steps.result_guard import result_guard
from imgproxy_py.engine.steps.scale_on_load import scale_on_load
from imgproxy_py.engine.steps.tint import duotone, monochrome
from imgproxy_py.engine.steps.trim import trim
from imgproxy_py.engine.steps.unsharp import unsharp
from imgproxy_py.engine.steps.vector_effort import vector_effort
from imgproxy_py.engine.steps.vector_guard import vector_guard
from imgproxy_py.engine.steps.watermark import watermark
from imgproxy_py.engine.steps.working_colorspace import working_colorspace
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.model import Stage

Step = Callable[[Work], Work]

STEPS: tuple[Step, ...] = (
    vector_guard,
    vector_effort,
    trim,
    crop_objects,
    result_guard,
    scale_on_load,
    prune_metadata,
    working_colorspace,
    crop,
    resize,
    orient,
    crop_to_result,
    unsharp,
    adjust,
    monochrome,
    duotone,
    filters,
    blur_areas,
    blur_detections,
    progressive_blur,
    colorize,
    gradient,
    draw_detections,
    extend,
    extend_aspect_ratio,
    pad,
    fit_format,  # from here on it matters which format the result has
    flatten,
    watermark,
)

_COMMON = STEPS[: STEPS.index(fit_format)]


def run_stages(work: Work, stages: tuple[Stage, ...]) -> Work:
    """Give the work after all stages, each fed by the one before (dialect §5.1); it is at the beginning of the first."""
    return run_to_end(run_common(work, stages))


def run_common(work: Work, stages: tuple[Stage, ...]) -> Work:
    """Give the work after all stages but for those steps of the last that depend on the result's format."""
    for stage in stages[1:]:
        work = _run(STEPS, work).entering(stage)
    return _run(_COMMON, work)


def run_to_end(work: Work) -> Work:
    """Give the work that `run_common` has left after the rest of its last stage."""
    return _run(STEPS[len(_COMMON) :], work)


def run(work: Work) -> Work:
    """Give the work after all steps, each of which is free to find nothing to do."""
    return _run(STEPS, work)


def _run(steps: tuple[Step, ...], work: Work) -> Work:
    for step in steps:
        work = step(work)
        work.interrupt.check()
    return work
