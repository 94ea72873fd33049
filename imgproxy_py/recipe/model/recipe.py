"""The whole recipe."""

from __future__ import annotations

from dataclasses import dataclass, field

from imgproxy_py.recipe.info import Info
from imgproxy_py.recipe.model.loading import Loading
from imgproxy_py.recipe.model.output import Output
from imgproxy_py.recipe.model.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOverrides:
    """Limits that the URL sets in place of the configured ones (dialect §4.6); `None` leaves the configured one.

    Resolutions are in megapixels, the file size in bytes, the result dimension in pixels (0 = off).
    """

    max_src_resolution: float | None = None
    max_src_file_size: int | None = None
    max_animation_frames: int | None = None
    max_animation_frame_resolution: float | None = None
    max_result_dimension: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is to be made of an original: how it is loaded, the stages in order, the output, the limits the URL sets.

    With an `info` no picture is made of it: the answer tells what it is.
    """

    loading: Loading = Loading()
    stages: tuple[Stage, ...] = field(default=(Stage(),))
    output: Output = Output()
    limits: LimitOverrides = LimitOverrides()
    info: Info | None = None
