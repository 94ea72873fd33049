"""Requests as imgproxy options: whatever differs from what a URL without options would say, in one fixed order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from imgproxy_py.dialects.lexical import spelled, to_base64
from imgproxy_py.recipe.model import Gravity, GravityType, Stage
from imgproxy_py.recipe.request import ImageRequest

Words = tuple[str, ...]

_LITERAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def written_options(request: ImageRequest, base: ImageRequest) -> Iterator[Words]:
    """Give the options, name first, that make the request of the base.

    Every argument is given, defaults too: what presets left in a field must not show through.
    """
    for name, words in _WORDS:
        wanted = words(request)
        if wanted and wanted != words(base):
            yield (name, *wanted)


def _flag(on: bool) -> Words:
    return ("1" if on else "0",)


def _given(value: float | None) -> Words:
    return () if value is None else (spelled(value),)


def _gravity(gravity: Gravity) -> Words:
    if gravity.type is GravityType.SMART:
        return (gravity.type,)
    return (gravity.type, spelled(gravity.x), spelled(gravity.y))


def _extend(gravity: Gravity | None) -> Words:
    return ("0",) if gravity is None else ("1", *_gravity(gravity))


def _crop(stage: Stage) -> Words:
    crop = stage.crop
    if crop is None:
        return ("0", "0")
    return (spelled(crop.width), spelled(crop.height), *(_gravity(crop.gravity) if crop.gravity else ()))


def _trim(stage: Stage) -> Words:
    trim = stage.trim
    if trim is None:
        return ("",)
    color = trim.color.hex() if trim.color else ""
    return (spelled(trim.threshold), color, *_flag(trim.equal_horizontal), *_flag(trim.equal_vertical))


def _padding(stage: Stage) -> Words:
    return tuple(str(getattr(stage.padding, side)) for side in ("top", "right", "bottom", "left"))


def _watermark(stage: Stage) -> Words:
    mark = stage.watermark
    return ("0",) if mark is None else (spelled(mark.opacity), *_gravity(mark.position), spelled(mark.scale))


def _filename(request: ImageRequest) -> Words:
    name = request.delivery.filename
    return (name,) if _LITERAL.issuperset(name) else (to_base64(name.encode()), "1")


def _attachment(request: ImageRequest) -> Words:
    attachment = request.delivery.attachment
    return () if attachment is None else _flag(attachment)


def _format_quality(request: ImageRequest) -> Words:
    return tuple(str(word) for pair in request.recipe.output.format_quality for word in pair)


def _stage(words: Callable[[Stage], Words]) -> Callable[[ImageRequest], Words]:
    return lambda request: words(request.recipe.stages[0])


_WORDS: tuple[tuple[str, Callable[[ImageRequest], Words]], ...] = (
    ("t", _stage(_trim)),
    ("c", _stage(_crop)),
    ("rt", _stage(lambda stage: (stage.resize.type,))),
    ("w", _stage(lambda stage: (str(stage.resize.width),))),
    ("h", _stage(lambda stage: (str(stage.resize.height),))),
    ("mw", _stage(lambda stage: (str(stage.resize.min_width),))),
    ("mh", _stage(lambda stage: (str(stage.resize.min_height),))),
    ("z", _stage(lambda stage: (spelled(stage.resize.zoom_x), spelled(stage.resize.zoom_y)))),
    ("dpr", _stage(lambda stage: (spelled(stage.resize.dpr),))),
    ("el", _stage(lambda stage: _flag(stage.resize.enlarge))),
    ("g", _stage(lambda stage: _gravity(stage.gravity))),
    ("ex", _stage(lambda stage: _extend(stage.extend))),
    ("exar", _stage(lambda stage: _extend(stage.extend_aspect_ratio))),
    ("pd", _stage(_padding)),
    ("ar", _stage(lambda stage: _flag(stage.auto_rotate))),
    ("rot", _stage(lambda stage: (str(stage.rotate),))),
    ("fl", _stage(lambda stage: (*_flag(stage.flip_horizontal), *_flag(stage.flip_vertical)))),
    ("bg", _stage(lambda stage: (stage.background.hex() if stage.background else "",))),
    ("bl", _stage(lambda stage: (spelled(stage.effects.blur),))),
    ("sh", _stage(lambda stage: (spelled(stage.effects.sharpen),))),
    ("pix", _stage(lambda stage: (str(stage.effects.pixelate),))),
    ("wm", _stage(_watermark)),
    ("ph", lambda request: _flag(request.recipe.output.preserve_hdr)),
    ("f", lambda request: (request.recipe.output.format,) if request.recipe.output.format else ()),
    ("q", lambda request: (str(request.recipe.output.quality or 0),)),
    ("fq", _format_quality),
    ("mb", lambda request: (str(request.recipe.output.max_bytes),)),
    ("sm", lambda request: _flag(request.recipe.output.strip_metadata)),
    ("kcr", lambda request: _flag(request.recipe.output.keep_copyright)),
    ("scp", lambda request: _flag(request.recipe.output.strip_color_profile)),
    ("eth", lambda request: _flag(request.recipe.output.enforce_thumbnail)),
    ("skp", lambda request: request.recipe.output.skip_formats),
    ("raw", lambda request: _flag(request.delivery.raw)),
    ("cb", lambda request: (request.delivery.cachebuster,)),
    ("exp", lambda request: (str(request.delivery.expires_at or 0),)),
    ("fn", _filename),
    ("att", _attachment),
    ("msr", lambda request: _given(request.recipe.limits.max_src_resolution)),
    ("msfs", lambda request: _given(request.recipe.limits.max_src_file_size)),
    ("maf", lambda request: _given(request.recipe.limits.max_animation_frames)),
    ("mafr", lambda request: _given(request.recipe.limits.max_animation_frame_resolution)),
    ("mrd", lambda request: _given(request.recipe.limits.max_result_dimension)),
)
