"""Animations: every stage is done to each frame by itself, and the frames become one stack again (dialect §7).

Frames are taken in order from a stack that is decoded as it is read, so no more of it is in memory than the frame at hand.
A finished frame's pixels are computed at once, unless nothing was resampled: a pipeline that waits keeps buffers of many
rows, and those of all frames together come to more than the pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyvips

from imgproxy_py.engine.codecs.pixels import animated
from imgproxy_py.engine.libvips import size_of
from imgproxy_py.engine.metadata import pruned
from imgproxy_py.engine.pipeline import run_stages
from imgproxy_py.engine.work import Work
from imgproxy_py.errors import BrokenImage
from imgproxy_py.recipe.frames import delays, looks_at_pixels, representative
from imgproxy_py.recipe.geometry import Size
from imgproxy_py.recipe.model import Effects, Stage

_FOR_EVER = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Frames of one size that lie one below the other in an image that is read once, from top to bottom.

    `delays` are the milliseconds that each is shown, `loop` how often the animation is, 0 for ever.
    """

    stack: pyvips.Image
    height: int
    delays: tuple[int, ...]
    loop: int

    def __iter__(self) -> Iterator[pyvips.Image]:
        for top in range(0, self.stack.height, self.height):
            yield self.stack.crop(0, top, self.stack.width, self.height)


def run_frames(work: Work, stages: tuple[Stage, ...], count: int) -> Work:
    """Give the work with so many frames of its file after all stages, one below the other with libvips' fields of time.

    `work` is at the beginning of the first stage. Frames are not trimmed: each would get a size of its own. Windows are chosen
    by one frame, which is what the steps find in the work's file.
    """
    stages = tuple(replace(stage, trim=None) for stage in stages)
    limits = replace(work.limits, frames=count)
    frames = _opened(work, count)
    speaker = replace(work.file, loading=replace(work.file.loading, page=representative(count), pages=1))
    work = replace(work, stage=stages[0], file=speaker, limits=limits, reloadable=False, decisions={})
    if looks_at_pixels(stages):  # one frame goes first, so that its decisions are there for the others
        run_stages(work.showing(speaker.open(interrupt=work.interrupt)), stages)
    done = [_framed(work.showing(frame), stages) for frame in frames]
    stack = pyvips.Image.arrayjoin([one.image for one in done], across=1)
    return done[-1].showing(animated(stack, list(frames.delays), frames.loop))


def _opened(work: Work, count: int) -> Frames:
    stack, header = work.file.open(frames=count, interrupt=work.interrupt), work.header
    size = frame_size(stack)
    if size.width > header.width or size.height > header.height or stack.height > size.height * count:
        raise BrokenImage("the original is larger than its header says")  # the limits were judged by the header
    found = stack.get("delay") if stack.get_typeof("delay") else ()
    return Frames(
        # Done once here, since each operation on each frame copies all metadata that is left.
        stack=pruned(stack, header, work.asked),
        height=size.height,
        delays=delays(found, stack.height // size.height),
        loop=int(stack.get("loop")) if stack.get_typeof("loop") else _FOR_EVER,
    )


def _framed(work: Work, stages: tuple[Stage, ...]) -> Work:
    streams = len(stages) == 1 and not work.decisions and _passes(work)
    done = run_stages(work, stages)
    return done if streams else done.in_memory()


def _passes(work: Work) -> bool:
    """Tell whether each pixel of the result needs but one of the frame, so that nothing is gained by computing it now."""
    scale_x, scale_y = work.plan.stored_scale
    return scale_x == 1 and scale_y == 1 and work.stage.effects == Effects()


def frame_size(image: pyvips.Image) -> Size:
    """Give the size of an image, or of a frame if it is a stack of them."""
    size = size_of(image)
    return Size(size.width, image.get("page-height")) if image.get_typeof("page-height") else size
