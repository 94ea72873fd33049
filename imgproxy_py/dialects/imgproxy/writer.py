"""Requests as imgproxy options: whatever differs from what a URL without options would say, in one fixed order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar
from urllib.parse import quote

from imgproxy_py.dialects.imgproxy.options.geometry import ALL_CLASSES, WEIGHTED_OBJECTS
from imgproxy_py.dialects.imgproxy.options.output import BEST
from imgproxy_py.dialects.imgproxy.presets import NEXT_PIPELINE
from imgproxy_py.dialects.lexical import spelled, to_base64
from imgproxy_py.recipe.model import (
    Color,
    Gravity,
    GravityType,
    Ramp,
    Stage,
    VideoAnimation,
    VideoTile,
    Watermark,
)
from imgproxy_py.recipe.request import ImageRequest
from imgproxy_py.recipe.source import SourceRef

Words = tuple[str, ...]
T = TypeVar("T")
Table = tuple[tuple[str, Callable[[T], Words]], ...]
Spelling = Callable[[SourceRef], str]

_LITERAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def written_options(request: ImageRequest, base: ImageRequest, spell: Spelling) -> Iterator[Words]:
    """Give the options, name first, that make the request of the base, which has at least as many pipelines.

    Every argument is given, defaults too: what presets left in a field must not show through. `spell` gives the text of a
    source.
    """
    pipelines = zip(request.recipe.stages, base.recipe.stages, strict=False)
    for number, (stage, plain) in enumerate(pipelines):
        if number:
            yield (NEXT_PIPELINE,)
        yield from differing(_STAGE_WORDS, stage, plain)
        yield from differing(_sources_in(spell), stage, plain)
    yield from differing(_WORDS, request, base)
    if request.delivery.fallback != base.delivery.fallback:
        yield ("fiu", _source(request.delivery.fallback, spell))


def differing(table: Table[T], wanted: T, plain: T) -> Iterator[Words]:
    """Give the options of a table, name first, in which two values differ."""
    for name, words in table:
        said = words(wanted)
        if said and said != words(plain):
            yield (name, *said)


def flag_words(on: bool) -> Words:
    """Spell a boolean."""
    return ("1" if on else "0",)


def _given(value: float | None) -> Words:
    return () if value is None else (spelled(value),)


def gravity_words(gravity: Gravity) -> Words:
    """Spell a gravity with its offsets or classes."""
    if gravity.type in (GravityType.SMART, GravityType.PROPORTIONAL):
        return (gravity.type,)
    if gravity.type is GravityType.OBJECTS:
        return _objects(gravity)
    return (gravity.type, spelled(gravity.x), spelled(gravity.y))


def _objects(gravity: Gravity) -> Words:
    names = tuple(name for name, _ in gravity.classes)
    if all(weight == 1 for _, weight in gravity.classes) and ALL_CLASSES not in names:
        return (gravity.type, *names)
    pairs = ((name, spelled(weight)) for name, weight in gravity.classes)
    return (WEIGHTED_OBJECTS, *(word for pair in pairs for word in pair))


def _extend(gravity: Gravity | None) -> Words:
    return ("0",) if gravity is None else ("1", *gravity_words(gravity))


def crop_words(stage: Stage) -> Words:
    """Spell the crop of a stage."""
    crop = stage.crop
    if crop is None:
        return ("0", "0")
    return (spelled(crop.width), spelled(crop.height), *(gravity_words(crop.gravity) if crop.gravity else ()))


def _trim(stage: Stage) -> Words:
    trim = stage.trim
    if trim is None:
        return ("",)
    color = trim.color.hex() if trim.color else ""
    return (spelled(trim.threshold), color, *flag_words(trim.equal_horizontal), *flag_words(trim.equal_vertical))


def _padding(stage: Stage) -> Words:
    return tuple(str(getattr(stage.padding, side)) for side in ("top", "right", "bottom", "left"))


def _watermark(stage: Stage) -> Words:
    mark = stage.watermark
    return ("0",) if mark is None else (spelled(mark.opacity), *gravity_words(mark.position), spelled(mark.scale))


def _filename(request: ImageRequest) -> Words:
    name = request.delivery.filename
    return (name,) if _LITERAL.issuperset(name) else (to_base64(name.encode()), "1")


def _attachment(request: ImageRequest) -> Words:
    attachment = request.delivery.attachment
    return () if attachment is None else flag_words(attachment)


def _format_quality(request: ImageRequest) -> Words:
    return tuple(str(word) for pair in request.recipe.output.format_quality for word in pair)


def _cache_tags(request: ImageRequest) -> Words:
    return tuple(quote(tag, safe="") for tag in request.delivery.cache_tags)


def _video_keyframes(request: ImageRequest) -> Words:
    keyframes = request.recipe.loading.video_keyframes
    return () if keyframes is None else flag_words(keyframes)


def _crop_aspect_ratio(stage: Stage) -> Words:
    crop = stage.crop
    return (spelled(crop.aspect_ratio), *flag_words(crop.aspect_enlarge)) if crop else ("0", "0")


def _crop_objects(stage: Stage) -> Words:
    wanted = stage.crop_objects
    return (spelled(wanted.scale), *wanted.classes) if wanted else ("0",)


def _ramp(ramp: Ramp) -> Words:
    return (spelled(ramp.direction), spelled(ramp.start), spelled(ramp.stop))


def _monochrome(stage: Stage) -> Words:
    wanted = stage.colors.monochrome
    return (spelled(wanted.intensity), wanted.color.hex()) if wanted else ("0",)


def _duotone(stage: Stage) -> Words:
    wanted = stage.colors.duotone
    return (spelled(wanted.intensity), wanted.dark.hex(), wanted.light.hex()) if wanted else ("0",)


def _colorize(stage: Stage) -> Words:
    wanted = stage.colors.colorize
    return (spelled(wanted.opacity), wanted.color.hex(), *flag_words(wanted.keep_alpha)) if wanted else ("0",)


def _gradient(stage: Stage) -> Words:
    wanted = stage.colors.gradient
    return (spelled(wanted.opacity), wanted.color.hex(), *_ramp(wanted.ramp)) if wanted else ("0",)


def _unsharp(stage: Stage) -> Words:
    wanted = stage.effects.unsharp
    return (wanted.mode, spelled(wanted.weight), spelled(wanted.divider))


def _blur_areas(stage: Stage) -> Words:
    wanted = stage.effects.blur_areas
    if wanted is None:
        return ("0",)
    sides = (spelled(side) for box in wanted.areas for side in (box.left, box.top, box.width, box.height))
    return (spelled(wanted.sigma), *sides)


def _progressive_blur(stage: Stage) -> Words:
    wanted = stage.effects.progressive_blur
    return (spelled(wanted.sigma), *_ramp(wanted.ramp)) if wanted else ("0",)


def _blur_detections(stage: Stage) -> Words:
    wanted = stage.effects.blur_detections
    return (spelled(wanted.sigma), *wanted.classes) if wanted else ("0",)


def _draw_detections(stage: Stage) -> Words:
    wanted = stage.effects.draw_detections
    return ("1", *wanted.classes) if wanted else ("0",)


def _background(stage: Stage) -> Words:
    color: Color | None = stage.background
    return (color.hex() if color else "",)


def _mark(words: Callable[[Watermark], Words]) -> Callable[[Stage], Words]:
    return lambda stage: words(stage.watermark or Watermark(opacity=0))


def _source(source: SourceRef | None, spell: Spelling) -> str:
    return to_base64(spell(source).encode()) if source else ""


def _sources_in(spell: Spelling) -> tuple[tuple[str, Callable[[Stage], Words]], ...]:
    return (("wmu", _mark(lambda mark: (_source(mark.source, spell),))),)


def _video(video: VideoTile | VideoAnimation | None) -> Words:
    if video is None:
        return ("0",)
    counts = (video.columns, video.rows) if isinstance(video, VideoTile) else (video.delay, video.frames)
    frame = video.frame
    sizes = map(str, (*counts, frame.width, frame.height))
    flags = (*flag_words(frame.extend), *flag_words(frame.trim), *flag_words(frame.fill))
    return (spelled(video.step), *sizes, *flags, spelled(frame.focus_x), spelled(frame.focus_y))


def _maybe(*values: object) -> Words:
    """Spell arguments of which a blank one means "as configured"."""
    return tuple("" if value is None else _argument(value) for value in values)


def _argument(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return spelled(value) if isinstance(value, float) else str(value)


def _autoquality(request: ImageRequest) -> Words:
    wanted = request.recipe.output.autoquality
    return _maybe(wanted.method, wanted.target, wanted.minimum, wanted.maximum, wanted.error)


def _jpeg(request: ImageRequest) -> Words:
    one = request.recipe.output.jpeg
    switches = (one.progressive, one.no_subsample, one.trellis_quant, one.overshoot_deringing, one.optimize_scans)
    return _maybe(*switches, one.quant_table)


def _png(request: ImageRequest) -> Words:
    one = request.recipe.output.png
    return _maybe(one.interlaced, one.quantize, one.quantization_colors)


def _webp(request: ImageRequest) -> Words:
    one = request.recipe.output.webp
    return _maybe(one.compression, one.smart_subsample, one.preset)


def _format(request: ImageRequest) -> Words:
    output = request.recipe.output
    if output.best:
        return (BEST,)
    return (output.placeholder,) if output.placeholder else (output.format,) if output.format else ()


def _hashsum(request: ImageRequest) -> Words:
    method, _, digest = request.source.hashsum.partition(":")
    return (method, digest) if digest else ("none",)


def _color_profile(request: ImageRequest) -> Words:
    name = request.recipe.output.color_profile
    return (name,) if name else ()


_STAGE_WORDS: tuple[tuple[str, Callable[[Stage], Words]], ...] = (
    ("t", _trim),
    ("c", crop_words),
    ("car", _crop_aspect_ratio),
    ("c_obj", _crop_objects),
    ("ra", lambda stage: (stage.resize.kernel,)),
    ("rt", lambda stage: (stage.resize.type,)),
    ("w", lambda stage: (str(stage.resize.width),)),
    ("h", lambda stage: (str(stage.resize.height),)),
    ("mw", lambda stage: (str(stage.resize.min_width),)),
    ("mh", lambda stage: (str(stage.resize.min_height),)),
    ("z", lambda stage: (spelled(stage.resize.zoom_x), spelled(stage.resize.zoom_y))),
    ("dpr", lambda stage: (spelled(stage.resize.dpr),)),
    ("el", lambda stage: flag_words(stage.resize.enlarge)),
    ("g", lambda stage: gravity_words(stage.gravity)),
    ("op", lambda stage: gravity_words(stage.objects_position)),
    ("ex", lambda stage: _extend(stage.extend)),
    ("exar", lambda stage: _extend(stage.extend_aspect_ratio)),
    ("pd", _padding),
    ("ar", lambda stage: flag_words(stage.auto_rotate)),
    ("rot", lambda stage: (str(stage.rotate),)),
    ("fl", lambda stage: (*flag_words(stage.flip_horizontal), *flag_words(stage.flip_vertical))),
    ("bg", _background),
    ("bga", lambda stage: (spelled(stage.background_alpha),)),
    ("br", lambda stage: (str(stage.colors.brightness),)),
    ("contrast", lambda stage: (spelled(stage.colors.contrast),)),
    ("sa", lambda stage: (spelled(stage.colors.saturation),)),
    ("mc", _monochrome),
    ("dt", _duotone),
    ("col", _colorize),
    ("gr", _gradient),
    ("bl", lambda stage: (spelled(stage.effects.blur),)),
    ("sh", lambda stage: (spelled(stage.effects.sharpen),)),
    ("pix", lambda stage: (str(stage.effects.pixelate),)),
    ("ush", _unsharp),
    ("ba", _blur_areas),
    ("pbl", _progressive_blur),
    ("bd", _blur_detections),
    ("dd", _draw_detections),
    ("wm", _watermark),
    ("wmt", _mark(lambda mark: (to_base64(mark.text.encode()),))),
    ("wms", _mark(lambda mark: (str(mark.width), str(mark.height)))),
    ("wmr", _mark(lambda mark: (spelled(mark.rotate),))),
    ("wmsh", _mark(lambda mark: (spelled(mark.shadow),))),
)

_WORDS: tuple[tuple[str, Callable[[ImageRequest], Words]], ...] = (
    ("ph", lambda request: flag_words(request.recipe.output.preserve_hdr)),
    ("pg", lambda request: (str(request.recipe.loading.page),)),
    ("pgs", lambda request: (str(request.recipe.loading.pages),)),
    ("da", lambda request: flag_words(request.recipe.loading.still)),
    ("st", lambda request: (to_base64(request.recipe.loading.style.encode()),)),
    ("vts", lambda request: _given(request.recipe.loading.video_second)),
    ("vtk", _video_keyframes),
    ("vtt", lambda request: _video(request.recipe.loading.video_tile)),
    ("vta", lambda request: _video(request.recipe.loading.video_animation)),
    ("f", _format),
    ("q", lambda request: (str(request.recipe.output.quality or 0),)),
    ("fq", _format_quality),
    ("aq", _autoquality),
    ("jpgo", _jpeg),
    ("pngo", _png),
    ("webpo", _webp),
    ("avifo", lambda request: _maybe(request.recipe.output.avif.subsample)),
    ("mb", lambda request: (str(request.recipe.output.max_bytes),)),
    ("sm", lambda request: flag_words(request.recipe.output.strip_metadata)),
    ("kcr", lambda request: flag_words(request.recipe.output.keep_copyright)),
    ("kpr", lambda request: flag_words(request.recipe.output.keep_provenance)),
    ("cp", _color_profile),
    ("dpi", lambda request: (spelled(request.recipe.output.dpi),)),
    ("scp", lambda request: flag_words(request.recipe.output.strip_color_profile)),
    ("eth", lambda request: flag_words(request.recipe.output.enforce_thumbnail)),
    ("skp", lambda request: request.recipe.output.skip_formats),
    ("raw", lambda request: flag_words(request.delivery.raw)),
    ("cb", lambda request: (request.delivery.cachebuster,)),
    ("ct", _cache_tags),
    ("hs", _hashsum),
    ("bc", lambda request: flag_words(request.delivery.bypass_cache)),
    ("exp", lambda request: (str(request.delivery.expires_at or 0),)),
    ("fn", _filename),
    ("att", _attachment),
    ("msr", lambda request: _given(request.recipe.limits.max_src_resolution)),
    ("msfs", lambda request: _given(request.recipe.limits.max_src_file_size)),
    ("maf", lambda request: _given(request.recipe.limits.max_animation_frames)),
    ("mafr", lambda request: _given(request.recipe.limits.max_animation_frame_resolution)),
    ("mrd", lambda request: _given(request.recipe.limits.max_result_dimension)),
)


def words_of(*names: str) -> Table[ImageRequest]:
    """Give the part of the table for the whole request that has these names."""
    return tuple(row for row in _WORDS if row[0] in names)
