"""The processing options: what each name does to a draft (dialect §4, §5).

Most options set one field from one argument and are a line in a table; the others are functions, in the order of the
tables.
"""

from __future__ import annotations

from collections.abc import Iterable

from imgproxy_py.dialects.draft import Draft
from imgproxy_py.dialects.imgproxy.options.arguments import (
    Arguments,
    FieldOption,
    Option,
    amount,
    field_options,
    integer,
)
from imgproxy_py.dialects.imgproxy.options.geometry import GEOMETRY
from imgproxy_py.dialects.imgproxy.options.output import OUTPUT, bypass_cache
from imgproxy_py.dialects.imgproxy.options.pixels import PIXELS
from imgproxy_py.dialects.lexical import whole
from imgproxy_py.errors import OptionForbidden


def _unless_off(text: str) -> int:
    return max(0, integer(text))


# Options that loosen the limits: they need permission (dialect §4.6).
_LIMITS: tuple[FieldOption, ...] = (
    (("max_src_resolution", "msr"), "max_src_resolution", amount),
    (("max_src_file_size", "msfs"), "max_src_file_size", _unless_off),
    (("max_animation_frames", "maf"), "max_animation_frames", whole(1)),
    (("max_animation_frame_resolution", "mafr"), "max_animation_frame_resolution", amount),
    (("max_result_dimension", "mrd"), "max_result_dimension", _unless_off),
)


def _forbidden(name: str) -> Option:
    def apply(draft: Draft, arguments: Arguments) -> None:
        raise OptionForbidden(f"The option {name} is not permitted")

    return apply


OPTIONS: dict[str, Option] = GEOMETRY | PIXELS | OUTPUT
"""Every option that needs no permission, under all of its names; `preset` excepted."""

SECURITY_OPTIONS: dict[str, Option] = field_options(_LIMITS)
"""The options that loosen limits, under all of their names."""

BYPASS_OPTIONS: dict[str, Option] = dict.fromkeys(("bypass_cache", "bc"), bypass_cache)
"""The options that go past the caches, under all of their names."""


def forbidden(options: Iterable[str]) -> dict[str, Option]:
    """Give the same names, each raising `OptionForbidden`."""
    return {name: _forbidden(name) for name in options}
