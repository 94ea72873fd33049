"""What is refused, and why: bytes, pixels, frames and sides, judged before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace

from imgproxy_py.errors import ResultTooLarge, SourceTooLarge
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import LimitOverrides
from imgproxy_py.recipe.picture import Header

_MEGA = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits in force (dialect §4.6, §14); resolutions are in megapixels, 0 switches a limit off.

    `max_result_resolution` is ours: no canvas above it is made, whatever the URL asks. `frames` is how many the result has:
    their canvases count together.
    """

    max_src_resolution: float = 50.0
    max_src_file_size: int = 0
    max_animation_frames: int = 1
    max_animation_frame_resolution: float = 0.0
    max_result_dimension: int = 0
    max_result_resolution: float = 100.0
    frames: int = 1

    def overridden(self, by: LimitOverrides) -> Limits:
        """Give the limits with those the URL sets in place of the configured ones."""
        given = {name: getattr(by, name) for name in by.__slots__ if getattr(by, name) is not None}
        return replace(self, **given) if given else self

    def frames_of(self, header: Header) -> int:
        """Give how many frames of an original are used at most, 1 of what is no animation."""
        return min(header.frames, self.max_animation_frames) if header.animated else 1

    def check_size(self, length: int) -> None:
        """Raise `SourceTooLarge` if an original of so many bytes is refused."""
        if 0 < self.max_src_file_size < length:
            raise SourceTooLarge(f"the original has {length} bytes, at most {self.max_src_file_size} are taken")

    def check_source(self, header: Header, frames: int = 1) -> None:
        """Raise `SourceTooLarge` if decoding so many frames of the image is refused; vector images have no pixels yet."""
        if header.format is Format.SVG:
            return
        limit, pixels = self._source_limit(header, frames)
        if limit and pixels > limit * _MEGA:
            raise SourceTooLarge(f"the original has {pixels / _MEGA:.1f} megapixels, at most {limit:g} are taken")

    def _source_limit(self, header: Header, frames: int) -> tuple[float, int]:
        pixels = header.width * header.height
        if frames > 1 and self.max_animation_frame_resolution:
            return self.max_animation_frame_resolution, pixels
        return self.max_src_resolution, pixels * frames

    def check_result(self, width: int, height: int) -> None:
        """Raise `ResultTooLarge` if a canvas of that size is not made."""
        limit = self.max_result_resolution
        if limit and width * height * self.frames > limit * _MEGA:
            what = "a picture" if self.frames == 1 else f"{self.frames} frames"
            raise ResultTooLarge(
                f"asked for is {what} of {width}×{height} pixels, at most {limit:g} megapixels are made"
            )
