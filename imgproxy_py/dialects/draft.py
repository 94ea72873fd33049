"""What a URL has said so far, and how it becomes an `ImageRequest`.

Options fill independent fields, and a later one touches only what it names (dialect §4.1). So there is one draft with
every field, which the options of a URL write on one after the other; what a switched-off option left in the others
(offsets of a gravity, flags of trimming) stays there until the switch is on again.
"""

from __future__ import annotations

from dataclasses import fields

from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import (
    Color,
    Crop,
    Effects,
    Gravity,
    LimitOverrides,
    Output,
    Padding,
    Recipe,
    Resize,
    ResizingType,
    Stage,
    Trim,
    Watermark,
)
from imgproxy_py.recipe.request import Delivery, ImageRequest
from imgproxy_py.recipe.source import SourceRef

PIXELATE_FROM = 2
"""A mosaic of single pixels is the picture itself (dialect §4.3)."""

CENTER = Gravity()
_NO_EFFECTS = Effects()
_NO_LIMITS = LimitOverrides()
_INLINE = Delivery()
# What most URLs do not say is not built anew for each of them: that would be a quarter of the time reading takes.
_LIMIT_FIELDS = frozenset(one.name for one in fields(LimitOverrides))
_DELIVERY_FIELDS = frozenset(one.name for one in fields(Delivery))


class Draft:
    """A request in the making. Each default is that of the dialect; only what was said is stored in the instance.

    `now` is in Unix seconds. `open_presets` are those being expanded, `preset_names` those the URL named.
    """

    now: float = 0.0
    open_presets: tuple[str, ...] = ()
    preset_names: tuple[str, ...] = ()

    resizing_type: ResizingType = ResizingType.FIT
    width: int = 0
    height: int = 0
    min_width: int = 0
    min_height: int = 0
    zoom_x: float = 1.0
    zoom_y: float = 1.0
    dpr: float = 1.0
    enlarge: bool = False
    extends: bool = False
    extend_gravity: Gravity = CENTER
    extends_aspect_ratio: bool = False
    extend_aspect_ratio_gravity: Gravity = CENTER
    gravity: Gravity = CENTER
    crop_width: float = 0.0
    crop_height: float = 0.0
    crop_gravity: Gravity | None = None
    trim_threshold: float | None = None
    trim_color: Color | None = None
    trim_equal_horizontal: bool = False
    trim_equal_vertical: bool = False
    padding: Padding = Padding()
    auto_rotate: bool = True
    rotate: int = 0
    flip_horizontal: bool = False
    flip_vertical: bool = False

    background: Color | None = None
    blur: float = 0.0
    sharpen: float = 0.0
    pixelate: int = 0
    watermark_opacity: float = 0.0
    watermark_position: Gravity = CENTER
    watermark_scale: float = 0.0
    preserve_hdr: bool = False

    format: Format | None = None
    quality: int | None = None
    format_quality: tuple[tuple[Format, int], ...] = ()
    max_bytes: int = 0
    strip_metadata: bool = True
    keep_copyright: bool = True
    strip_color_profile: bool = True
    enforce_thumbnail: bool = False
    skip_formats: tuple[Format, ...] = ()
    raw: bool = False

    cachebuster: str = ""
    expires_at: int | None = None
    filename: str = ""
    attachment: bool | None = None

    max_src_resolution: float | None = None
    max_src_file_size: int | None = None
    max_animation_frames: int | None = None
    max_animation_frame_resolution: float | None = None
    max_result_dimension: int | None = None

    def request(self, source: SourceRef, signature: str) -> ImageRequest:
        """Give the request as it stands now."""
        return ImageRequest(source=source, recipe=self._recipe(), delivery=self._delivery(), signature=signature)

    def _recipe(self) -> Recipe:
        return Recipe(stages=(self._stage(),), output=self._output(), limits=self._limits())

    def _stage(self) -> Stage:
        return Stage(
            trim=self._trim(),
            crop=self._crop(),
            resize=self._resize(),
            gravity=self.gravity,
            auto_rotate=self.auto_rotate,
            rotate=self.rotate,
            flip_horizontal=self.flip_horizontal,
            flip_vertical=self.flip_vertical,
            effects=self._effects(),
            extend=self.extend_gravity if self.extends else None,
            extend_aspect_ratio=self.extend_aspect_ratio_gravity if self.extends_aspect_ratio else None,
            padding=self.padding,
            background=self.background,
            watermark=self._watermark(),
        )

    def _resize(self) -> Resize:
        return Resize(
            type=self.resizing_type,
            width=self.width,
            height=self.height,
            min_width=self.min_width,
            min_height=self.min_height,
            zoom_x=self.zoom_x,
            zoom_y=self.zoom_y,
            dpr=self.dpr,
            enlarge=self.enlarge,
        )

    def _trim(self) -> Trim | None:
        if self.trim_threshold is None:
            return None
        return Trim(
            threshold=self.trim_threshold,
            color=self.trim_color,
            equal_horizontal=self.trim_equal_horizontal,
            equal_vertical=self.trim_equal_vertical,
        )

    def _crop(self) -> Crop | None:
        if not (self.crop_width or self.crop_height):
            return None
        return Crop(width=self.crop_width, height=self.crop_height, gravity=self.crop_gravity)

    def _effects(self) -> Effects:
        pixelate = self.pixelate if self.pixelate >= PIXELATE_FROM else 0
        if not (self.blur or self.sharpen or pixelate):
            return _NO_EFFECTS
        return Effects(blur=self.blur, sharpen=self.sharpen, pixelate=pixelate)

    def _watermark(self) -> Watermark | None:
        if not self.watermark_opacity:
            return None
        return Watermark(opacity=self.watermark_opacity, position=self.watermark_position, scale=self.watermark_scale)

    def _output(self) -> Output:
        return Output(
            format=self.format,
            quality=self.quality,
            format_quality=self.format_quality,
            max_bytes=self.max_bytes,
            strip_metadata=self.strip_metadata,
            keep_copyright=self.keep_copyright,
            strip_color_profile=self.strip_color_profile,
            preserve_hdr=self.preserve_hdr,
            enforce_thumbnail=self.enforce_thumbnail,
            skip_formats=self.skip_formats,
        )

    def _limits(self) -> LimitOverrides:
        if vars(self).keys().isdisjoint(_LIMIT_FIELDS):
            return _NO_LIMITS
        return LimitOverrides(
            max_src_resolution=self.max_src_resolution,
            max_src_file_size=self.max_src_file_size,
            max_animation_frames=self.max_animation_frames,
            max_animation_frame_resolution=self.max_animation_frame_resolution,
            max_result_dimension=self.max_result_dimension,
        )

    def _delivery(self) -> Delivery:
        if vars(self).keys().isdisjoint(_DELIVERY_FIELDS):
            return _INLINE
        return Delivery(
            filename=self.filename,
            attachment=self.attachment,
            expires_at=self.expires_at,
            cachebuster=self.cachebuster,
            raw=self.raw,
            preset_names=self.preset_names,
        )
