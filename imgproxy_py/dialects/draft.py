"""What a URL has said so far, and how it becomes an `ImageRequest`.

Options fill independent fields, and a later one touches only what it names (dialect §4.1). So there is one draft with
every field, which the options of a URL write on one after the other; what a switched-off option left in the others
(offsets of a gravity, flags of trimming) stays there until the switch is on again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace

from imgproxy_py.dialects.naming import name_source
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import (
    AutoQuality,
    AvifOptions,
    BlurAreas,
    BlurDetections,
    Color,
    ColorEffects,
    Colorize,
    Crop,
    CropObjects,
    DrawDetections,
    Duotone,
    Effects,
    Gradient,
    Gravity,
    JpegOptions,
    Kernel,
    LimitOverrides,
    Loading,
    Monochrome,
    Output,
    Padding,
    Placeholder,
    PngOptions,
    ProgressiveBlur,
    Recipe,
    Resize,
    ResizingType,
    Stage,
    Trim,
    UnsharpMasking,
    UnsharpMode,
    VideoAnimation,
    VideoTile,
    Watermark,
    WebpOptions,
)
from imgproxy_py.recipe.request import Delivery, ImageRequest
from imgproxy_py.recipe.source import SourceRef

PIXELATE_FROM = 2
"""A mosaic of single pixels is the picture itself (dialect §4.3)."""

CENTER = Gravity()
_NO_EFFECTS = Effects()
_NO_COLORS = ColorEffects()
_PLAINLY = Loading()
_NO_LIMITS = LimitOverrides()
_INLINE = Delivery()
# What most URLs do not say is not built anew for each of them: that would be a quarter of the time reading takes.
_LIMIT_FIELDS = frozenset(one.name for one in fields(LimitOverrides))
_LOADING_FIELDS = frozenset(one.name for one in fields(Loading))
_COLOR_FIELDS = frozenset(one.name for one in fields(ColorEffects))
_EFFECT_FIELDS = frozenset(one.name for one in fields(Effects)) | {"unsharp_mode"}
_DELIVERY_FIELDS = frozenset(one.name for one in fields(Delivery)) | {"fallback_url"}


class StageDraft:
    """The fields of one pipeline, each with the dialect's default."""

    resizing_type: ResizingType = ResizingType.FIT
    kernel: Kernel = Kernel.LANCZOS3
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
    objects_position: Gravity = CENTER
    crop_width: float = 0.0
    crop_height: float = 0.0
    crop_gravity: Gravity | None = None
    crop_aspect_ratio: float = 0.0
    crop_aspect_enlarge: bool = False
    crop_objects: CropObjects | None = None
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
    background_alpha: float = 1.0
    blur: float = 0.0
    sharpen: float = 0.0
    pixelate: int = 0
    unsharp_mode: UnsharpMode = UnsharpMode.NONE
    unsharp_weight: float = 1.0
    unsharp_divider: float = 24.0
    blur_areas: BlurAreas | None = None
    progressive_blur: ProgressiveBlur | None = None
    blur_detections: BlurDetections | None = None
    draw_detections: DrawDetections | None = None
    brightness: int = 0
    contrast: float = 1.0
    saturation: float = 1.0
    monochrome: Monochrome | None = None
    duotone: Duotone | None = None
    colorize: Colorize | None = None
    gradient: Gradient | None = None
    watermark_opacity: float = 0.0
    watermark_position: Gravity = CENTER
    watermark_scale: float = 0.0
    watermark_url: str = ""
    watermark_text: str = ""
    watermark_width: int = 0
    watermark_height: int = 0
    watermark_rotate: float = 0.0
    watermark_shadow: float = 0.0


STAGE_FIELDS = frozenset(StageDraft.__annotations__)
"""The fields that belong to one pipeline; all others belong to the whole request."""

Naming = Callable[[str], SourceRef]


class Draft(StageDraft):
    """A request in the making. Each default is that of the dialect; only what was said is stored in the instance.

    `now` is in Unix seconds. `open_presets` are those being expanded, `preset_names` those the URL named. The fields of
    the pipeline that is being written are those of the draft itself, `pipeline` is its number, `pipelines` keeps what was
    said of the others. Each pipeline starts from `stage_basics`.
    """

    now: float = 0.0
    open_presets: tuple[str, ...] = ()
    preset_names: tuple[str, ...] = ()

    pipeline: int = 0
    pipelines: tuple[dict[str, object], ...] = ()
    stage_basics: Mapping[str, object] = {}  # never written to

    preserve_hdr: bool = False
    page: int = 0
    pages: int = 1
    still: bool = False
    style: str = ""
    video_second: float | None = None
    video_keyframes: bool | None = None
    video_tile: VideoTile | None = None
    video_animation: VideoAnimation | None = None

    format: Format | None = None
    best: bool = False
    placeholder: Placeholder | None = None
    quality: int | None = None
    format_quality: tuple[tuple[Format, int], ...] = ()
    autoquality: AutoQuality = AutoQuality()
    max_bytes: int = 0
    jpeg: JpegOptions = JpegOptions()
    png: PngOptions = PngOptions()
    webp: WebpOptions = WebpOptions()
    avif: AvifOptions = AvifOptions()
    strip_metadata: bool = True
    keep_copyright: bool = True
    keep_provenance: bool = False
    strip_color_profile: bool = True
    color_profile: str = ""
    dpi: float = 0.0
    enforce_thumbnail: bool = False
    skip_formats: tuple[Format, ...] = ()
    raw: bool = False

    cachebuster: str = ""
    expires_at: int | None = None
    filename: str = ""
    attachment: bool | None = None
    cache_tags: tuple[str, ...] = ()
    fallback_url: str = ""
    bypass_cache: bool = False
    hashsum: str = ""

    max_src_resolution: float | None = None
    max_src_file_size: int | None = None
    max_animation_frames: int | None = None
    max_animation_frame_resolution: float | None = None
    max_result_dimension: int | None = None

    def turn_to(self, pipeline: int) -> None:
        """Write on another pipeline from now on: the next one after the last, or one that was written on before."""
        mine, kept = vars(self), list(self.pipelines) or [{}]
        kept[self.pipeline] = {name: mine.pop(name) for name in STAGE_FIELDS & mine.keys()}
        if pipeline == len(kept):
            kept.append(dict(self.stage_basics))
        mine.update(kept[pipeline], pipeline=pipeline, pipelines=tuple(kept))

    def request(self, source: SourceRef, signature: str, named: Naming = name_source) -> ImageRequest:
        """Give the request as it stands now; `named` makes sources of the URLs of watermarks and fallbacks.

        Raises `BadRequest` if one of those is malformed.
        """
        if self.hashsum:
            source = replace(source, hashsum=self.hashsum)
        return ImageRequest(
            source=source, recipe=self._recipe(named), delivery=self._delivery(named), signature=signature
        )

    def _recipe(self, named: Naming) -> Recipe:
        return Recipe(loading=self._loading(), stages=self._stages(named), output=self._output(), limits=self._limits())

    def _stages(self, named: Naming) -> tuple[Stage, ...]:
        if not self.pipelines:
            return (self._stage(named),)
        at = self.pipeline
        stages = []
        for pipeline in range(len(self.pipelines)):
            self.turn_to(pipeline)
            stages.append(self._stage(named))
        self.turn_to(at)
        return tuple(stages)

    def _loading(self) -> Loading:
        if vars(self).keys().isdisjoint(_LOADING_FIELDS):
            return _PLAINLY
        return Loading(**{name: getattr(self, name) for name in _LOADING_FIELDS})

    def _stage(self, named: Naming) -> Stage:
        return Stage(
            trim=self._trim(),
            crop=self._crop(),
            crop_objects=self.crop_objects,
            resize=self._resize(),
            gravity=self.gravity,
            objects_position=self.objects_position,
            auto_rotate=self.auto_rotate,
            rotate=self.rotate,
            flip_horizontal=self.flip_horizontal,
            flip_vertical=self.flip_vertical,
            colors=self._colors(),
            effects=self._effects(),
            extend=self.extend_gravity if self.extends else None,
            extend_aspect_ratio=self.extend_aspect_ratio_gravity if self.extends_aspect_ratio else None,
            padding=self.padding,
            background=self.background,
            background_alpha=self.background_alpha if self.background else 1.0,
            watermark=self._watermark(named),
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
            kernel=self.kernel,
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
        if not (self.crop_width or self.crop_height or self.crop_aspect_ratio):
            return None
        return Crop(
            width=self.crop_width,
            height=self.crop_height,
            gravity=self.crop_gravity,
            aspect_ratio=self.crop_aspect_ratio,
            aspect_enlarge=self.crop_aspect_enlarge if self.crop_aspect_ratio else False,
        )

    def _colors(self) -> ColorEffects:
        if vars(self).keys().isdisjoint(_COLOR_FIELDS):
            return _NO_COLORS
        return ColorEffects(
            brightness=self.brightness,
            contrast=self.contrast,
            saturation=self.saturation,
            monochrome=self.monochrome if self.monochrome and self.monochrome.intensity else None,
            duotone=self.duotone if self.duotone and self.duotone.intensity else None,
            colorize=self.colorize if self.colorize and self.colorize.opacity else None,
            gradient=self.gradient if self.gradient and self.gradient.opacity else None,
        )

    def _effects(self) -> Effects:
        if vars(self).keys().isdisjoint(_EFFECT_FIELDS):
            return _NO_EFFECTS
        return Effects(
            blur=self.blur,
            sharpen=self.sharpen,
            pixelate=self.pixelate if self.pixelate >= PIXELATE_FROM else 0,
            unsharp=self._unsharp(),
            blur_areas=self.blur_areas if self.blur_areas and self.blur_areas.sigma and self.blur_areas.areas else None,
            progressive_blur=self.progressive_blur if self.progressive_blur and self.progressive_blur.sigma else None,
            blur_detections=self.blur_detections if self.blur_detections and self.blur_detections.sigma else None,
            draw_detections=self.draw_detections,
        )

    def _unsharp(self) -> UnsharpMasking:
        if self.unsharp_mode is UnsharpMode.NONE:
            return UnsharpMasking()
        return UnsharpMasking(mode=self.unsharp_mode, weight=self.unsharp_weight, divider=self.unsharp_divider)

    def _watermark(self, named: Naming) -> Watermark | None:
        if not self.watermark_opacity:
            return None
        return Watermark(
            opacity=self.watermark_opacity,
            position=self.watermark_position,
            scale=self.watermark_scale,
            source=named(self.watermark_url) if self.watermark_url and not self.watermark_text else None,
            text=self.watermark_text,
            width=0 if self.watermark_scale else self.watermark_width,
            height=0 if self.watermark_scale else self.watermark_height,
            rotate=self.watermark_rotate % 360 + 0.0,
            shadow=self.watermark_shadow,
        )

    def _output(self) -> Output:
        return Output(
            format=self.format,
            best=self.best,
            placeholder=self.placeholder,
            quality=self.quality,
            format_quality=self.format_quality,
            autoquality=self.autoquality,
            max_bytes=self.max_bytes,
            jpeg=self.jpeg,
            png=self.png,
            webp=self.webp,
            avif=self.avif,
            strip_metadata=self.strip_metadata,
            keep_copyright=self.keep_copyright,
            keep_provenance=self.keep_provenance,
            strip_color_profile=self.strip_color_profile,
            color_profile=self.color_profile,
            dpi=self.dpi,
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

    def _delivery(self, named: Naming) -> Delivery:
        if vars(self).keys().isdisjoint(_DELIVERY_FIELDS):
            return _INLINE
        return Delivery(
            filename=self.filename,
            attachment=self.attachment,
            expires_at=self.expires_at,
            cachebuster=self.cachebuster,
            raw=self.raw,
            preset_names=self.preset_names,
            cache_tags=self.cache_tags,
            fallback=named(self.fallback_url) if self.fallback_url else None,
            bypass_cache=self.bypass_cache,
        )
