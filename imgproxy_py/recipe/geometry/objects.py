"""Where cuts lie that follow objects (dialect §5.1).

All is seen in the picture that is cut: `outer` is its size, boxes are in shares of its sides, windows and offsets in pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from imgproxy_py.recipe.geometry.placing import offset_pixels
from imgproxy_py.recipe.geometry.sizes import Size, round_half_up
from imgproxy_py.recipe.model import Box, Gravity, GravityType, Resize, ResizingType

MOST_OBJECTS = 16
"""How many objects are weighed against each other where not all fit in; those that count most."""

_NEARLY = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An object to keep in sight. `weight` is how much a pixel of it counts, at least 0."""

    box: Box
    weight: float = 1.0


class Span(NamedTuple):
    """A rectangle in pixels, not necessarily whole ones."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """How many pixels it covers."""
        return self.width * self.height


class _Weighed(NamedTuple):
    span: Span
    weight: float

    @property
    def score(self) -> float:
        return self.weight * self.span.area


def window_position(
    outer: Size,
    window: Size,
    targets: Iterable[Target],
    *,
    place: Gravity = Gravity(),
    factor: float = 1.0,
    average: bool = False,
) -> tuple[int, int] | None:
    """Give left and top of a window that shows objects, `None` if there is none to show.

    Such a window is chosen that what it shows of the objects counts most: each pixel by its object's weight and by how
    much of that object is shown, so that one object as a whole beats the halves of two. Where objects can be shown in more
    than one way, `place` says where in the window the area around them lies; `factor` multiplies its offsets in pixels.
    With `average` the middle of that area is the weighted mean of all objects' middles instead.
    """
    objects = _weighed(outer, targets)
    if not objects:
        return None
    area = _averaged(objects) if average else _best_area(outer, window, objects)
    return _placed(area, outer, window, place, factor)


def objects_crop(
    outer: Size,
    targets: Iterable[Target],
    scale: float,
    resize: Resize,
    *,
    place: Gravity = Gravity(),
    factor: float = 1.0,
) -> tuple[int, int, int, int] | None:
    """Give left, top, width and height of the area around all objects, grown `scale` times, `None` if there is no object.

    For `fill` and `fill-down` with both sides given, the side that lacks is grown to the requested ratio as far as the
    picture goes. `place` says where in the cut the objects lie.
    """
    objects = _weighed(outer, targets)
    if not objects:
        return None
    area = _union([one.span for one in objects])
    window = _window(outer, *_to_ratio(outer, area.width * scale, area.height * scale, _ratio(resize)))
    return (*_placed(area, outer, window, place, factor), *window)


def focus(outer: Size, window: Size, left: int, top: int) -> Gravity:
    """Give the focus point by which `position` lays a window there."""
    x, y = (left + window.width // 2) / outer.width, (top + window.height // 2) / outer.height
    return Gravity(type=GravityType.FOCUS_POINT, x=x, y=y)


# Objects in pixels


def _weighed(outer: Size, targets: Iterable[Target]) -> list[_Weighed]:
    found = [_Weighed(span, one.weight) for one in targets if (span := _inside(outer, one.box)) and one.weight > 0]
    return sorted(found, key=lambda one: -one.score)[:MOST_OBJECTS] if len(found) > MOST_OBJECTS else found


def _inside(outer: Size, box: Box) -> Span | None:
    span = Span(
        max(0.0, box.left * outer.width),
        max(0.0, box.top * outer.height),
        min(float(outer.width), (box.left + box.width) * outer.width),
        min(float(outer.height), (box.top + box.height) * outer.height),
    )
    return span if span.width > 0 and span.height > 0 else None


def _union(spans: Sequence[Span]) -> Span:
    return Span(
        min(one.left for one in spans),
        min(one.top for one in spans),
        max(one.right for one in spans),
        max(one.bottom for one in spans),
    )


def _averaged(objects: Sequence[_Weighed]) -> Span:
    total = sum(one.score for one in objects)
    x = sum(one.score * (one.span.left + one.span.right) / 2 for one in objects) / total
    y = sum(one.score * (one.span.top + one.span.bottom) / 2 for one in objects) / total
    area = _union([one.span for one in objects])
    return Span(x - area.width / 2, y - area.height / 2, x + area.width / 2, y + area.height / 2)


# The best window


def _best_area(outer: Size, window: Size, objects: Sequence[_Weighed]) -> Span:
    area = _union([one.span for one in objects])
    if area.width <= window.width and area.height <= window.height:
        return area
    lefts = _starts(outer.width, window.width, [(one.span.left, one.span.right) for one in objects])
    tops = _starts(outer.height, window.height, [(one.span.top, one.span.bottom) for one in objects])
    across = [[_common(left, window.width, one.span.left, one.span.right) for one in objects] for left in lefts]
    down = [[_common(top, window.height, one.span.top, one.span.bottom) for one in objects] for top in tops]
    worth = [one.weight / one.span.area for one in objects]
    best = max(
        product(range(len(lefts)), range(len(tops))),
        key=lambda at: sum(w * (a * d) ** 2 for w, a, d in zip(worth, across[at[0]], down[at[1]], strict=True)),
    )
    return _shown(window, lefts[best[0]], tops[best[1]], objects)


def _starts(outer: int, window: int, sides: Iterable[tuple[float, float]]) -> list[float]:
    """Where windows may start: an object in their middle, or at one of their edges. Only those can be best."""
    starts = (start for low, high in sides for start in ((low + high - window) / 2, low, high - window))
    return list(dict.fromkeys(max(0.0, min(float(outer - window), start)) for start in starts))


def _common(start: float, length: int, low: float, high: float) -> float:
    return max(0.0, min(start + length, high) - max(start, low))


def _shown(window: Size, left: float, top: float, objects: Sequence[_Weighed]) -> Span:
    """Give the area around what a window shows of the objects that it shows as far as it could."""
    view = Span(left, top, left + window.width, top + window.height)
    parts = [(_part(one.span, view), one) for one in objects]
    full = [part for part, one in parts if part and part.area >= _NEARLY * _most(one.span, window)]
    return _union(full or [max((part for part, _ in parts if part), key=lambda part: part.area)])


def _part(span: Span, view: Span) -> Span | None:
    part = Span(
        max(span.left, view.left), max(span.top, view.top), min(span.right, view.right), min(span.bottom, view.bottom)
    )
    return part if part.width > 0 and part.height > 0 else None


def _most(span: Span, window: Size) -> float:
    return min(span.width, window.width) * min(span.height, window.height)


# Its place


_ACROSS = {
    GravityType.WEST: 0.0,
    GravityType.NORTH_WEST: 0.0,
    GravityType.SOUTH_WEST: 0.0,
    GravityType.EAST: 1.0,
    GravityType.NORTH_EAST: 1.0,
    GravityType.SOUTH_EAST: 1.0,
}
_DOWN = {
    GravityType.NORTH: 0.0,
    GravityType.NORTH_WEST: 0.0,
    GravityType.NORTH_EAST: 0.0,
    GravityType.SOUTH: 1.0,
    GravityType.SOUTH_WEST: 1.0,
    GravityType.SOUTH_EAST: 1.0,
}
_MIDDLE = 0.5


def _placed(area: Span, outer: Size, window: Size, place: Gravity, factor: float) -> tuple[int, int]:
    x, y = (area.left + area.right) / 2, (area.top + area.bottom) / 2
    if place.type is GravityType.PROPORTIONAL:
        left, top = x - window.width * x / outer.width, y - window.height * y / outer.height
    elif place.type is GravityType.FOCUS_POINT:
        left, top = x - window.width * place.x, y - window.height * place.y
    else:
        left = area.left - _within(window.width, area.width, _ACROSS.get(place.type, _MIDDLE), place.x, factor)
        top = area.top - _within(window.height, area.height, _DOWN.get(place.type, _MIDDLE), place.y, factor)
    return max(0, min(round(left), outer.width - window.width)), max(0, min(round(top), outer.height - window.height))


def _within(window: int, length: float, edge: float, offset: float, factor: float) -> float:
    pixels = offset_pixels(offset, window, factor)
    return edge * (window - length) + (-pixels if edge == 1 else pixels)


# The area of `crop_objects`


def _ratio(resize: Resize) -> float:
    if resize.type not in (ResizingType.FILL, ResizingType.FILL_DOWN) or not (resize.width and resize.height):
        return 0.0
    return (resize.width * resize.zoom_x) / (resize.height * resize.zoom_y)


def _to_ratio(outer: Size, width: float, height: float, ratio: float) -> tuple[float, float]:
    if ratio and width < height * ratio:
        width = height * ratio
    elif ratio:
        height = width / ratio
    return min(width, outer.width), min(height, outer.height)


def _window(outer: Size, width: float, height: float) -> Size:
    return Size(
        max(1, min(outer.width, round_half_up(width))),
        max(1, min(outer.height, round_half_up(height))),
    )
