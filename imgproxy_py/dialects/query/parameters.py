"""The query's parameters: what each name does to a draft (delivery §1).

A parameter is a function `(draft, value) → None` that raises `Malformed`. Unlike options, a parameter sets all that
belongs to it: nothing of a preset shows through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from imgproxy_py.dialects.draft import CENTER, Draft
from imgproxy_py.dialects.imgproxy.options.geometry import crop_side, padded
from imgproxy_py.dialects.imgproxy.options.output import BEST, set_format
from imgproxy_py.dialects.imgproxy.presets import OptionReader
from imgproxy_py.dialects.lexical import Malformed, color, label, lookup, number, percent_decoded, whole
from imgproxy_py.dialects.query.config import QueryConfig
from imgproxy_py.errors import WrongParameter
from imgproxy_py.recipe.formats import FORMAT_NAMES
from imgproxy_py.recipe.model import Gravity, GravityType, Padding, Placeholder, ResizingType

Parameter = Callable[[Draft, str], None]

SIGNATURE = "s"
AUTO = "auto"
MAX_DPR = 8

GRAVITIES: dict[str, GravityType] = {
    "center": GravityType.CENTER,
    "north": GravityType.NORTH,
    "south": GravityType.SOUTH,
    "east": GravityType.EAST,
    "west": GravityType.WEST,
    "northeast": GravityType.NORTH_EAST,
    "northwest": GravityType.NORTH_WEST,
    "southeast": GravityType.SOUTH_EAST,
    "southwest": GravityType.SOUTH_WEST,
    "smart": GravityType.SMART,
}

FITS: dict[str, tuple[ResizingType, bool]] = {
    "contain": (ResizingType.FIT, False),
    "cover": (ResizingType.FILL, False),
    "fill": (ResizingType.FORCE, False),
    "pad": (ResizingType.FIT, True),
}
"""What each `fit` is: how the box is met, and whether the picture is padded to it."""

FLIPS: dict[str, tuple[bool, bool]] = {"h": (True, False), "v": (False, True), "hv": (True, True)}
"""What each `flip` turns: horizontally, vertically."""

ALIASES = {
    "width": "w",
    "height": "h",
    "g": "gravity",
    "fm": "format",
    "f": "format",
    "quality": "q",
    "p": "preset",
}

_amount = number(0)
_share = number(0, 1)
_flip = lookup(FLIPS)
_fit = lookup(FITS)
_COMPASS = "x,y (shares from 0 to 1) or one of " + ", ".join(GRAVITIES)
_CROP = "w,h or x,y,w,h in pixels from 1 or shares from 0 to 1"
_PAD = "1 to 4 integers from 0, divided by commas"


def _set(field: str, read: Callable[[str], object]) -> Parameter:
    def apply(draft: Draft, value: str) -> None:
        setattr(draft, field, read(value))

    return apply


def _gravity(draft: Draft, value: str) -> None:
    if value in GRAVITIES:
        draft.gravity = Gravity(type=GRAVITIES[value])
        return
    try:
        x, y = map(_share, value.split(","))
    except ValueError:
        raise Malformed(value, _COMPASS) from None
    draft.gravity = Gravity(type=GravityType.FOCUS_POINT, x=x, y=y)


def _apply_fit(draft: Draft, value: str) -> None:
    """Set the box's meaning; a padded picture lies in its box where the gravity says, if it is a place."""
    draft.resizing_type, draft.extends = _fit(value)
    draft.extend_gravity = CENTER if draft.gravity.type is GravityType.SMART else draft.gravity


def _crop(draft: Draft, value: str) -> None:
    parts = value.split(",")
    if len(parts) not in (2, 4):
        raise Malformed(value, _CROP)
    try:
        width, height = map(crop_side, parts[-2:])
        place = [_amount(text) for text in parts[:-2]]
    except Malformed:
        raise Malformed(value, _CROP) from None
    draft.crop_width, draft.crop_height = width, height
    draft.crop_gravity = Gravity(type=GravityType.NORTH_WEST, x=place[0], y=place[1]) if place else None


def _apply_flip(draft: Draft, value: str) -> None:
    draft.flip_horizontal, draft.flip_vertical = _flip(value)


def _trim(draft: Draft, value: str) -> None:
    draft.trim_threshold, draft.trim_color = _amount(value), None
    draft.trim_equal_horizontal = draft.trim_equal_vertical = False


def _pad(draft: Draft, value: str) -> None:
    sides = value.split(",")
    if not all(sides):
        raise Malformed(value, _PAD)
    try:
        draft.padding = padded(Padding(), sides)
    except Malformed:
        raise Malformed(value, _PAD) from None


def _download(draft: Draft, value: str) -> None:
    draft.attachment, draft.filename = True, stem(value)


def stem(name: str) -> str:
    """Give a file name without the ending of an image format: the answer brings its own."""
    head, _, ending = name.rpartition(".")
    return head if head and ending.lower() in FORMAT_NAMES else name


class Parameters:
    """Knows the parameters under all of their names and applies them to drafts."""

    def __init__(self, config: QueryConfig, options: OptionReader) -> None:
        self._options = options
        side = whole(1, config.max_side)
        savable = {name: one for name, one in FORMAT_NAMES.items() if one in config.savable}
        self._best_by_default = config.shared.best
        self._output_name = lookup({AUTO: AUTO, BEST: BEST, **savable, **{one.value: one for one in Placeholder}})
        # Applied in this order, whatever the order in the URL.
        self._parameters: dict[str, Parameter] = {
            "preset": self._preset,
            "w": _set("width", side),
            "h": _set("height", side),
            "gravity": _gravity,
            "fit": _apply_fit,
            "enlarge": _set("enlarge", lookup({"0": False, "1": True})),
            "dpr": _set("dpr", number(0, MAX_DPR, above=True)),
            "crop": _crop,
            "rotate": _set("rotate", lookup({str(one): one for one in (0, 90, 180, 270)})),
            "flip": _apply_flip,
            "trim": _trim,
            "pad": _pad,
            "bg": _set("background", color),
            "blur": _set("blur", _amount),
            "sharpen": _set("sharpen", _amount),
            "format": self._format,
            "q": _set("quality", whole(0, 100)),
            "dl": _download,
            "exp": _set("expires_at", whole(1)),
        }
        self._known = "one of " + ", ".join(sorted(chain(self._parameters, ALIASES, (SIGNATURE,))))

    def apply(self, draft: Draft, query: str) -> Iterator[WrongParameter]:
        """Apply a query without its signature, and tell every parameter that is wrong."""
        sent: dict[str, _Sent] = {}
        for pair in query.split("&"):
            if pair and (wrong := self._sort(pair, sent)) is not None:
                yield wrong
        for name, parameter in self._parameters.items():
            if name in sent and (wrong := _applied(draft, parameter, sent[name])) is not None:
                yield wrong

    def _sort(self, pair: str, sent: dict[str, _Sent]) -> WrongParameter | None:
        spelling, _, value = pair.partition("=")
        try:
            one = _Sent(_decoded(spelling), _decoded(value))
        except Malformed as error:
            return WrongParameter(spelling, error.value, error.expected)
        name = ALIASES.get(one.name, one.name)
        if name in sent or name == SIGNATURE:
            return WrongParameter(one.name, one.value, "to be given once, under one name")
        if name not in self._parameters:
            return WrongParameter(one.name, one.value, self._known)
        sent[name] = one
        return None

    def _format(self, draft: Draft, value: str) -> None:
        if self._output_name(value) != AUTO:
            set_format(draft, value)
            return
        draft.format, draft.placeholder, draft.best = None, None, self._best_by_default

    def _preset(self, draft: Draft, value: str) -> None:
        names = self._options.preset_names
        if value not in names:
            raise Malformed(value, f"one of {', '.join(names)}" if names else "none: there are no presets")
        self._options.include(draft, [value])


@dataclass(frozen=True, slots=True)
class _Sent:
    """A parameter as the URL has it, decoded."""

    name: str
    value: str


def _applied(draft: Draft, parameter: Parameter, sent: _Sent) -> WrongParameter | None:
    try:
        parameter(draft, sent.value)
    except Malformed as error:
        return WrongParameter(sent.name, error.value, error.expected)
    return None


def _decoded(text: str) -> str:
    """Decode as forms do: `+` is a space, `%2B` a plus."""
    if text.isalnum():
        return text
    return label(percent_decoded(text.replace("+", " ")), text)
