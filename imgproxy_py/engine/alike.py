"""Pictures that differ only in how they are encoded are worked on once: the same size as JPEG and as WebP, say."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import NamedTuple

from imgproxy_py.engine.color import PROFILE, with_output_profile
from imgproxy_py.engine.pipeline import run_common, run_to_end
from imgproxy_py.engine.sharing import Frame, Share
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.formats import ABILITIES
from imgproxy_py.recipe.geometry import Size, format_scale
from imgproxy_py.recipe.model import (
    AutoQuality,
    AvifOptions,
    JpegOptions,
    Output,
    PngOptions,
    Recipe,
    WebpOptions,
)

_KIND = "pixels"
"""How the log calls it."""

_NOTED = ("stage", "plan", "header", "view", "imported", "reloadable", "vector_shrink", "embeds_profile")
"""What the steps leave in a work beside its image."""


class Common(NamedTuple):
    """What formats may differ by of an image that is finished but for them."""

    size: Size
    alpha: bool
    profile: bool


def run_for_all(work: Work, share: Share, recipe: Recipe) -> Work:
    """Give the work after all stages and in its result's colours, shared with all pictures for which that is the same.

    `work` is at the beginning of the first stage.
    """
    name: Hashable = _name(work, recipe)
    frame = share.frame(_KIND, name, lambda: _made(work, recipe), work.interrupt)
    if frame.notes["fate"] != _fate(work, frame.notes["common"]):
        frame = share.frame(_KIND, (name, work.output), lambda: _made(work, recipe), work.interrupt)
    return replace(work, image=frame.image, **{name: frame.notes[name] for name in _NOTED})


def _made(work: Work, recipe: Recipe) -> Frame:
    work = run_common(work, recipe.stages)
    common = Common(work.size, bool(work.image.hasalpha()), work.image.get_typeof(PROFILE) != 0)
    done, embeds = with_output_profile(run_to_end(work))
    done = replace(done, embeds_profile=embeds)
    notes = {name: getattr(done, name) for name in _NOTED}
    return Frame(image=done.image, notes={**notes, "common": common, "fate": _fate(work, common)})


def _fate(work: Work, common: Common) -> Hashable:
    """Tell what the result's format makes of an image: where that is equal, so are the pixels."""
    can, profile = ABILITIES[work.output], work.profile
    return (
        format_scale(common.size, work.output, can.max_side),
        common.alpha and can.alpha,
        profile is not None and profile.fits(work.output),
        common.profile and not work.asked.strip_color_profile and can.icc,
    )


def _name(work: Work, recipe: Recipe) -> Hashable:
    several = len(recipe.stages) > 1  # all but the last stage then come to their end, in which the format has a say
    return (
        recipe.loading,
        recipe.stages,
        recipe.limits,
        _without_encoders(recipe.output),
        work.high_depth,
        work.output if several else None,
    )


def _without_encoders(output: Output) -> Output:
    return replace(
        output,
        format=None,
        accepted=(),
        skip_formats=(),
        quality=None,
        format_quality=(),
        autoquality=AutoQuality(),
        max_bytes=0,
        jpeg=JpegOptions(),
        png=PngOptions(),
        webp=WebpOptions(),
        avif=AvifOptions(),
    )
