"""EXIF orientation, rotation, flips, in that order (dialect §7, step 7)."""

from __future__ import annotations

import pyvips

from imgproxy_py.engine.work import Work


def orient(work: Work) -> Work:
    """Give the work turned and flipped as orientation and options say."""
    plan, stage = work.plan, work.stage
    if not (plan.angle or plan.mirrored or stage.rotate or stage.flip_horizontal or stage.flip_vertical):
        return work
    work = work.in_memory()
    image = _turned(work.image, plan.angle)
    if plan.mirrored:
        image = image.fliphor()
    image = _turned(image, stage.rotate)
    if stage.flip_horizontal:
        image = image.fliphor()
    if stage.flip_vertical:
        image = image.flipver()
    return work.showing(image)


def _turned(image: pyvips.Image, angle: int) -> pyvips.Image:
    return image.rot(f"d{angle}") if angle else image
