"""Options of pixels (dialect §4.3, §5.2, §5.3): background, filters, colours, watermarks."""

from __future__ import annotations

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
    named_options,
    padded_to,
    read_or,
    share,
)
from imgproxy_py.dialects.imgproxy.options.geometry import crop_objects, moved
from imgproxy_py.dialects.lexical import Malformed, color, flag, is_number, one_of, whole
from imgproxy_py.recipe.model import (
    BlurAreas,
    BlurDetections,
    Box,
    Color,
    Colorize,
    DrawDetections,
    Duotone,
    Gradient,
    GravityType,
    Monochrome,
    ProgressiveBlur,
    Ramp,
    UnsharpMode,
)

_band = whole(0, 255)
_brightness = whole(-255, 255)
_unsharp_mode = one_of(UnsharpMode)
_watermark_position = one_of(
    GravityType,
    GravityType.FOCUS_POINT,
    GravityType.SMART,
    GravityType.OBJECTS,
    GravityType.PROPORTIONAL,
)

_FIELDS: tuple[FieldOption, ...] = (
    (("background_alpha", "bga"), "background_alpha", share),
    (("blur", "bl"), "blur", amount),
    (("sharpen", "sh"), "sharpen", amount),
    (("pixelate", "pix"), "pixelate", count),
    (("brightness", "br"), "brightness", _brightness),
    (("saturation", "sa"), "saturation", amount),
    (("watermark_url", "wmu"), "watermark_url", base64_text),
    (("watermark_text", "wmt"), "watermark_text", base64_text),
    (("watermark_rotate", "wm_rot", "wmr"), "watermark_rotate", any_number),
    (("watermark_shadow", "wmsh"), "watermark_shadow", amount),
    (("preserve_hdr", "ph"), "preserve_hdr", flag),
)


def _background(draft: Draft, arguments: Arguments) -> None:
    if len(arguments) == 1:
        draft.background = color(arguments[0]) if arguments[0] else None
    elif len(arguments) == 3:
        draft.background = Color(*(_band(text) for text in arguments))
    else:
        raise Malformed(":".join(arguments), "hex digits or R:G:B")


def _adjust(draft: Draft, arguments: Arguments) -> None:
    brightness, contrast, saturation = padded_to(arguments, 3)
    draft.brightness = read_or(brightness, _brightness, draft.brightness)
    draft.contrast = read_or(contrast, amount, draft.contrast)
    draft.saturation = read_or(saturation, amount, draft.saturation)


def _contrast(draft: Draft, arguments: Arguments) -> None:
    at_most(arguments, 1)
    draft.contrast = amount(arguments[0])


def _contrast_or_objects(draft: Draft, arguments: Arguments) -> None:
    # `co` is documented for both; one number alone is a contrast (dialect §16, Q7).
    if len(arguments) == 1 and is_number(arguments[0]):
        _contrast(draft, arguments)
    else:
        crop_objects(draft, arguments)


def _monochrome(draft: Draft, arguments: Arguments) -> None:
    intensity, shade = padded_to(arguments, 2)
    wanted = Monochrome(intensity=share(intensity))
    draft.monochrome = Monochrome(intensity=wanted.intensity, color=read_or(shade, color, wanted.color))


def _duotone(draft: Draft, arguments: Arguments) -> None:
    intensity, dark, light = padded_to(arguments, 3)
    plain = Duotone(intensity=share(intensity))
    draft.duotone = Duotone(
        intensity=plain.intensity, dark=read_or(dark, color, plain.dark), light=read_or(light, color, plain.light)
    )


def _colorize(draft: Draft, arguments: Arguments) -> None:
    opacity, shade, keep_alpha = padded_to(arguments, 3)
    plain = Colorize(opacity=share(opacity))
    draft.colorize = Colorize(
        opacity=plain.opacity, color=read_or(shade, color, plain.color), keep_alpha=flag(keep_alpha)
    )


_DIRECTIONS = {"down": 0.0, "left": 90.0, "up": 180.0, "right": 270.0}


def _ramp(direction: str, start: str, stop: str) -> Ramp:
    plain = Ramp()
    return Ramp(
        direction=_degrees(direction) if direction else plain.direction,
        start=read_or(start, share, plain.start),
        stop=read_or(stop, share, plain.stop),
    )


def _degrees(text: str) -> float:
    return _DIRECTIONS[text] if text in _DIRECTIONS else any_number(text) % 360


def _gradient(draft: Draft, arguments: Arguments) -> None:
    opacity, shade, *ramp = padded_to(arguments, 5)
    plain = Gradient(opacity=share(opacity))
    draft.gradient = Gradient(opacity=plain.opacity, color=read_or(shade, color, plain.color), ramp=_ramp(*ramp))


def _progressive_blur(draft: Draft, arguments: Arguments) -> None:
    sigma, *ramp = padded_to(arguments, 4)
    draft.progressive_blur = ProgressiveBlur(sigma=amount(sigma), ramp=_ramp(*ramp))


def _unsharp_masking(draft: Draft, arguments: Arguments) -> None:
    mode, weight, divider = padded_to(arguments, 3)
    draft.unsharp_mode = read_or(mode, _unsharp_mode, draft.unsharp_mode)
    draft.unsharp_weight = read_or(weight, factor, draft.unsharp_weight)
    draft.unsharp_divider = read_or(divider, factor, draft.unsharp_divider)


def _blur_areas(draft: Draft, arguments: Arguments) -> None:
    sigma, *sides = arguments
    if len(sides) % 4:
        raise Malformed(":".join(arguments), "sigma, then left:top:width:height of each area")
    values = [share(side) for side in sides]
    areas = (Box(left=a, top=b, width=c, height=d) for a, b, c, d in zip(*[iter(values)] * 4, strict=True))
    draft.blur_areas = BlurAreas(sigma=amount(sigma), areas=tuple(areas))


def _blur_detections(draft: Draft, arguments: Arguments) -> None:
    sigma, *names = arguments
    draft.blur_detections = BlurDetections(sigma=amount(sigma), classes=classes(names))


def _draw_detections(draft: Draft, arguments: Arguments) -> None:
    on, *names = arguments
    draft.draw_detections = DrawDetections(classes=classes(names)) if flag(on) else None


def _watermark(draft: Draft, arguments: Arguments) -> None:
    at_most(arguments, 7)
    draft.watermark_opacity = share(arguments[0])
    if len(arguments) > 1:
        draft.watermark_position = moved(draft.watermark_position, arguments[1:4], _watermark_position, optional=True)
    if len(arguments) > 4 and arguments[4]:
        draft.watermark_scale = amount(arguments[4])


def _watermark_size(draft: Draft, arguments: Arguments) -> None:
    width, height = padded_to(arguments, 2)
    draft.watermark_width, draft.watermark_height = read_or(width, count, 0), read_or(height, count, 0)


_COMPOUND: tuple[tuple[tuple[str, ...], Option], ...] = (
    (("background", "bg"), _background),
    (("adjust", "a"), _adjust),
    (("contrast",), _contrast),
    (("co",), _contrast_or_objects),
    (("monochrome", "mc"), _monochrome),
    (("duotone", "dt"), _duotone),
    (("colorize", "col"), _colorize),
    (("gradient", "gr"), _gradient),
    (("unsharp_masking", "ush"), _unsharp_masking),
    (("blur_areas", "ba"), _blur_areas),
    (("progressive_blur", "pbl"), _progressive_blur),
    (("blur_detections", "bd"), _blur_detections),
    (("draw_detections", "dd"), _draw_detections),
    (("watermark", "wm"), _watermark),
    (("watermark_size", "wms"), _watermark_size),
)

PIXELS: dict[str, Option] = field_options(_FIELDS) | named_options(_COMPOUND)
"""The options of pixels under all of their names."""
