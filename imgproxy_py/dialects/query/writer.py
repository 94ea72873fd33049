"""Requests as parameters: whatever differs from what a URL without parameters would say, sorted by name."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from imgproxy_py.dialects.imgproxy.options.output import BEST
from imgproxy_py.dialects.lexical import spelled
from imgproxy_py.dialects.query.parameters import AUTO, FITS, FLIPS, GRAVITIES, stem
from imgproxy_py.recipe.model import Crop, Gravity, GravityType, Output, Stage
from imgproxy_py.recipe.request import ImageRequest

_NAMES = {kind: name for name, kind in GRAVITIES.items()}
_FIT_NAMES = {meaning: name for name, meaning in FITS.items()}
_FLIP_NAMES = {meaning: name for name, meaning in FLIPS.items()}


def written_query(request: ImageRequest, base: ImageRequest) -> str:
    """Give the query that makes the request of the base, as far as parameters can."""
    pairs = ((name, value(request), value(base)) for name, value in _VALUES)
    return "&".join(f"{name}={quote(new, safe=',')}" for name, new, old in pairs if new is not None and new != old)


def _stage(value: Callable[[Stage], str | None]) -> Callable[[ImageRequest], str | None]:
    return lambda request: value(request.recipe.stages[0])


def _crop(crop: Crop | None) -> str:
    if crop is None:
        return "0,0"
    place = (crop.gravity.x, crop.gravity.y) if crop.gravity is not None else ()
    return ",".join(map(spelled, (*place, crop.width, crop.height)))


def _download(request: ImageRequest) -> str | None:
    if not request.delivery.attachment:
        return None
    name = request.delivery.filename
    return name if stem(name) == name else f"{name}.jpg"


def _fit(stage: Stage) -> str | None:
    return _FIT_NAMES.get((stage.resize.type, stage.extend is not None))


def _gravity(gravity: Gravity) -> str | None:
    if gravity.type is GravityType.FOCUS_POINT:
        return f"{spelled(gravity.x)},{spelled(gravity.y)}"
    return _NAMES.get(gravity.type)


def _pad(stage: Stage) -> str:
    padding = stage.padding
    return f"{padding.top},{padding.right},{padding.bottom},{padding.left}"


def _output_name(output: Output) -> str:
    return BEST if output.best else output.placeholder or output.format or AUTO


def _given(value: object) -> str | None:
    return None if value is None else str(value)


_VALUES: tuple[tuple[str, Callable[[ImageRequest], str | None]], ...] = (
    ("bg", _stage(lambda stage: stage.background.hex() if stage.background else None)),
    ("blur", _stage(lambda stage: spelled(stage.effects.blur))),
    ("crop", _stage(lambda stage: _crop(stage.crop))),
    ("dl", _download),
    ("dpr", _stage(lambda stage: spelled(stage.resize.dpr))),
    ("enlarge", _stage(lambda stage: str(int(stage.resize.enlarge)))),
    ("exp", lambda request: _given(request.delivery.expires_at)),
    ("fit", _stage(_fit)),
    ("flip", _stage(lambda stage: _FLIP_NAMES.get((stage.flip_horizontal, stage.flip_vertical)))),
    ("format", lambda request: _output_name(request.recipe.output)),
    ("gravity", _stage(lambda stage: _gravity(stage.gravity))),
    ("h", _stage(lambda stage: str(stage.resize.height))),
    ("pad", _stage(_pad)),
    ("q", lambda request: _given(request.recipe.output.quality)),
    ("rotate", _stage(lambda stage: str(stage.rotate))),
    ("sharpen", _stage(lambda stage: spelled(stage.effects.sharpen))),
    ("trim", _stage(lambda stage: spelled(stage.trim.threshold) if stage.trim else None)),
    ("w", _stage(lambda stage: str(stage.resize.width))),
)
