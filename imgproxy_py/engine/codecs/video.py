"""Frames of a video through PyAV (FFmpeg): one, a sprite of many, or an animation (dialect §5.5)."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pyvips

from imgproxy_py.engine.codecs.extras import imported
from imgproxy_py.engine.codecs.pixels import animated, image_from
from imgproxy_py.engine.codecs.port import Demand
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.errors import BrokenImage, SourceTooLarge, UndecodableImage
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Loading, VideoFrame
from imgproxy_py.recipe.picture import Header

_DEMUXERS = {
    Format.MP4: "mov",
    Format.MOV: "mov",
    Format.WEBM: "matroska",
    Format.MKV: "matroska",
    Format.AVI: "avi",
}
_DECODERS = frozenset(
    {
        *("h264", "hevc", "mpeg4", "mpeg2video", "mpeg1video", "h263", "msmpeg4v3", "mjpeg", "prores", "dnxhd"),
        *("vp8", "vp9", "libdav1d", "av1", "theora"),
    }
)
# Nothing is opened but the bytes in memory, and nothing decodes them but these.
_OPTIONS = {
    "protocol_whitelist": "",
    "codec_whitelist": ",".join(sorted(_DECODERS)),
    "enable_drefs": "0",
    "probesize": "5000000",
    "analyzeduration": "5000000",
}
_MOST_PIXELS = 36_000_000  # 8K
_MOST_PICKED, _MOST_DECODED = 1_000, 10_000
_DEFAULT_SECOND = 1.0
_MICROSECONDS = 1_000_000
_HIGH_DEFINITION = 720  # lines from which BT.709 is meant where nothing is said
_UNSPECIFIED, _BT709 = 2, 1
_AWAY = 1e-6


def decoder() -> VideoDecoder | None:
    """Give the decoder, `None` if PyAV is not installed."""
    module = imported("av")
    return VideoDecoder(module) if module else None


@dataclass(frozen=True, slots=True)
class _Film:
    """An opened video, its stream of pictures, and their size as shown: square pixels, turned upright."""

    container: Any
    stream: Any
    width: int
    height: int
    clockwise: int
    duration: float

    @property
    def start(self) -> float:
        """Seconds of the first picture's time stamp."""
        return float((self.stream.start_time or 0) * self.stream.time_base)


@dataclass(frozen=True, slots=True)
class _Pick:
    """Which frames are wanted: their times in seconds, and the size and place of each."""

    times: tuple[float, ...]
    frame: VideoFrame | None
    columns: int = 1
    rows: int = 1
    delay: int = 0


class VideoDecoder:
    """Reads frames of the first stream of pictures; those of high dynamic range are not tone-mapped.

    Stops between two frames of the video when it is interrupted. A video shorter than the second asked for gives its last
    frame. The frame given is the one shown at its second; with key frames only, the last of those till then.
    """

    def __init__(self, module: ModuleType) -> None:
        self._av = module
        module.logging.set_level(None)
        self._failures = (module.FFmpegError, ValueError, IndexError, KeyError, ZeroDivisionError, OverflowError)

    def header(self, data: bytes, kind: Format, demand: Demand) -> Header:
        """Give the size of the frame, the sprite or the animation. One frame is decoded, to know how it is turned.

        Raises `BrokenImage`, `UndecodableImage`, `SourceTooLarge`.
        """
        with self._film(data, kind, demand.interrupt) as film:
            pick = _picked(film, demand.loading)
        width, height = _cell(film, pick.frame)
        if not pick.delay:
            return Header(format=kind, width=width * pick.columns, height=height * pick.rows)
        frames = len(pick.times)
        _, pages = demand.selected(frames)
        return Header(format=kind, width=width, height=height * pages, frames=frames, animated=frames > 1)

    def decode(self, data: bytes, kind: Format, demand: Demand) -> pyvips.Image:
        """Give the frame, the sprite, or the frames of the animation.

        Raises `BrokenImage`, `UndecodableImage`, `SourceTooLarge`, `DeadlineExceeded`.
        """
        with self._film(data, kind, demand.interrupt) as film:
            pick = _picked(film, demand.loading)
            first, count = demand.selected(len(pick.times)) if pick.delay else (0, len(pick.times))
            times = pick.times[first : first + count]
            keyframes = bool(demand.loading.video_keyframes)
            cells = [_drawn(one, film, pick.frame) for one in _frames_at(film, times, keyframes, demand.interrupt)]
        if not cells:
            raise BrokenImage("the video has no frame that can be decoded")
        if pick.delay:
            stack = pyvips.Image.arrayjoin(cells, across=1)
            return animated(stack, [pick.delay] * len(cells), 0) if demand.frames > 1 else stack
        width, height = _cell(film, pick.frame)
        sprite = pyvips.Image.arrayjoin(cells, across=min(pick.columns, len(cells)), hspacing=width, vspacing=height)
        return sprite.embed(0, 0, width * pick.columns, height * pick.rows)

    def facts(self, data: bytes, kind: Format, interrupt: Interrupt) -> dict[str, Any]:
        """Give the container's metadata as `video_meta`, and a table of each stream in `video_streams` (dialect §5.7).

        Raises `BrokenImage`, `UndecodableImage`, `SourceTooLarge`.
        """
        with self._film(data, kind, interrupt) as film:
            streams = [_stream_facts(one) for one in film.container.streams]
            return {"video_meta": dict(film.container.metadata), "video_streams": streams}

    @contextmanager
    def _film(self, data: bytes, kind: Format, interrupt: Interrupt) -> Iterator[_Film]:
        try:
            with self._av.open(
                io.BytesIO(data),
                "r",
                format=_DEMUXERS[kind],
                container_options=_OPTIONS,
                metadata_errors="ignore",
                io_open=_refuse_other_files,
            ) as container:
                yield _opened(container, interrupt)
        except self._failures as error:
            raise BrokenImage("the original cannot be decoded", private=str(error)) from error


def _stream_facts(stream: Any) -> dict[str, Any]:
    """Tell of a stream what is known: duration in seconds, rates a second, audio's frequency in Hz."""
    context, duration = stream.codec_context, stream.duration
    known = {
        "type": stream.type,
        "codec": context.name if context else None,
        "duration": float(duration * stream.time_base) if duration and stream.time_base else None,
        "bps": context.bit_rate if context else None,
        "fps": float(stream.average_rate) if stream.type == "video" and stream.average_rate else None,
        "frequency": context.sample_rate if context and stream.type == "audio" else None,
        "layout": context.layout.name if context and stream.type == "audio" else None,
        "language": stream.metadata.get("language"),
    }
    return {name: value for name, value in known.items() if value is not None}


def _refuse_other_files(url: str, flags: int, options: dict[str, str]) -> Any:
    raise OSError("a video names another file")


def _opened(container: Any, interrupt: Interrupt) -> _Film:
    if not container.streams.video:
        raise UndecodableImage("the file holds no stream of pictures")
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None or context.name not in _DECODERS:
        raise UndecodableImage("the video's codec cannot be decoded here")
    if not context.width or not context.height:
        raise BrokenImage("the video's pictures have no size")
    if context.width * context.height > _MOST_PIXELS:
        raise SourceTooLarge(f"the video has {context.width}×{context.height} pixels")
    context.thread_type, context.thread_count = "NONE", 1
    context.options = {"max_pixels": str(_MOST_PIXELS)}
    clockwise = -_first(container, stream, interrupt).rotation % 360
    width, height = round(context.width * _pixel_aspect(stream)), context.height
    if clockwise % 180:
        width, height = height, width
    return _Film(container, stream, max(1, width), max(1, height), clockwise, _duration(container, stream))


def _first(container: Any, stream: Any, interrupt: Interrupt) -> Any:
    for frame in _decoded(container, stream, interrupt):
        return frame
    raise BrokenImage("the video has no frame that can be decoded")


def _decoded(container: Any, stream: Any, interrupt: Interrupt) -> Iterator[Any]:
    for packet in container.demux(stream):
        interrupt.check()
        yield from (frame for frame in packet.decode() if not frame.is_corrupt)


def _pixel_aspect(stream: Any) -> float:
    aspect = float(stream.sample_aspect_ratio or 1)
    return aspect if 1 / 16 <= aspect <= 16 else 1.0


def _duration(container: Any, stream: Any) -> float:
    if container.duration:
        return float(container.duration / _MICROSECONDS)
    if stream.duration:
        return float(stream.duration * stream.time_base)
    container.seek(0)  # nobody says: the last packet does
    ends = (packet.pts + (packet.duration or 0) for packet in container.demux(stream) if packet.pts is not None)
    return max(float(max(ends, default=0) * stream.time_base), 0.0)


def _picked(film: _Film, loading: Loading) -> _Pick:
    if loading.video_tile is not None:
        tile = loading.video_tile
        times = _times(film, loading, tile.step, tile.columns * tile.rows)
        columns, rows = tile.columns, tile.rows
        if tile.frame.trim:
            columns = min(columns, len(times))
            rows = math.ceil(len(times) / columns)
        return _Pick(times, tile.frame, columns, rows)
    if loading.video_animation is not None:
        preview = loading.video_animation
        return _Pick(_times(film, loading, preview.step, preview.frames), preview.frame, delay=max(1, preview.delay))
    second = _DEFAULT_SECOND if loading.video_second is None else loading.video_second
    return _Pick((second,), None)


def _times(film: _Film, loading: Loading, step: float, count: int) -> tuple[float, ...]:
    """Give the seconds of at most `count` frames within the video, the first at least."""
    if count > _MOST_PICKED:
        raise SourceTooLarge(f"{count} frames were asked for, at most {_MOST_PICKED} are taken")
    step = step if step > 0 else film.duration / max(1, count)
    first = loading.video_second or 0.0
    seconds = (first + step * index for index in range(count))
    return tuple(second for index, second in enumerate(seconds) if index == 0 or second < film.duration - _AWAY)


def _frames_at(film: _Film, times: tuple[float, ...], keyframes: bool, interrupt: Interrupt) -> Iterator[Any]:
    """Give the frame shown at each second, the last one for seconds behind the end."""
    shown: Any = None
    ahead: Any = None
    frames: Iterator[Any] = iter(())
    decoded = 0
    if keyframes:
        film.stream.codec_context.skip_frame = "NONKEY"
    for second in times:
        target = film.start + second
        if shown is None or _jumps(film, _time(ahead or shown), target):
            frames, shown, ahead = _sought(film, target, interrupt), None, None
        while ahead is None or _time(ahead) <= target + _AWAY:
            shown, ahead = ahead or shown, next(frames, None)
            decoded += 1
            if decoded > _MOST_DECODED:
                raise SourceTooLarge(f"more than {_MOST_DECODED} frames would have to be decoded")
            if ahead is None:
                break
        if shown or ahead:
            yield shown or ahead


def _time(frame: Any) -> float:
    return float(frame.time or 0.0)


def _jumps(film: _Film, here: float, target: float) -> bool:
    """Tell whether a key frame lies between, so that decoding begins anew there instead of passing through."""
    entries = film.stream.index_entries
    try:
        found = entries.search_timestamp(int(target / film.stream.time_base), backward=True)
        return found >= 0 and float(entries[found].timestamp * film.stream.time_base) > here
    except (IndexError, ValueError, OverflowError):
        return False


def _sought(film: _Film, target: float, interrupt: Interrupt) -> Iterator[Any]:
    end = film.start + film.duration
    within = min(target, end) if film.duration else target
    film.container.seek(int(max(0.0, within) / film.stream.time_base), stream=film.stream, backward=True)
    return _decoded(film.container, film.stream, interrupt)


def _cell(film: _Film, wanted: VideoFrame | None) -> tuple[int, int]:
    """Give the size that a frame comes to."""
    if wanted is None or not (wanted.width or wanted.height):
        return film.width, film.height
    width = wanted.width or max(1, round(film.width * wanted.height / film.height))
    height = wanted.height or max(1, round(film.height * wanted.width / film.width))
    if wanted.fill or wanted.extend:
        return width, height
    return _scaled(film, min(width / film.width, height / film.height))


def _scaled(film: _Film, scale: float) -> tuple[int, int]:
    return max(1, round(film.width * scale)), max(1, round(film.height * scale))


def _drawn(frame: Any, film: _Film, wanted: VideoFrame | None) -> pyvips.Image:
    width, height = _cell(film, wanted)
    choose = max if wanted is not None and wanted.fill else min
    across, down = _scaled(film, choose(width / film.width, height / film.height))
    image = _pixels(frame, across, down, film.clockwise)
    if wanted is not None and wanted.fill:
        left = round(min(max(across * wanted.focus_x - width / 2, 0), max(0, across - width)))
        top = round(min(max(down * wanted.focus_y - height / 2, 0), max(0, down - height)))
        return image.crop(left, top, min(width, across), min(height, down)).embed(0, 0, width, height, extend="copy")
    return image.embed((width - across) // 2, (height - down) // 2, width, height)


def _pixels(frame: Any, width: int, height: int, clockwise: int) -> pyvips.Image:
    """Give a frame at its final size, upright."""
    across, down = (height, width) if clockwise % 180 else (width, height)
    unsaid = frame.colorspace == _UNSPECIFIED and frame.height >= _HIGH_DEFINITION
    shown = frame.reformat(across, down, "rgb24", src_colorspace=_BT709 if unsaid else None, interpolation="BICUBIC")
    plane = shown.planes[0]
    rows = image_from(bytes(plane), plane.line_size, down, 1).crop(0, 0, 3 * across, down)
    image = image_from(bytes(rows.write_to_memory()), across, down, 3)
    return image.rot(f"d{clockwise}") if clockwise in (90, 180, 270) else image
