"""Gain maps of UltraHDR pictures: a second, small picture that tells how much brighter a screen may show each place.

libvips reads and writes them beside a JPEG's pixels, but resizes and cuts only those. So the map is made to follow: it is
taken from the original, and laid where the view says when the picture is finished.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pyvips

from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.geometry import Size, round_half_up
from imgproxy_py.recipe.model import ColorEffects, Effects, Recipe, Stage
from imgproxy_py.recipe.picture import Header
from imgproxy_py.recipe.view import View

GAIN_MAP = "gainmap-data"
_QUALITY = 85

# Files with more than one picture have an index in a segment near their beginning (CIPA DC-007, "Multi-Picture Format").
_INDEX, _INDEX_WITHIN = b"MPF\x00", 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GainMap:
    """The map, as stored, for an original of the stored size `base`; and what libvips tells of its numbers."""

    image: pyvips.Image
    base: Size
    fields: tuple[tuple[str, int, Any], ...] = field(repr=False)

    @property
    def neutral(self) -> list[float]:
        """The sample of each band that means no gain."""
        return [
            _neutral(low, high, gamma)
            for _, low, high, gamma in zip(range(self.image.bands), *map(self._told, _CURVE), strict=False)
        ]

    def _told(self, name: str) -> list[float]:
        return next(value for known, _, value in self.fields if known == name)


_CURVE = ("gainmap-min-content-boost", "gainmap-max-content-boost", "gainmap-gamma")


def _neutral(low: float, high: float, gamma: float) -> float:
    if high <= low:
        return 0.0
    share = -math.log2(low) / (math.log2(high) - math.log2(low))
    return float(255 * min(1.0, max(0.0, share)) ** gamma)


def survives(recipe: Recipe, output: Format, header: Header) -> bool:
    """Tell whether a gain map is kept, if there is one: asked for, JPEG to JPEG, and only moved, cut and sized.

    Anything else changes what a place shows, and the old map would show through.
    """
    jpeg = header.format is Format.JPEG and output is Format.JPEG
    return recipe.output.preserve_hdr and jpeg and all(map(_is_geometric, recipe.stages))


def _is_geometric(stage: Stage) -> bool:
    effects = stage.effects
    plain = Effects(sharpen=effects.sharpen, unsharp=effects.unsharp)
    return effects == plain and stage.colors == ColorEffects() and stage.watermark is None


def gain_map_of(data: bytes, header: Header) -> GainMap | None:
    """Give the gain map of a JPEG, `None` if it has none, or a damaged one."""
    if data.find(_INDEX, 0, _INDEX_WITHIN) < 0:
        return None
    try:
        told = pyvips.Image.uhdrload_buffer(data)
        if not told.get_typeof(GAIN_MAP):
            return None
        image = pyvips.Image.jpegload_buffer(told.get(GAIN_MAP), access="sequential", fail_on="truncated")
    except pyvips.Error:
        return None
    if image.width > header.width or image.height > header.height:  # the limits were judged by the picture
        return None
    names = (name for name in told.get_fields() if name.startswith("gainmap-") and name != GAIN_MAP)
    fields = tuple((name, told.get_typeof(name), told.get(name)) for name in names)
    return GainMap(image=image, base=Size(header.width, header.height), fields=fields)


def with_gain_map(image: pyvips.Image, gain_map: GainMap, view: View) -> pyvips.Image:
    """Give a finished picture with the part of the gain map that belongs to it, as libvips' JPEG encoder takes it."""
    if image.interpretation not in ("srgb", "b-w"):
        return image
    followed = _followed(gain_map, view, Size(image.width, image.height))
    image = image.copy()
    for name, kind, value in gain_map.fields:
        image.set_type(kind, name, value)
    image.set_type(pyvips.GValue.blob_type, GAIN_MAP, followed.jpegsave_buffer(Q=_QUALITY, keep="none"))
    return image


def _followed(gain_map: GainMap, view: View, picture: Size) -> pyvips.Image:
    """Give the map cut, sized and turned as the picture was; beyond the original there is no gain."""
    image, box = gain_map.image, view.box
    wanted = _map_size(gain_map, picture).turned(view.sideways)
    scale_x = wanted.width / (box.width * image.width)
    scale_y = wanted.height / (box.height * image.height)
    image = image.resize(scale_x, vscale=scale_y, kernel="linear")
    left, top = box.left / box.width * wanted.width, box.top / box.height * wanted.height
    beyond = min(box.left, box.top, 1 - box.left - box.width, 1 - box.top - box.height) < -1e-6
    image = image.affine(
        [1, 0, 0, 1],
        odx=-left,
        ody=-top,
        oarea=[0, 0, *wanted],
        extend="background" if beyond else "copy",
        background=gain_map.neutral,
    )
    if view.angle:
        image = image.rot(f"d{view.angle}")
    return image.fliphor() if view.mirrored else image


def _map_size(gain_map: GainMap, picture: Size) -> Size:
    """Give the map's size beside a picture: as much smaller as it was beside the original."""
    across, down = gain_map.image.width / gain_map.base.width, gain_map.image.height / gain_map.base.height
    return Size(max(1, round_half_up(picture.width * across)), max(1, round_half_up(picture.height * down)))
