"""Video: the frame at a second, key frames, sprites, animations, turned films; nothing but the bytes is opened."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import pytest
import pyvips

from imgproxy_py.engine.codecs import video as codec
from imgproxy_py.engine.codecs.port import Demand
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.errors import DeadlineExceeded, ImageError, SourceTooLarge, UndecodableImage
from imgproxy_py.recipe.formats import VIDEOS, Format, sniff
from imgproxy_py.recipe.model import Loading
from tests.originals import bridged, red_at, video
from tests.unit.engine.making import failure, made, opened, recipe_of, transformed, transformer

FILMS = {kind: data for kind, data in bridged().items() if kind in VIDEOS}
EACH = pytest.mark.parametrize("data", FILMS.values(), ids=map(str, FILMS))
NEAR = 14  # lossy codecs; a frame's red differs from the next one's by 3 or 4


def red(image: pyvips.Image, x: int = 120, y: int = 20) -> float:
    return float(image.getpoint(x, y)[0])


@EACH
@pytest.mark.parametrize("second", [0, 0.55, 2.25, 3.9, 100])
def test_the_frame_shown_at_a_second_is_taken(data: bytes, second: float) -> None:
    image = made(data, f"vts:{second}/f:png")
    assert (image.width, image.height, image.bands) == (160, 96, 3)
    assert abs(red(image) - red_at(second)) < NEAR
    assert image.getpoint(20, 20)[1] > 150


def test_the_right_frame_out_of_neighbours_is_taken() -> None:
    film = video(codec="mjpeg", container="mov")
    found = [red(made(film, f"vts:{second}/f:png")) for second in (0.95, 1.0, 1.05, 1.1)]
    assert abs(found[1] - found[2]) < 1
    assert found[0] < found[1] < found[3]


def test_without_a_second_in_the_url_the_setting_counts() -> None:
    film = FILMS[Format.MP4]
    assert abs(red(made(film)) - red_at(1)) < NEAR
    assert abs(red(made(film, video_thumbnail_second=3.0)) - red_at(3)) < NEAR


def test_key_frames_are_the_last_ones_till_then() -> None:
    film = video(gop=20)
    assert abs(red(made(film, "vts:3.5/vtk:1/f:png")) - red_at(2)) < 6
    assert abs(red(made(film, "vts:3.5/f:png", video_thumbnail_keyframes=True)) - red_at(2)) < 6
    assert abs(red(made(film, "vts:3.5/vtk:0/f:png", video_thumbnail_keyframes=True)) - red_at(3.5)) < NEAR


def test_a_sprite_shows_frames_row_by_row() -> None:
    sprite = made(FILMS[Format.MP4], "vtt:1:2:2:80:48/f:png")
    assert (sprite.width, sprite.height) == (160, 96)
    found = [red(sprite, 60 + 80 * column, 10 + 48 * row) for row in (0, 1) for column in (0, 1)]
    assert found == pytest.approx([red_at(second) for second in range(4)], abs=NEAR)


def test_a_negative_step_spreads_frames_over_the_whole_film() -> None:
    sprite = made(FILMS[Format.MP4], "vtt:-1:4:2:40:24/f:png")
    found = [red(sprite, 30 + 40 * column, 5 + 24 * row) for row in (0, 1) for column in range(4)]
    assert found == pytest.approx([red_at(index / 2) for index in range(8)], abs=NEAR)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ("vtt:1:2:1:80:80", (160, 48)),
        ("vtt:1:2:1:80:80:1", (160, 80)),
        ("vtt:1:2:1:80:80:0:0:1", (160, 80)),
        ("vtt:1:3:3:80:48", (240, 144)),
        ("vtt:1:3:3:80:48:0:1", (240, 96)),
        ("vtt:1:9:9:80:48:0:1", (320, 48)),
    ],
    ids=["fitted", "extended", "filled", "with room", "trimmed", "trimmed both ways"],
)
def test_the_size_of_a_sprite(options: str, size: tuple[int, int]) -> None:
    film = FILMS[Format.MP4]
    header = transformer().open(film, recipe_of(options)).header
    image = made(film, f"{options}/f:png")
    assert (header.width, header.height) == (image.width, image.height) == size


def test_extended_frames_lie_in_the_middle_of_black() -> None:
    sprite = made(FILMS[Format.MP4], "vtt:1:1:1:80:80:1/f:png")
    assert (max(sprite.getpoint(40, 5)), max(sprite.getpoint(40, 75))) == (0, 0)
    assert sprite.getpoint(20, 20)[1] > 150


def test_filled_frames_are_cut_around_the_focus() -> None:
    left, right = (made(FILMS[Format.MP4], f"vtt:1:1:1:48:48:0:0:1:{x}:0.5/f:png") for x in (0, 1))
    assert left.getpoint(25, 5)[1] > 150
    assert right.getpoint(25, 5)[1] < 60


def test_an_animation_shows_frames_one_after_the_other() -> None:
    picture = transformed(FILMS[Format.MP4], "vta:1:70:9:80:48/f:webp", max_animation_frames=20)
    frames = pyvips.Image.new_from_buffer(picture.data, "n=-1")
    assert (picture.width, frames.get("page-height"), frames.get("delay")) == (80, 48, [70] * 4)
    frames = frames.copy_memory()
    assert [red(frames, 60, 10 + 48 * n) for n in range(4)] == pytest.approx([red_at(n) for n in range(4)], abs=20)


def test_an_animation_is_still_where_animations_are_not_allowed() -> None:
    picture = transformed(FILMS[Format.MP4], "vta:1:70:4:80:48/f:webp")
    assert (picture.width, picture.height) == (80, 48)
    assert opened(picture.data).get_typeof("delay") == 0


@pytest.mark.parametrize(
    ("degrees", "size", "green"), [(90, (96, 160), (10, 150)), (-90, (96, 160), (90, 10)), (180, (160, 96), (150, 90))]
)
def test_films_stand_upright(degrees: int, size: tuple[int, int], green: tuple[int, int]) -> None:
    image = made(video(degrees=degrees))
    assert (image.width, image.height) == size
    assert image.getpoint(*green)[1] > 150


def test_a_film_of_stretched_pixels_is_shown_in_its_shape() -> None:
    image = made(video(stretch=2))
    assert (image.width, image.height) == (320, 96)
    assert image.getpoint(150, 10)[1] > 150


def test_decoding_stops_when_told_to() -> None:
    decoder, interrupt = codec.decoder(), Interrupt()
    assert decoder is not None
    interrupt.stop()
    with pytest.raises(DeadlineExceeded):
        decoder.decode(FILMS[Format.MP4], Format.MP4, Demand(loading=Loading(video_second=3), interrupt=interrupt))


def test_too_many_frames_and_too_large_films_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    film = FILMS[Format.MP4]
    assert failure(lambda: transformed(film, "vtt:0.001:100:100:8:8")) is SourceTooLarge
    assert failure(lambda: transformed(film, "vtt:1:20:20:1000:1000")) is SourceTooLarge
    monkeypatch.setattr(codec, "_MOST_PIXELS", 10_000)
    assert failure(lambda: transformed(film)) is SourceTooLarge
    monkeypatch.undo()
    monkeypatch.setattr(codec, "_MOST_DECODED", 5)
    assert failure(lambda: transformed(video(gop=60), "vts:3")) is SourceTooLarge


def test_sound_alone_is_no_picture() -> None:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as film:
        stream = film.add_stream("aac", rate=44100)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.rate = 44100
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        film.mux(stream.encode(frame))
        film.mux(stream.encode())
    assert sniff(target.getvalue()) is Format.MP4
    assert failure(lambda: transformed(target.getvalue())) is UndecodableImage


def test_without_its_extra_there_is_no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    assert codec.decoder() is None


# Nothing but the bytes is opened


def elsewhere(path: str) -> bytes:
    """A QuickTime film whose samples lie in another file, as its data reference says (QTFF, alias of type 2)."""
    data = FILMS[Format.MOV]
    name = path.encode()
    alias = bytes(150) + struct.pack(">HH", 2, len(name)) + name + bytes(len(name) % 2) + struct.pack(">HH", 0xFFFF, 0)
    entry = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
    reference = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    at = data.index(b"dref", data.index(b"vmhd")) - 4
    size = int.from_bytes(data[at : at + 4], "big")
    grown = bytearray(data[:at] + reference + data[at + size :])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        start = data.rindex(box, 0, at) - 4
        length = int.from_bytes(data[start : start + 4], "big") + len(reference) - size
        grown[start : start + 4] = length.to_bytes(4, "big")
    samples = data.index(b"mdat") + 4
    end = samples - 8 + int.from_bytes(data[samples - 8 : samples - 4], "big")
    grown[samples:end] = bytes(end - samples)
    return bytes(grown)


def test_a_film_that_lies_in_another_file_stays_there(tmp_path: Path) -> None:
    there = tmp_path / "film.mov"
    there.write_bytes(FILMS[Format.MOV])
    data = elsewhere(str(there))
    allowed = {"enable_drefs": "1", "use_absolute_path": "1"}
    with av.open(io.BytesIO(data), container_options=allowed) as film:  # so far FFmpeg goes if it is let
        assert next(film.decode(video=0)).to_ndarray(format="rgb24")[20, 20, 1] > 150
    assert issubclass(failure(lambda: transformed(data)), ImageError)
