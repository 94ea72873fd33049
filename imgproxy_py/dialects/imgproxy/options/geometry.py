"""Options of geometry (dialect §4.2, §5.1, §5.5): sizes, cuts, places, turns, and which part of the original is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from imgproxy_py.dialects.draft import Draft
from imgproxy_py.dialects.imgproxy.options.arguments import (
    Arguments,
    FieldOption,
    Option,
    amount,
    any_number,
    at_most,
    base64_text,
    classes,
    count,
    factor,
    field_options,
    integer,
    named_options,
    padded_to,
    read_or,
    share,
)
from imgproxy_py.dialects.lexical import Malformed, color, flag, one_of, whole
from imgproxy_py.recipe.model import (
    CropObjects,
    Gravity,
    GravityType,
    Kernel,
    Padding,
    ResizingType,
    VideoAnimation,
    VideoFrame,
    VideoTile,
)

QUARTER_TURN = 90
WEIGHTED_OBJECTS = "objw"
ALL_CLASSES = "all"

_NOT_EVERYWHERE = (GravityType.REPLICATE, GravityType.CHESSBOARD, GravityType.PROPORTIONAL)
any_gravity = one_of(GravityType, *_NOT_EVERYWHERE)
_steady_gravity = one_of(GravityType, *_NOT_EVERYWHERE, GravityType.SMART, GravityType.OBJECTS)
_objects_position = one_of(
    GravityType, GravityType.REPLICATE, GravityType.CHESSBOARD, GravityType.SMART, GravityType.OBJECTS
)
_resizing_type = one_of(ResizingType)
_positive = whole(1)


def _turn(text: str) -> int:
    """Read quarter turns in degrees; negative ones count backwards (dialect §16, Q13)."""
    degrees = integer(text)
    if degrees % QUARTER_TURN:
        raise Malformed(text, "a multiple of 90")
    return degrees % 360


_FIELDS: tuple[FieldOption, ...] = (
    (("resizing_type", "rt"), "resizing_type", _resizing_type),
    (("resizing_algorithm", "ra"), "kernel", one_of(Kernel)),
    (("width", "w"), "width", count),
    (("height", "h"), "height", count),
    (("min-width", "mw"), "min_width", count),
    (("min-height", "mh"), "min_height", count),
    (("dpr",), "dpr", factor),
    (("enlarge", "el"), "enlarge", flag),
    (("auto_rotate", "ar"), "auto_rotate", flag),
    (("rotate", "rot"), "rotate", _turn),
    (("page", "pg"), "page", count),
    (("pages", "pgs"), "pages", _positive),
    (("disable_animation", "da"), "still", flag),
    (("style", "st", "stl"), "style", base64_text),
    (("video_thumbnail_second", "vts"), "video_second", amount),
    (("video_thumbnail_keyframes", "vtk"), "video_keyframes", flag),
)


def _resize(draft: Draft, arguments: Arguments) -> None:
    at_most(arguments, 8)
    if arguments[0]:
        draft.resizing_type = _resizing_type(arguments[0])
    _size(draft, arguments[1:])


def _size(draft: Draft, arguments: Arguments) -> None:
    at_most(arguments, 7)
    width, height, enlarge, extend, *gravity = (*arguments, "", "", "", "")[: max(4, len(arguments))]
    if width:
        draft.width = count(width)
    if height:
        draft.height = count(height)
    if enlarge:
        draft.enlarge = flag(enlarge)
    if extend:
        draft.extends = flag(extend)
    if gravity:
        draft.extend_gravity = moved(draft.extend_gravity, gravity, _steady_gravity, optional=True)


def _zoom(draft: Draft, arguments: Arguments) -> None:
    at_most(arguments, 2)
    draft.zoom_x, draft.zoom_y = factor(arguments[0]), factor(arguments[-1])


def _extend(draft: Draft, arguments: Arguments) -> None:
    at_most(arguments, 4)
    draft.extends = flag(arguments[0])
    if len(arguments) > 1:
        draft.extend_gravity = moved(draft.extend_gravity, arguments[1:], _steady_gravity)


def _extend_aspect_ratio(draft: Draft, arguments: Arguments) -> None:
    at_most(arguments, 4)
    draft.extends_aspect_ratio = flag(arguments[0])
    if len(arguments) > 1:
        draft.extend_aspect_ratio_gravity = moved(draft.extend_aspect_ratio_gravity, arguments[1:], _steady_gravity)


def _gravity(draft: Draft, arguments: Arguments) -> None:
    draft.gravity = moved(draft.gravity, arguments, any_gravity)


def moved(old: Gravity, arguments: Arguments, kinds: Callable[[str], GravityType], optional: bool = False) -> Gravity:
    """Give the gravity that arguments make of the old one: offsets not given stay, except for `sm` (dialect §4.1)."""
    if arguments[0] == WEIGHTED_OBJECTS and kinds is any_gravity:
        return Gravity(type=GravityType.OBJECTS, classes=_weights(arguments[1:]))
    kind = old.type if optional and not arguments[0] else kinds(arguments[0])
    if kind is GravityType.SMART:
        at_most(arguments, 1)
        return Gravity(type=kind)
    if kind is GravityType.FOCUS_POINT:
        return _focused(arguments)
    if kind is GravityType.OBJECTS:
        return Gravity(type=kind, classes=_weighed(classes(arguments[1:])))
    at_most(arguments, 3)
    return Gravity(type=kind, x=_offset(arguments, 1, old.x), y=_offset(arguments, 2, old.y))


def _focused(arguments: Arguments) -> Gravity:
    if len(arguments) != 3:
        raise Malformed(":".join(arguments), "fp:x:y")
    return Gravity(type=GravityType.FOCUS_POINT, x=share(arguments[1]), y=share(arguments[2]))


def _offset(arguments: Arguments, at: int, old: float) -> float:
    return any_number(arguments[at]) if len(arguments) > at and arguments[at] else old


def _weighed(names: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    return tuple((name, 1.0) for name in names)


def _weights(arguments: Arguments) -> tuple[tuple[str, float], ...]:
    if len(arguments) % 2:
        raise Malformed(":".join(arguments), "pairs of class and weight")
    pairs = dict(zip(arguments[::2], map(amount, arguments[1::2]), strict=True))
    return () if pairs == {ALL_CLASSES: 1.0} else tuple(sorted(pairs.items()))


def _objects_place(draft: Draft, arguments: Arguments) -> None:
    if arguments[0] == GravityType.PROPORTIONAL:
        at_most([one for one in arguments if one], 1)  # the JavaScript client sends its blank offsets too
        draft.objects_position = Gravity(type=GravityType.PROPORTIONAL)
    else:
        draft.objects_position = moved(draft.objects_position, _focus_given(arguments), _objects_position)


def _focus_given(arguments: Arguments) -> Arguments:
    # The JavaScript client may leave either number of a focus point blank, which then is the middle.
    if arguments[0] != GravityType.FOCUS_POINT:
        return arguments
    return [arguments[0], *(one or "0.5" for one in arguments[1:])]


def _crop(draft: Draft, arguments: Arguments) -> None:
    draft.crop_width = crop_side(arguments[0])
    if len(arguments) > 1 and arguments[1]:
        draft.crop_height = crop_side(arguments[1])
    if len(arguments) > 2:
        draft.crop_gravity = moved(draft.crop_gravity or Gravity(), arguments[2:], any_gravity)


def crop_side(text: str) -> float:
    """Read a crop's side: pixels from 1, their fraction dropped, below that a share (dialect §4.2)."""
    side = amount(text)
    return float(int(side)) if side >= 1 else side


def _crop_aspect_ratio(draft: Draft, arguments: Arguments) -> None:
    at_most(arguments, 2)
    draft.crop_aspect_ratio = amount(arguments[0])
    if len(arguments) > 1:
        draft.crop_aspect_enlarge = flag(arguments[1])


def crop_objects(draft: Draft, arguments: Arguments) -> None:
    """Cut to detected objects; a scale of 0 switches it off."""
    scale = amount(arguments[0])
    draft.crop_objects = CropObjects(scale=scale, classes=classes(arguments[1:])) if scale else None


def _trim(draft: Draft, arguments: Arguments) -> None:
    at_most(arguments, 4)
    draft.trim_threshold = any_number(arguments[0]) if arguments[0] else None
    draft.trim_color = color(arguments[1]) if len(arguments) > 1 and arguments[1] else None
    if len(arguments) > 2:
        draft.trim_equal_horizontal = flag(arguments[2])
    if len(arguments) > 3:
        draft.trim_equal_vertical = flag(arguments[3])


# Which sides each of the arguments of `padding` sets, those after it refining what it set.
_PADDED = (("top", "right", "bottom", "left"), ("right", "left"), ("bottom",), ("left",))


def _padding(draft: Draft, arguments: Arguments) -> None:
    draft.padding = padded(draft.padding, arguments)


def padded(old: Padding, arguments: Arguments) -> Padding:
    """Give the padding that up to four arguments make of the old one, in the order and inheritance of CSS."""
    at_most(arguments, len(_PADDED))
    given = zip(_PADDED, arguments, strict=False)
    return replace(old, **{side: count(text) for sides, text in given if text for side in sides})


def _flip(draft: Draft, arguments: Arguments) -> None:
    at_most(arguments, 2)
    draft.flip_horizontal = flag(arguments[0])
    if len(arguments) > 1:
        draft.flip_vertical = flag(arguments[1])


def _video_frame(arguments: Arguments) -> VideoFrame:
    width, height, extend, trim, fill, focus_x, focus_y = padded_to(arguments, 7)
    return VideoFrame(
        width=_positive(width),
        height=_positive(height),
        extend=flag(extend),
        trim=flag(trim),
        fill=flag(fill),
        focus_x=read_or(focus_x, share, 0.5),
        focus_y=read_or(focus_y, share, 0.5),
    )


def _video_tile(draft: Draft, arguments: Arguments) -> None:
    step = any_number(arguments[0])
    if not step:
        draft.video_tile = None
        return
    columns, rows, *frame = padded_to(arguments[1:], 9)
    draft.video_tile = VideoTile(step=step, columns=_positive(columns), rows=_positive(rows), frame=_video_frame(frame))


def _video_animation(draft: Draft, arguments: Arguments) -> None:
    step = any_number(arguments[0])
    if not step:
        draft.video_animation = None
        return
    delay, frames, *frame = padded_to(arguments[1:], 9)
    draft.video_animation = VideoAnimation(
        step=step, delay=_positive(delay), frames=_positive(frames), frame=_video_frame(frame)
    )


_COMPOUND: tuple[tuple[tuple[str, ...], Option], ...] = (
    (("resize", "rs"), _resize),
    (("size", "s"), _size),
    (("zoom", "z"), _zoom),
    (("extend", "ex"), _extend),
    (("extend_aspect_ratio", "extend_ar", "exar"), _extend_aspect_ratio),
    (("gravity", "g"), _gravity),
    (("objects_position", "obj_pos", "op"), _objects_place),
    (("crop", "c"), _crop),
    (("crop_aspect_ratio", "crop_ar", "car"), _crop_aspect_ratio),
    (("crop_objects", "c_obj"), crop_objects),
    (("trim", "t"), _trim),
    (("padding", "pd"), _padding),
    (("flip", "fl"), _flip),
    (("video_thumbnail_tile", "vtt"), _video_tile),
    (("video_thumbnail_animation", "vta"), _video_animation),
)

GEOMETRY: dict[str, Option] = field_options(_FIELDS) | named_options(_COMPOUND)
"""The options of geometry under all of their names."""
