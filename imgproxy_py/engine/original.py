"""When the original itself can be the answer: nothing asked for changes it, and written anew it takes more bytes."""

from __future__ import annotations

from dataclasses import replace

from imgproxy_py.recipe.bare import is_bare
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.geometry import Plan, Size
from imgproxy_py.recipe.model import Gravity, Loading, Output, Recipe, Resize, Stage
from imgproxy_py.recipe.picture import Header

_SHOWN_ANYWHERE = frozenset({Format.JPEG, Format.PNG, Format.GIF})
_INKS = 4  # a JPEG in CMYK is no answer where colours are sRGB


def is_as_asked(data: bytes, header: Header, recipe: Recipe, plan: Plan, answer: Format) -> bool:
    """Tell whether an original, whole, is what a recipe asks for that is answered in that format.

    `plan` is that of the recipe's first stage for the original as it is stored.
    """
    if len(recipe.stages) > 1 or recipe.loading != Loading() or header.orientation != 1:
        return False
    return (
        _changes_nothing(recipe.stages[0], plan, header)
        and _may_be_answered(header.format, recipe.output, answer)
        and not (header.format is Format.JPEG and header.bands == _INKS)
        and _holds_what_is_kept(data, header, recipe.output)
    )


def _changes_nothing(stage: Stage, plan: Plan, header: Header) -> bool:
    size = Size(header.width, header.height)
    fits = plan.scale_x == plan.scale_y == 1 and all(
        cut == 0 or cut >= side for cut, side in zip(plan.result_crop, size, strict=True)
    )
    reaches = plan.target.width <= size.width and plan.target.height <= size.height
    idle = replace(
        stage,
        resize=Resize(),
        gravity=Gravity(),
        objects_position=Gravity(),
        auto_rotate=True,
        extend=None if reaches else stage.extend,
        extend_aspect_ratio=None if plan.aspect in (Size(0, 0), size) else stage.extend_aspect_ratio,
        background=stage.background if header.alpha else None,
        background_alpha=1.0,
    )
    return fits and idle == Stage()


def _may_be_answered(kind: Format, output: Output, answer: Format) -> bool:
    return kind is answer or (output.format is None and (kind in _SHOWN_ANYWHERE or kind in output.accepted))


def _holds_what_is_kept(data: bytes, header: Header, output: Output) -> bool:
    if output.dpi or output.color_profile or output.enforce_thumbnail:
        return False
    if header.profile and output.strip_color_profile:
        return False
    return not output.strip_metadata or is_bare(data, header.format, profile=not output.strip_color_profile)
