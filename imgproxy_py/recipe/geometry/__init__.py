"""Every number of a picture, before any of its pixels (dialect §8, §9).

Two roundings are used. `round_half_up` rounds halves away from zero and is what sizes use; `round` is Python's own, halves
to even, and is what offsets and paddings use. All else is IEEE double arithmetic in the order given by the dialect: the
order matters in rare half-way cases.

Sizes and scales in a `Plan` are *logical*: seen after EXIF orientation and the stage's rotation. Where pixels are still
as stored, `Plan.sideways` tells whether sides are exchanged.
"""

from imgproxy_py.recipe.geometry.areas import area_pixels
from imgproxy_py.recipe.geometry.load_scale import after_load, load_shrink
from imgproxy_py.recipe.geometry.orientation import EXIF_ANGLES, MIRRORED
from imgproxy_py.recipe.geometry.placing import offset_pixels, position
from imgproxy_py.recipe.geometry.planning import Plan, plan, result_size
from imgproxy_py.recipe.geometry.sizes import Size, cut_size, extended_size, format_scale, round_half_up
from imgproxy_py.recipe.geometry.turning import stored_gravity

__all__ = [
    "EXIF_ANGLES",
    "MIRRORED",
    "Plan",
    "Size",
    "after_load",
    "area_pixels",
    "cut_size",
    "extended_size",
    "format_scale",
    "load_shrink",
    "offset_pixels",
    "plan",
    "position",
    "result_size",
    "round_half_up",
    "stored_gravity",
]
