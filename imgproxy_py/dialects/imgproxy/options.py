"""The processing options: what each name does to a draft (dialect §4).

An option is a function `(draft, arguments) → None` under each of its names in `OPTIONS`. Most options set one field from
one argument and are a line in a table; the others are below it, in the order of the tables. They raise `Malformed`,
and whoever applies them adds the option's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from imgproxy_py.dialects.draft import Draft
from imgproxy_py.dialects.lexical import (
    Malformed,
    color,
    flag,
    from_base64,
    image_format,
    label,
    number,
    one_of,
    whole,
)
from imgproxy_py.errors import LinkExpired, OptionForbidden
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Color, Gravity, GravityType, Padding, ResizingType

Arguments = Sequence[str]
Option = Callable[[Draft, Arguments], None]

QUARTER_TURN = 90

_integer = whole()
_count = whole(0)
_number = number()
_amount = number(0)
_factor = number(0, above=True)
_share = number(0, 1)
_percent = whole(0, 100)
_band = whole(0, 255)
_any_gravity = one_of(GravityType, GravityType.REPLICATE)
_steady_gravity = one_of(GravityType, GravityType.REPLICATE, GravityType.SMART)
_watermark_position = one_of(GravityType, GravityType.FOCUS_POINT, GravityType.SMART)
_resizing_type = one_of(ResizingType)


def _at_most(arguments: Arguments, most: int) -> None:
    if len(arguments) > most:
        raise Malformed(":".join(arguments), "one argument" if most == 1 else f"at most {most} arguments")


def _turn(text: str) -> int:
    """Read quarter turns in degrees; negative ones count backwards (dialect §16, Q13)."""
    degrees = _integer(text)
    if degrees % QUARTER_TURN:
        raise Malformed(text, "a multiple of 90")
    return degrees % 360


def _set_quality(text: str) -> int | None:
    return _percent(text) or None


def _unless_off(text: str) -> int:
    return max(0, _integer(text))


# Options that set one field from one argument: names, field of the draft, reader of the argument.
_FIELDS: tuple[tuple[tuple[str, ...], str, Callable[[str], object]], ...] = (
    (("resizing_type", "rt"), "resizing_type", _resizing_type),
    (("width", "w"), "width", _count),
    (("height", "h"), "height", _count),
    (("min-width", "mw"), "min_width", _count),
    (("min-height", "mh"), "min_height", _count),
    (("dpr",), "dpr", _factor),
    (("enlarge", "el"), "enlarge", flag),
    (("auto_rotate", "ar"), "auto_rotate", flag),
    (("rotate", "rot"), "rotate", _turn),
    (("blur", "bl"), "blur", _amount),
    (("sharpen", "sh"), "sharpen", _amount),
    (("pixelate", "pix"), "pixelate", _count),
    (("preserve_hdr", "ph"), "preserve_hdr", flag),
    (("format", "f", "ext"), "format", image_format),
    (("quality", "q"), "quality", _set_quality),
    (("max_bytes", "mb"), "max_bytes", _count),
    (("strip_metadata", "sm"), "strip_metadata", flag),
    (("keep_copyright", "kcr"), "keep_copyright", flag),
    (("strip_color_profile", "scp"), "strip_color_profile", flag),
    (("enforce_thumbnail", "eth"), "enforce_thumbnail", flag),
    (("raw",), "raw", flag),
    (("cachebuster", "cb"), "cachebuster", str),
    (("return_attachment", "att"), "attachment", flag),
)

# Options that loosen the limits: they need permission (dialect §4.6).
_LIMITS: tuple[tuple[tuple[str, ...], str, Callable[[str], object]], ...] = (
    (("max_src_resolution", "msr"), "max_src_resolution", _amount),
    (("max_src_file_size", "msfs"), "max_src_file_size", _unless_off),
    (("max_animation_frames", "maf"), "max_animation_frames", whole(1)),
    (("max_animation_frame_resolution", "mafr"), "max_animation_frame_resolution", _amount),
    (("max_result_dimension", "mrd"), "max_result_dimension", _unless_off),
)


def _field_option(field: str, read: Callable[[str], object]) -> Option:
    def apply(draft: Draft, arguments: Arguments) -> None:
        _at_most(arguments, 1)
        setattr(draft, field, read(arguments[0]))

    return apply


def _forbidden(name: str) -> Option:
    def apply(draft: Draft, arguments: Arguments) -> None:
        raise OptionForbidden(f"The option {name} is not permitted")

    return apply


def _resize(draft: Draft, arguments: Arguments) -> None:
    _at_most(arguments, 8)
    if arguments[0]:
        draft.resizing_type = _resizing_type(arguments[0])
    _size(draft, arguments[1:])


def _size(draft: Draft, arguments: Arguments) -> None:
    _at_most(arguments, 7)
    width, height, enlarge, extend, *gravity = (*arguments, "", "", "", "")[: max(4, len(arguments))]
    if width:
        draft.width = _count(width)
    if height:
        draft.height = _count(height)
    if enlarge:
        draft.enlarge = flag(enlarge)
    if extend:
        draft.extends = flag(extend)
    if gravity:
        draft.extend_gravity = _moved(draft.extend_gravity, gravity, _steady_gravity, optional=True)


def _zoom(draft: Draft, arguments: Arguments) -> None:
    _at_most(arguments, 2)
    draft.zoom_x, draft.zoom_y = _factor(arguments[0]), _factor(arguments[-1])


def _extend(draft: Draft, arguments: Arguments) -> None:
    _at_most(arguments, 4)
    draft.extends = flag(arguments[0])
    if len(arguments) > 1:
        draft.extend_gravity = _moved(draft.extend_gravity, arguments[1:], _steady_gravity)


def _extend_aspect_ratio(draft: Draft, arguments: Arguments) -> None:
    _at_most(arguments, 4)
    draft.extends_aspect_ratio = flag(arguments[0])
    if len(arguments) > 1:
        draft.extend_aspect_ratio_gravity = _moved(draft.extend_aspect_ratio_gravity, arguments[1:], _steady_gravity)


def _gravity(draft: Draft, arguments: Arguments) -> None:
    draft.gravity = _moved(draft.gravity, arguments, _any_gravity)


def _moved(old: Gravity, arguments: Arguments, kinds: Callable[[str], GravityType], optional: bool = False) -> Gravity:
    """Give the gravity that arguments make of the old one: offsets not given stay, except for `sm` (dialect §4.1)."""
    kind = old.type if optional and not arguments[0] else kinds(arguments[0])
    if kind is GravityType.SMART:
        _at_most(arguments, 1)
        return Gravity(type=kind)
    if kind is GravityType.FOCUS_POINT:
        return _focused(arguments)
    _at_most(arguments, 3)
    return Gravity(type=kind, x=_offset(arguments, 1, old.x), y=_offset(arguments, 2, old.y))


def _focused(arguments: Arguments) -> Gravity:
    if len(arguments) != 3:
        raise Malformed(":".join(arguments), "fp:x:y")
    return Gravity(type=GravityType.FOCUS_POINT, x=_share(arguments[1]), y=_share(arguments[2]))


def _offset(arguments: Arguments, at: int, old: float) -> float:
    return _number(arguments[at]) if len(arguments) > at and arguments[at] else old


def _crop(draft: Draft, arguments: Arguments) -> None:
    draft.crop_width = crop_side(arguments[0])
    if len(arguments) > 1 and arguments[1]:
        draft.crop_height = crop_side(arguments[1])
    if len(arguments) > 2:
        draft.crop_gravity = _moved(draft.crop_gravity or Gravity(), arguments[2:], _any_gravity)


def crop_side(text: str) -> float:
    """Read a crop's side: pixels from 1, their fraction dropped, below that a share (dialect §4.2)."""
    side = _amount(text)
    return float(int(side)) if side >= 1 else side


def _trim(draft: Draft, arguments: Arguments) -> None:
    _at_most(arguments, 4)
    draft.trim_threshold = _number(arguments[0]) if arguments[0] else None
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
    _at_most(arguments, len(_PADDED))
    given = zip(_PADDED, arguments, strict=False)
    return replace(old, **{side: _count(text) for sides, text in given if text for side in sides})


def _flip(draft: Draft, arguments: Arguments) -> None:
    _at_most(arguments, 2)
    draft.flip_horizontal = flag(arguments[0])
    if len(arguments) > 1:
        draft.flip_vertical = flag(arguments[1])


def _background(draft: Draft, arguments: Arguments) -> None:
    if len(arguments) == 1:
        draft.background = color(arguments[0]) if arguments[0] else None
    elif len(arguments) == 3:
        draft.background = Color(*(_band(text) for text in arguments))
    else:
        raise Malformed(":".join(arguments), "hex digits or R:G:B")


def _watermark(draft: Draft, arguments: Arguments) -> None:
    _at_most(arguments, 7)
    draft.watermark_opacity = _share(arguments[0])
    if len(arguments) > 1:
        draft.watermark_position = _moved(draft.watermark_position, arguments[1:4], _watermark_position, optional=True)
    if len(arguments) > 4 and arguments[4]:
        draft.watermark_scale = _amount(arguments[4])


def _format_quality(draft: Draft, arguments: Arguments) -> None:
    draft.format_quality = _merged(draft.format_quality, dict(_pairs(arguments)))


def _pairs(arguments: Arguments) -> Iterator[tuple[Format, int]]:
    if len(arguments) % 2:
        raise Malformed(":".join(arguments), "pairs of format and quality")
    for name, quality in zip(arguments[::2], arguments[1::2], strict=True):
        yield image_format(name), _percent(quality)


def _merged(old: tuple[tuple[Format, int], ...], new: dict[Format, int]) -> tuple[tuple[Format, int], ...]:
    """Join both, the new one ahead; quality 0 means, as everywhere in this dialect, that none is set."""
    return tuple(sorted((kind, quality) for kind, quality in (dict(old) | new).items() if quality))


def _skip_processing(draft: Draft, arguments: Arguments) -> None:
    draft.skip_formats = tuple(sorted({*draft.skip_formats, *map(image_format, arguments)}))


def _expires(draft: Draft, arguments: Arguments) -> None:
    _at_most(arguments, 1)
    draft.expires_at = max(0, _integer(arguments[0])) or None
    _refuse_expired(draft)


def _refuse_expired(draft: Draft) -> None:
    """Raise `LinkExpired` if the draft's time of expiry has passed."""
    if draft.expires_at is not None and draft.expires_at < draft.now:
        raise LinkExpired


def _filename(draft: Draft, arguments: Arguments) -> None:
    # Percent-encoded, although imgproxy takes it literally (dialect §16, Q8); a `%` that encodes nothing stands for itself.
    _at_most(arguments, 2)
    name, *encoded = arguments
    data = from_base64(name.rstrip("=")) if encoded and flag(encoded[0]) else unquote_to_bytes(name)
    draft.filename = label(data, name)


_COMPOUND: tuple[tuple[tuple[str, ...], Option], ...] = (
    (("resize", "rs"), _resize),
    (("size", "s"), _size),
    (("zoom", "z"), _zoom),
    (("extend", "ex"), _extend),
    (("extend_aspect_ratio", "extend_ar", "exar"), _extend_aspect_ratio),
    (("gravity", "g"), _gravity),
    (("crop", "c"), _crop),
    (("trim", "t"), _trim),
    (("padding", "pd"), _padding),
    (("flip", "fl"), _flip),
    (("background", "bg"), _background),
    (("watermark", "wm"), _watermark),
    (("format_quality", "fq"), _format_quality),
    # `sp` is not documented; official clients send it (dialect §5.6).
    (("skip_processing", "skp", "sp"), _skip_processing),
    (("expires", "exp"), _expires),
    (("filename", "fn"), _filename),
)

OPTIONS: dict[str, Option] = {
    **{name: _field_option(field, read) for names, field, read in _FIELDS for name in names},
    **{name: option for names, option in _COMPOUND for name in names},
}
"""Every option that needs no permission, under all of its names; `preset` excepted."""

SECURITY_OPTIONS: dict[str, Option] = {
    name: _field_option(field, read) for names, field, read in _LIMITS for name in names
}
"""The options that loosen limits, under all of their names."""

FORBIDDEN_OPTIONS: dict[str, Option] = {name: _forbidden(name) for name in SECURITY_OPTIONS}
"""The same names, each raising `OptionForbidden`."""
