"""JPEGs that libjpeg-turbo decodes come out as libvips' own decoder has them, or are left to that."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

from imgproxy_py.engine import libvips
from imgproxy_py.engine.codecs import jpeg
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.loading import AtOnce, ImageFile
from imgproxy_py.engine.steps import scale_on_load
from imgproxy_py.errors import BrokenImage, DeadlineExceeded
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.jpeg import plain_size
from tests import pictures
from tests.jpegs import PLAIN, by_pillow, by_turbo, noisy
from tests.unit.engine.making import failure, recipe_of, transformed, transformer

SHRINKS = (1, 2, 4, 8)
SIZES = ((16, 16), (17, 33), (64, 40), (129, 250), (203, 121))


def both(data: bytes, shrink: int, *, tolerant: bool = False) -> tuple[pyvips.Image, pyvips.Image]:
    """The image as libvips opens it, and as it is with pixels that were decoded at once."""
    file = ImageFile(data=data, format=Format.JPEG, tolerant=tolerant)
    return file.open(shrink=shrink), file.open(shrink=shrink, at_once=AtOnce.YES)


def is_in_memory(image: pyvips.Image) -> bool:
    """Whether it has its pixels: one of libvips' loaders can give them but once."""
    return image.get_typeof("vips-sequential") == 0


def fields(image: pyvips.Image) -> dict[str, Any]:
    return {name: image.get(name) for name in image.get_fields() if name not in ("vips-sequential", "filename")}


def outcome(image: pyvips.Image) -> bytes | str:
    try:
        return bytes(image.write_to_memory())
    except pyvips.Error:
        return "broken"


@pytest.mark.parametrize("shrink", SHRINKS)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("layout", PLAIN)
def test_pixels_and_metadata_are_those_of_libvips(layout: str, size: tuple[int, int], shrink: int) -> None:
    one, other = both(PLAIN[layout](noisy(*size)), shrink)
    assert is_in_memory(other)
    assert not is_in_memory(one)
    assert fields(one) == fields(other)
    assert one.write_to_memory() == other.write_to_memory()


@settings(deadline=None, max_examples=150)
@given(
    st.integers(16, 200),
    st.integers(1, 200),
    st.integers(0, 99),
    st.sampled_from(sorted(PLAIN)),
    st.sampled_from(SHRINKS),
)
def test_so_they_are_of_any_size(width: int, height: int, seed: int, layout: str, shrink: int) -> None:
    try:
        one, other = both(PLAIN[layout](noisy(width, height, seed)), shrink)
    except BrokenImage:  # libvips itself refuses what would have no lines
        assert height < shrink
        return
    assert is_in_memory(other)
    assert one.write_to_memory() == other.write_to_memory()


@pytest.mark.parametrize("orientation", [3, 6])
def test_profile_orientation_and_exif_come_with_the_pixels(orientation: int) -> None:
    image = pictures.wide_gamut(pictures.with_orientation(pictures.marked(90, 60), orientation))
    image = pictures.with_field(image, "exif-ifd0-Copyright", "somebody")
    one, other = both(pictures.jpeg(image), 2)
    assert is_in_memory(other)
    assert fields(one) == fields(other)
    assert other.get("orientation") == orientation
    assert pictures.profile_of(other) == pictures.profile_of(image)


OPTIONS = ("w:60/f:png", "rs:fill:50:50/f:jpg", "c:40:30:soea/w:20/f:webp", "rot:90/w:40/f:png", "bl:2/f:png", "f:png")


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_the_same_bytes_without_it(
    monkeypatch: pytest.MonkeyPatch, options: str, orientation: int
) -> None:
    data = pictures.jpeg(pictures.wide_gamut(pictures.with_orientation(pictures.marked(201, 134), orientation)))
    with_it = transformed(data, options).data
    monkeypatch.setattr(jpeg, "_decoder", lambda: None)
    assert transformed(data, options).data == with_it


OTHERS: dict[str, bytes] = {
    "CMYK": pictures.jpeg(pictures.cmyk(pictures.marked())),
    "tiny": pictures.jpeg(pictures.marked(15, 9)),
    "more scans than encoders make": b"".join((pictures.jpeg(pictures.marked(), interlace=True), b"\xff\xda" * 40)),
    "truncated": pictures.truncated(pictures.jpeg(pictures.noise(300, 300)), 0.7),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_not_plain_is_left_to_libvips(kind: str) -> None:
    one, other = both(OTHERS[kind], 1)
    assert not is_in_memory(other)
    assert outcome(one) == outcome(other)


def test_what_would_take_much_memory_is_left_to_libvips(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pictures.jpeg(pictures.marked(100, 80))
    monkeypatch.setattr(jpeg, "MOST_BYTES", 100 * 80 * 3)
    assert is_in_memory(both(data, 1)[1])
    monkeypatch.setattr(jpeg, "MOST_BYTES", 100 * 80 * 3 - 1)
    assert not is_in_memory(both(data, 1)[1])


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 10**6), st.sampled_from(sorted(PLAIN)), st.sampled_from(SHRINKS), st.booleans())
def test_damaged_files_come_to_what_they_came_to(seed: int, layout: str, shrink: int, tolerant: bool) -> None:
    data = pictures.corrupted(PLAIN[layout](noisy(90, 70)), seed)
    found: list[Any] = []
    for at_once in AtOnce:
        file = ImageFile(data=data, format=Format.JPEG, tolerant=tolerant)

        def opened(file: ImageFile = file, at_once: AtOnce = at_once) -> bytes | str:
            return outcome(file.open(shrink=shrink, at_once=at_once))

        refused = failure(opened)
        found.append(refused or opened())
    assert found == found[:1] * len(AtOnce)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("serve_truncated", [False, True])
def test_truncated_files_are_answered_as_before(
    monkeypatch: pytest.MonkeyPatch, share: float, serve_truncated: bool
) -> None:
    data = pictures.truncated(pictures.jpeg(pictures.noise(300, 200)), share)

    def answer() -> object:
        refused = failure(lambda: transformed(data, "w:100/f:png", serve_truncated=serve_truncated))
        return refused or transformed(data, "w:100/f:png", serve_truncated=serve_truncated).data

    with_it = answer()
    monkeypatch.setattr(jpeg, "_decoder", lambda: None)
    assert answer() == with_it


@pytest.mark.usefixtures("no_pixels_left")
def test_pixels_count_among_those_of_libvips_and_go() -> None:
    before = libvips.memory()
    image = both(pictures.jpeg(pictures.marked(400, 300)), 1)[1]
    assert libvips.memory() >= before + 400 * 300 * 3
    assert image.copy_memory().avg() > 0


def test_the_interpreter_goes_on_while_pixels_are_decoded() -> None:
    data = by_turbo("420")(noisy(2300, 2300))
    turns, done = 0, threading.Event()

    def decode() -> None:
        assert is_in_memory(both(data, 1)[1])
        done.set()

    thread = threading.Thread(target=decode)
    thread.start()
    while not done.is_set():
        time.sleep(0.001)
        turns += 1
    thread.join()
    assert turns > 5


def test_work_that_is_to_stop_does_not_begin_to_decode() -> None:
    interrupt = Interrupt()
    work = transformer().begin(pictures.jpeg(pictures.marked(400, 300)), recipe_of("w:100/f:png"), interrupt)
    interrupt.stop()
    with pytest.raises(DeadlineExceeded):
        work.finish()


@pytest.fixture
def decoded_at_once(monkeypatch: pytest.MonkeyPatch) -> list[AtOnce]:
    """Whether each original that was opened was allowed to be decoded at once."""
    told: list[AtOnce] = []
    before = ImageFile.open

    def opened(self: ImageFile, **options: Any) -> pyvips.Image:
        told.append(options.get("at_once", AtOnce.NO))
        return before(self, **options)

    monkeypatch.setattr(ImageFile, "open", opened)
    return told


@pytest.mark.parametrize(
    ("options", "at_once"),
    [
        ("w:100", AtOnce.YES),
        ("rs:fill:100:70", AtOnce.YES),
        ("rs:fill:400:100", AtOnce.NO),
        ("c:0:0.2/w:100", AtOnce.NO),
        ("", AtOnce.YES),
    ],
)
def test_lines_that_a_cut_leaves_out_are_not_decoded(
    decoded_at_once: list[AtOnce], options: str, at_once: AtOnce
) -> None:
    transformed(pictures.jpeg(pictures.marked(400, 300)), options)
    assert decoded_at_once == [at_once]


def test_of_a_picture_on_its_side_the_columns_count(decoded_at_once: list[AtOnce]) -> None:
    data = pictures.jpeg(pictures.with_orientation(pictures.marked(400, 300), 6))
    transformed(data, "c:0.3:0/w:100")
    transformed(data, "c:0:0.3/w:100")
    assert decoded_at_once == [AtOnce.NO, AtOnce.YES]


@pytest.mark.parametrize(
    ("interlace", "soon", "expected"),
    [(False, 2.0, AtOnce.YES), (False, 1.0, AtOnce.STOPPABLE), (True, 1.0, AtOnce.YES)],
)
def test_what_takes_long_can_be_interrupted_as_before_if_libvips_decoder_can(
    monkeypatch: pytest.MonkeyPatch,
    decoded_at_once: list[AtOnce],
    interlace: bool,
    soon: float,
    expected: AtOnce,
) -> None:
    monkeypatch.setattr(scale_on_load, "_SOON", soon)
    transformed(pictures.jpeg(pictures.solid(1000, 800), Q=50, interlace=interlace), "w:250")
    assert decoded_at_once == [expected]


# Encoding


def image_of(samples: np.ndarray) -> pyvips.Image:
    image = pyvips.Image.new_from_array(samples).cast("uchar")
    return image.copy(interpretation="b-w" if image.bands == 1 else "srgb")


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 120), st.integers(1, 120), st.integers(0, 99), st.integers(1, 100), st.booleans(), st.booleans())
def test_files_are_those_of_libvips(
    width: int, height: int, seed: int, quality: int, grey: bool, whole_chroma: bool
) -> None:
    samples = noisy(width, height, seed)
    image = image_of(samples[:, :, 0] if grey else samples)
    mode = {"subsample_mode": "off"} if whole_chroma else {}
    expected = image.jpegsave_buffer(Q=quality, optimize_coding=True, keep=0, **mode)
    assert jpeg.file_of(image, quality, whole_chroma=whole_chroma) == expected


def test_pixels_that_are_not_computed_yet_are() -> None:
    image = image_of(noisy(90, 70)).resize(0.5)
    assert jpeg.file_of(image, 80, whole_chroma=False) == image.jpegsave_buffer(Q=80, optimize_coding=True, keep=0)


@pytest.mark.parametrize(
    "image",
    [
        pictures.with_alpha(pictures.marked()),
        pictures.deep(pictures.marked()),
        pictures.cmyk(pictures.marked()),
        pictures.solid(2001, 2000),
    ],
    ids=["alpha", "16 bits", "CMYK", "large"],
)
def test_what_it_does_not_write_is_left_to_libvips(image: pyvips.Image) -> None:
    assert jpeg.file_of(image, 80, whole_chroma=False) is None


@pytest.fixture
def written_by_turbo(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether libjpeg-turbo wrote each JPEG for which it was asked."""
    told: list[bool] = []
    before = jpeg.file_of

    def file_of(*arguments: Any, **options: Any) -> bytes | None:
        told.append((data := before(*arguments, **options)) is not None)
        return data

    monkeypatch.setattr(jpeg, "file_of", file_of)
    return told


@pytest.mark.parametrize(
    ("options", "by_it"),
    [
        ("w:60/f:jpg", [True]),
        ("w:60/f:jpg/q:95", [True]),
        ("w:60/f:jpg/jpgo:0:1", [True]),
        ("w:60/f:jpg/jpgo:1", []),
        ("w:60/f:jpg/jpgo:::1", []),
        ("w:60/f:jpg/sm:0", []),
        ("w:60/f:jpg/scp:0", []),
        ("w:60/f:jpg/dpi:300", []),
        ("w:60/f:webp", []),
    ],
)
def test_answers_are_the_same_bytes_whoever_writes_them(
    monkeypatch: pytest.MonkeyPatch, written_by_turbo: list[bool], options: str, by_it: list[bool]
) -> None:
    data = pictures.jpeg(pictures.wide_gamut(pictures.marked(120, 80)))
    found = transformed(data, options).data
    assert written_by_turbo == by_it
    monkeypatch.setattr(jpeg, "_encoder", lambda: None)
    assert transformed(data, options).data == found


def test_pixels_that_cannot_be_had_are_the_originals_fault() -> None:
    data = pictures.png(pictures.noise(300, 300))
    middle = len(data) // 2
    with pytest.raises(BrokenImage):
        transformed(data[:middle] + bytes(2000) + data[middle + 2000 :], "w:299/f:jpg")


# What is plain


def test_a_plain_jpeg_has_its_size_told() -> None:
    for layout in PLAIN.values():
        assert plain_size(layout(noisy(33, 17))) == (33, 17)


def _with_frame(marker: int) -> bytes:
    data = PLAIN["4:2:0"](noisy(33, 17))
    at = data.index(b"\xff\xc0")
    return data[:at] + bytes((0xFF, marker)) + data[at + 2 :]


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xC9, 0xCA, 0xCF])
def test_arithmetic_lossless_and_hierarchical_jpegs_are_not_plain(marker: int) -> None:
    assert plain_size(_with_frame(0xC1)) == (33, 17)
    assert plain_size(_with_frame(marker)) is None


def test_nor_are_those_of_two_frames_or_of_12_bits_or_without_a_scan() -> None:
    data = PLAIN["4:2:0"](noisy(33, 17))
    at, end = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    frame = data[at : at + 19]
    assert plain_size(data[:at] + frame + data[at:]) is None
    assert plain_size(data[: at + 4] + b"\x0c" + data[at + 5 :]) is None
    assert plain_size(data[:end]) is None
    assert plain_size(b"") is None


def test_a_file_of_one_scan_may_hold_what_looks_like_many() -> None:
    data = PLAIN["4:2:0"](noisy(33, 17))
    assert plain_size(data + b"\xff\xda" * 100) == (33, 17)
    many = by_pillow(progressive=True)(noisy(33, 17)) + b"\xff\xda" * 100
    assert plain_size(many) is None
