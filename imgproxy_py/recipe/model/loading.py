"""What is decoded of an original."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFrame:
    """How one frame of a video is brought to a size in pixels (dialect §5.5).

    It is fitted into the box, which is `extend`ed to its full size, or it `fill`s the box, cut around the focus (shares
    0–1). `trim` leaves out what there is no frame for.
    """

    width: int
    height: int
    extend: bool = False
    trim: bool = False
    fill: bool = False
    focus_x: float = 0.5
    focus_y: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoTile:
    """A sprite of a video's frames: one every `step` seconds (negative: the duration in equal parts), in a grid."""

    step: float
    columns: int
    rows: int
    frame: VideoFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoAnimation:
    """An animation of a video's frames: one every `step` seconds (negative: the duration in equal parts).

    Each is shown for `delay` milliseconds.
    """

    step: float
    delay: int
    frames: int
    frame: VideoFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """Which part of the original is decoded, and how (dialect §5.5).

    `page` counts from 0, `pages` are stacked from there. `still` takes an animation for its first frame. `style` is CSS
    for an SVG. `video_second` and `video_keyframes` are `None` for the configured ones.
    """

    page: int = 0
    pages: int = 1
    still: bool = False
    style: str = ""
    video_second: float | None = None
    video_keyframes: bool | None = None
    video_tile: VideoTile | None = None
    video_animation: VideoAnimation | None = None
