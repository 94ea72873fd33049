"""Let the decoder do the coarse part of the resize (dialect §7, step 3; §8.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from imgproxy_py.engine.codec_rates import jpeg_decoding_cost
from imgproxy_py.engine.loading import AtOnce
from imgproxy_py.engine.sharing import Frame
from imgproxy_py.engine.steps.vector_effort import drawn
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.geometry import Plan, after_load, cut_size, load_shrink
from imgproxy_py.recipe.jpeg import is_progressive
from imgproxy_py.recipe.model import Kernel

_KIND = "decoded"
"""How the log calls pixels that others have decoded."""

_SOON = 180.0
"""Up to which estimate a JPEG is decoded by what cannot be stopped. Estimates of JPEG are high: about 70 ms on that core.

Progressive ones are in any case: libvips' decoder does not look up either until it has read all scans.
"""

_MOST_LINES = 0.75
"""From which share of the lines on it does not pay to leave out what is below a cut in the middle: an eighth."""

_SCALABLE = frozenset({Format.JPEG, Format.WEBP, Format.PDF, Format.RAW})


def scale_on_load(work: Work) -> Work:
    """Give the work with its file opened again at the smallest size that is not too small."""
    if not work.reloadable:
        return work.opened()
    if not _is_scalable(work):
        return _loaded(work, 1.0, lambda: work.opened(at_once=_at_once(work, 1.0)))
    shrink = load_shrink(work.plan, work.header.format) * work.vector_shrink
    if shrink == work.vector_shrink:
        return replace(_loaded(work, shrink, lambda: _opened(work, shrink)), reloadable=False)
    reopened = _loaded(work, shrink, lambda: _reopened(work, shrink))
    return replace(reopened, plan=after_load(work.plan, reopened.size), reloadable=False)


def _is_scalable(work: Work) -> bool:
    if work.header.format is Format.SVG:
        return True
    picked = work.stage.resize.kernel is Kernel.NEAREST  # pixels of the original, which the decoder would mix
    return work.header.format in _SCALABLE and not picked and not work.settings.disable_shrink_on_load


def _opened(work: Work, shrink: float) -> Work:
    return _drawn(work.opened(at_once=_at_once(work, shrink)), shrink)


def _reopened(work: Work, shrink: float) -> Work:
    return _drawn(work.reopened(shrink, at_once=_at_once(work, shrink)), shrink)


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


def _at_once(work: Work, shrink: float) -> AtOnce:
    """Tell whether all of a JPEG may be decoded now: if nothing of that is in vain, and it is soon done or can be stopped."""
    if work.header.format is not Format.JPEG or _share_of_lines(work.plan) < _MOST_LINES:
        return AtOnce.NO
    megapixels = work.header.width * work.header.height / 1_000_000
    is_soon = jpeg_decoding_cost(work.file.data, megapixels, shrink) <= _SOON
    return AtOnce.YES if is_soon or is_progressive(work.file.data) else AtOnce.STOPPABLE


def _share_of_lines(plan: Plan) -> float:
    """Give the share of the stored lines that the cuts leave; decoders read no further than the last of them."""
    first, source = cut_size(plan.source, plan.crop), plan.source
    second, scaled = cut_size(plan.scaled, plan.result_crop), plan.scaled
    if plan.sideways:
        return first.width / source.width * second.width / scaled.width
    return first.height / source.height * second.height / scaled.height


def _cuts_most(plan: Plan) -> bool:
    """Tell whether the first cut throws so much away that it is cheaper to decode no more than it leaves."""
    left = cut_size(plan.source, plan.crop)
    return 2 * left.width * left.height < plan.source.width * plan.source.height
