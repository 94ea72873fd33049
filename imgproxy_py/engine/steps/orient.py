"""EXIF orientation, rotation, flips, in that order (dialect §7, step 7)."""

from __future__ import annotations

from dataclasses import replace

from imgproxy_py.engine.work import Work


def orient(work: Work) -> Work:
    """Give the work turned and flipped as orientation and options say."""
    plan, stage = work.plan, work.stage
    if not (plan.angle or plan.mirrored or stage.rotate or stage.flip_horizontal or stage.flip_vertical):
        return work
    work = _turned(work.in_memory(), plan.angle)
    if plan.mirrored:
        work = _flipped_horizontally(work)
    work = _turned(work, stage.rotate)
    if stage.flip_horizontal:
        work = _flipped_horizontally(work)
    if stage.flip_vertical:
        work = replace(work, image=work.image.flipver(), view=work.view.flipped_vertically())
    return work


def _turned(work: Work, angle: int) -> Work:
    return replace(work, image=work.image.rot(f"d{angle}"), view=work.view.turned(angle)) if angle else work


def _flipped_horizontally(work: Work) -> Work:
    return replace(work, image=work.image.fliphor(), view=work.view.flipped_horizontally())
