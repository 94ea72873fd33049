"""Let the decoder do the coarse part of the resize (dialect §7, step 3; §8.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from imgproxy_py.engine.sharing import Frame
from imgproxy_py.engine.steps.vector_effort import drawn
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.geometry import Plan, after_load, cut_size, load_shrink
from imgproxy_py.recipe.model import Kernel

_KIND = "decoded"
"""How the log calls pixels that others have decoded."""

_SCALABLE = frozenset({Format.JPEG, Format.WEBP, Format.PDF, Format.RAW})


def scale_on_load(work: Work) -> Work:
    """Give the work with its file opened again at the smallest size that is not too small."""
    if not work.reloadable:
        return work.opened()
    if not _is_scalable(work):
        return _loaded(work, 1.0, work.opened)
    shrink = load_shrink(work.plan, work.header.format) * work.vector_shrink
    if shrink == work.vector_shrink:
        return replace(_loaded(work, shrink, lambda: _drawn(work.opened(), shrink)), reloadable=False)
    reopened = _loaded(work, shrink, lambda: _drawn(work.reopened(shrink), shrink))
    return replace(reopened, plan=after_load(work.plan, reopened.size), reloadable=False)


def _is_scalable(work: Work) -> bool:
    if work.header.format is Format.SVG:
        return True
    picked = work.stage.resize.kernel is Kernel.NEAREST  # pixels of the original, which the decoder would mix
    return work.header.format in _SCALABLE and not picked and not work.settings.disable_shrink_on_load


def _drawn(work: Work, shrink: float) -> Work:
    return drawn(work, shrink) if work.header.format is Format.SVG else work


def _loaded(work: Work, shrink: float, load: Callable[[], Work]) -> Work:
    """Give what `load` gives; where others want the same pixels, decoded once for all."""
    share = work.share
    if share is None or not share.wanted:
        return load()
    name = (work.file.loading, shrink)
    if _cuts_most(work.plan):
        found = share.found(_KIND, name)
        return load() if found is None else work.showing(found.image)
    return work.showing(share.frame(_KIND, name, lambda: Frame(image=load().image), work.interrupt).image)


def _cuts_most(plan: Plan) -> bool:
    """Tell whether the first cut throws so much away that it is cheaper to decode no more than it leaves."""
    left = cut_size(plan.source, plan.crop)
    return 2 * left.width * left.height < plan.source.width * plan.source.height
