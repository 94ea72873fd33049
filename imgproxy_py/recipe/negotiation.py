"""Accept and client hints become an output format, and the headers that an answer varies by (delivery §4)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from imgproxy_py.errors import OutputUnsupported
from imgproxy_py.recipe.formats import ABILITIES, Format
from imgproxy_py.recipe.model import Output, Stage
from imgproxy_py.recipe.request import ClientHints

_QUALITY_ZERO = re.compile(r"q\s*=\s*0(\.0{0,3})?\s*\Z", re.IGNORECASE)
_NEGOTIABLE = {ABILITIES[one].media_type: one for one in (Format.JXL, Format.AVIF, Format.WEBP)}


@lru_cache(maxsize=1024)
def formats_in_accept(accept: str) -> frozenset[Format]:
    """Give the formats that an `Accept` header names itself with a weight above 0; wildcards name none (RFC 9110 §12.5.1)."""
    found = (_format_in(part) for part in accept.split(","))
    return frozenset(one for one in found if one is not None)


def _format_in(part: str) -> Format | None:
    media_type, *parameters = part.split(";")
    if any(_QUALITY_ZERO.match(one.strip()) for one in parameters):
        return None
    return _NEGOTIABLE.get(media_type.strip().lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiation:
    """Which formats `Accept` may choose, best first.

    `automatic` replace the original's own format when the URL names none, `enforced` replace even the one it names.
    """

    automatic: tuple[Format, ...] = ()
    enforced: tuple[Format, ...] = ()

    def varies(self, output: Output) -> bool:
        """Tell whether `Accept` is able to change the answer to a URL with this output."""
        return bool(self._candidates(output))

    def negotiated(self, output: Output, accept: str, *, animations: bool = True) -> Output:
        """Give the output with the formats that the client takes (see `accepted`)."""
        return replace(output, accepted=self.accepted(output, accept, animations=animations))

    def accepted(self, output: Output, accept: str, *, animations: bool = True) -> tuple[Format, ...]:
        """Give the formats for `output.accepted`: those that the client takes and that may replace what the URL says.

        The best format decides, and for an animation the best that holds one. The others are left out, so that clients
        which differ only in lesser ones share a cache entry; so is the second where no animation can come out
        (`animations` false).
        """
        candidates = self._candidates(output)
        if not candidates:
            return output.accepted
        taken = formats_in_accept(accept)
        accepted = tuple(one for one in candidates if one in taken)
        if output.best:  # all are tried
            return accepted
        return _deciding(accepted) if animations else accepted[:1]

    def _candidates(self, output: Output) -> tuple[Format, ...]:
        if output.placeholder is not None:
            return ()
        return self.automatic if output.format is None else self.enforced


def _deciding(accepted: tuple[Format, ...]) -> tuple[Format, ...]:
    animated = (one for one in accepted[1:] if ABILITIES[one].animation)
    holds = bool(accepted) and ABILITIES[accepted[0]].animation
    return accepted[:1] if holds else accepted[:1] + tuple(islice(animated, 1))


def wants_alpha(stages: Iterable[Stage], source_alpha: bool) -> bool:
    """Tell whether the result needs an alpha band after all stages (dialect §6.2)."""
    alpha = source_alpha
    for stage in stages:
        alpha = _has_alpha(stage, alpha)
    return alpha


def _has_alpha(stage: Stage, alpha: bool) -> bool:
    if stage.background is not None and stage.background_alpha == 1:
        return False
    padding = stage.padding
    padded = padding.top or padding.right or padding.bottom or padding.left
    return alpha or bool(padded) or stage.extend is not None


def chosen_format(
    output: Output, source: Format, *, alpha: bool, animated: bool, preferred: tuple[Format, ...]
) -> Format:
    """Choose the format of the result (dialect §6.2).

    `preferred` is the configured list for pictures whose URL names no format. Raises `OutputUnsupported` for an explicit
    SVG of something else.
    """
    if output.format is Format.SVG and source is not Format.SVG:
        raise OutputUnsupported("only an SVG can be answered as svg")
    for one in output.accepted:
        if not animated or ABILITIES[one].animation:
            return one
    if output.format is not None:
        return output.format
    if source in preferred:
        return source
    return next((one for one in preferred if _holds(one, alpha, animated)), preferred[0])


def _holds(one: Format, alpha: bool, animated: bool) -> bool:
    ability = ABILITIES[one]
    return (ability.alpha or not alpha) and (ability.animation or not animated)


def skips_pipeline(output: Output, source: Format, *, rasterize_svg: bool) -> bool:
    """Tell whether the original is handed back as it is (dialect §6.3); `output.skip_formats` holds the configured list too."""
    if source is Format.SVG and output.format is None and not rasterize_svg:
        return True
    if source is Format.SVG and output.format is Format.SVG:
        return True
    return source in output.skip_formats and output.format in (None, source)


HINT_HEADERS = "Sec-CH-DPR, DPR, Sec-CH-Width, Width"
"""The request headers that client hints are read from, as `Vary` names them."""

_DPR = re.compile(r"[0-9]{1,2}(\.[0-9]{1,8})?\Z", re.ASCII)
_WIDTH = re.compile(r"[0-9]{1,6}\Z", re.ASCII)


def client_hints(values: Iterable[tuple[str, str]]) -> ClientHints | None:
    """Read client hints from pairs of lower-case header name and value, `None` if there are none that are well-formed.

    `sec-ch-dpr` beats `dpr`, `sec-ch-width` beats `width` (dialect §13.3).
    """
    given = dict(values)
    dpr = _hinted_dpr(given.get("sec-ch-dpr") or given.get("dpr") or "")
    width = _hinted_width(given.get("sec-ch-width") or given.get("width") or "")
    return ClientHints(dpr=dpr, width=width) if dpr or width else None


def _hinted_dpr(text: str) -> float | None:
    value = float(text) if _DPR.match(text) else 0.0
    return value if 0 < value <= 8 else None


def _hinted_width(text: str) -> int | None:
    value = int(text) if _WIDTH.match(text) else 0
    return value or None
