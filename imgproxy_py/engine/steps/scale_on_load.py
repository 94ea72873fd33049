"""Let the decoder do the coarse part of the resize (dialect §7, step 3; §8.4)."""

from __future__ import annotations

from dataclasses import replace

from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.geometry import after_load, load_shrink
from imgproxy_py.recipe.model import Kernel

_SCALABLE = frozenset({Format.JPEG, Format.WEBP, Format.PDF, Format.RAW})


def scale_on_load(work: Work) -> Work:
    """Give the work with its file opened again at the smallest size that is not too small."""
    if not work.reloadable or not _is_scalable(work):
        return work.opened()
    shrink = load_shrink(work.plan, work.header.format) * work.vector_shrink
    if shrink == work.vector_shrink:
        return replace(work.opened(), reloadable=False)
    reopened = work.reopened(shrink)
    return replace(reopened, plan=after_load(work.plan, reopened.size), reloadable=False)


def _is_scalable(work: Work) -> bool:
    if work.header.format is Format.SVG:
        return True
    picked = work.stage.resize.kernel is Kernel.NEAREST  # pixels of the original, which the decoder would mix
    return work.header.format in _SCALABLE and not picked and not work.settings.disable_shrink_on_load
