"""What operators set of the engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from imgproxy_py.engine.classification.settings import ClassificationSettings
from imgproxy_py.engine.detection.settings import DetectionSettings
from imgproxy_py.engine.encoder_settings import EncoderSettings
from imgproxy_py.kinds import Base64Text, Count, Flag, Number, Positive
from imgproxy_py.recipe.formats import FORMAT_NAMES, Format
from imgproxy_py.recipe.limits import Limits


def _formats(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    names = [part.strip() for part in value.split(",") if part.strip()]
    if any(name not in FORMAT_NAMES for name in names):
        raise ValueError(f"format names divided by commas, of {' '.join(sorted(FORMAT_NAMES))}")
    return tuple(dict.fromkeys(FORMAT_NAMES[name] for name in names))


Formats = Annotated[tuple[Format, ...], NoDecode, BeforeValidator(_formats)]
"""Format names divided by commas."""


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError("a folder")
    return path


class EngineSettings(EncoderSettings, DetectionSettings, ClassificationSettings):
    """Limits, encoders and threads (dialect §14)."""

    workers: Positive = Field(
        default_factory=lambda: 2 * (os.cpu_count() or 1),
        description="How many pictures are worked on at once, over all processes; by default twice the number of CPUs.",
    )
    requests_queue_size: Count = Field(
        default=0,
        description="How many more requests may wait, over all processes; one beyond is refused at once. 0 = no limit.",
    )
    isolation_milliseconds: Count = Field(
        default=500,
        description="Decoders and encoders that cannot be interrupted (AVIF, HEIC, JPEG XL, camera RAW, PSD, filters of"
        " SVG, palettes of PNG and GIF) work in a process of their own, which is killed when nobody waits any more, if"
        " they are expected to take longer than this. 0 = never.",
    )
    workers_niceness: Annotated[Count, Field(le=19)] = Field(
        default=10,
        description="By how much threads that make pictures are nicer than those that answer, so that hits, probes and"
        " refusals do not wait for pixels: 0 (equals) to 19. On Linux.",
    )
    huge_picture_milliseconds: Positive = Field(
        default=400,
        description="From which expected cost on, in milliseconds of CPU, a picture is huge: of those one worker fewer than"
        " there are is used, so that smaller ones are not stuck behind them.",
    )
    max_originals: Count = Field(
        default=0,
        description="How many originals may be held at once to make pictures of, those being fetched included, over all"
        " processes; further requests wait before anything is fetched for them. 0 = 16 for each worker.",
    )
    max_src_resolution: Number = Field(default=50.0, description="The largest original that is decoded, in megapixels.")
    max_src_file_size: Count = Field(
        default=0, description="The largest original that is fetched, in bytes. 0 = no limit."
    )
    max_animation_frames: Positive = Field(default=1, description="How many frames of an animation are used at most.")
    max_animation_frame_resolution: Number = Field(
        default=0.0,
        description="The largest frame of an animation, in megapixels. 0 = all frames together count as one picture.",
    )
    max_result_dimension: Count = Field(
        default=0, description="The longest side of a result in pixels; larger ones are made smaller. 0 = no limit."
    )
    max_result_resolution: Number = Field(
        default=100.0,
        description="The largest canvas that is made, in megapixels; a request for more is refused. 0 = no limit.",
    )
    serve_truncated: Flag = Field(
        default=False,
        description="Serve what decodes of an original that ends too early instead of answering 422. It is never stored.",
    )
    preferred_formats: Formats = Field(
        default=(Format.JPEG, Format.PNG, Format.GIF),
        description="Formats for results whose URL names none: the original's own if listed, else the first that can hold it.",
    )
    skip_processing_formats: Formats = Field(
        default=(),
        description="Originals of these formats are handed back as they are when no other format is asked for.",
    )
    always_rasterize_svg: Flag = Field(default=False, description="Rasterise SVG even when the URL names no format.")
    sanitize_svg: Flag = Field(
        default=True, description="Remove scripts, event handlers and foreign references from SVG."
    )
    heic_preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"] = Field(
        default="ultrafast",
        description="HEIC encoder's preset; each one is slower, and from the second on hardly smaller.",
    )
    video_thumbnail_second: Number = Field(
        default=1.0, description="Second of a video whose frame is taken when the URL names none."
    )
    video_thumbnail_keyframes: Flag = Field(
        default=False, description="Take key frames of videos only, which is quicker and less exact."
    )
    use_linear_colorspace: Flag = Field(
        default=False, description="Resize in linear light: slower, kinder to fine contrast."
    )
    color_profiles_dir: Annotated[Path, AfterValidator(_folder)] | None = Field(
        default=None,
        description="Folder of ICC profiles that URLs may name (`color_profile`), read when the service starts.",
    )
    convert_near_srgb: Flag = Field(
        default=False,
        description="Convert originals as well whose profile is sRGB but for one step of 255 in any colour.",
    )
    disable_shrink_on_load: Flag = Field(default=False, description="Decode originals at full size before resizing.")

    watermark_data: Base64Text = Field(
        default="", description="The watermark's bytes in base64; before the path, which is before the URL."
    )
    watermark_path: str = Field(default="", description="The watermark's file.")
    watermark_url: str = Field(default="", description="The watermark's URL; fetched once, when the service starts.")
    watermark_opacity: Annotated[Number, Field(le=1)] = Field(
        default=1.0, description="What the opacity of every watermark is multiplied by, 0–1."
    )
    watermarks_cache_bytes: Count = Field(
        default=32 * 1024 * 1024,
        description="How many bytes of watermarks' pixels are kept ready at the sizes that pictures took, by each process.",
    )

    def limits(self) -> Limits:
        """Give the configured limits as the value that requests are judged by."""
        return Limits(
            max_src_resolution=self.max_src_resolution,
            max_src_file_size=self.max_src_file_size,
            max_animation_frames=self.max_animation_frames,
            max_animation_frame_resolution=self.max_animation_frame_resolution,
            max_result_dimension=self.max_result_dimension,
            max_result_resolution=self.max_result_resolution,
        )
