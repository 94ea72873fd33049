"""Work in processes of their own: the same bytes, and an end to it when nobody waits."""

from __future__ import annotations

import errno
import gc
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pyvips

from imgproxy_py.engine.encoding import Encoding, encode
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.isolation.expected import decoding_milliseconds, encoding_milliseconds
from imgproxy_py.engine.isolation.processes import Isolation, open_isolation
from imgproxy_py.engine.loading import ImageFile
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import BrokenImage, DeadlineExceeded, ImgproxyError
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Output, PngOptions
from imgproxy_py.recipe.picture import Header
from tests import originals, pictures
from tests.unit.engine.making import recipe_of

KEEP_ALL = 31
OF_THE_LOADER = ("filename", "vips-loader", "vips-sequential")
JPEG = pictures.jpeg(pictures.noise(80, 60))
SETTINGS = EngineSettings(workers=1, avif_speed=9, png_quantize=True, jxl_effort=1)
SLOW = EngineSettings(workers=1, avif_speed=0)


@pytest.fixture
def isolation() -> Iterator[Isolation]:
    one = Isolation(SETTINGS)
    yield one
    one.close()


@pytest.fixture(scope="module")
def used() -> Iterator[Isolation]:
    """One for all who only want something done: a process takes longer to start than they take."""
    one = Isolation(SETTINGS)
    yield one
    one.close()


def picture() -> pyvips.Image:
    return pyvips.Image.new_from_buffer(JPEG, "").copy_memory()


def slow_picture() -> pyvips.Image:
    return pyvips.Image.gaussnoise(1600, 1200, mean=128, sigma=60).cast("uchar").bandjoin_const([90, 30]).copy_memory()


def fields(image: pyvips.Image) -> dict[str, object]:
    return {name: image.get(name) for name in image.get_fields() if name not in OF_THE_LOADER}


def children() -> set[int]:
    """The processes that this one has started and not yet buried."""
    own = os.getpid()
    return {int(pid) for task in Path(f"/proc/{own}/task").iterdir() for pid in (task / "children").read_text().split()}


@pytest.mark.parametrize(
    "kind", [Format.AVIF, Format.PNG, Format.JXL, Format.HEIC, Format.WEBP, Format.TIFF, Format.GIF]
)
def test_isolated_encoders_write_the_same_bytes(used: Isolation, kind: Format) -> None:
    encoding = Encoding(format=kind, quality=70, keep=KEEP_ALL)
    image = picture()
    assert used.encode(image, encoding, Interrupt()) == encode(image, encoding, SETTINGS)


def test_all_metadata_goes_along(used: Isolation) -> None:
    image = picture().copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", bytes(pyvips.Image.profile_load("p3")))
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    image.set_type(pyvips.GValue.blob_type, "xmp-data", b"<x/>")
    encoding = Encoding(format=Format.WEBP, quality=70, keep=KEEP_ALL)
    written = pyvips.Image.new_from_buffer(used.encode(image, encoding, Interrupt()), "")
    assert written.get("icc-profile-data") == image.get("icc-profile-data")
    assert (written.get("orientation"), written.get("xmp-data")) == (6, b"<x/>")


@pytest.mark.parametrize(("kind", "load"), [(Format.WEBP, "webpload_buffer"), (Format.GIF, "gifload_buffer")])
def test_frames_of_an_animation_stay_frames(used: Isolation, kind: Format, load: str) -> None:
    image = pictures.noise(20, 60).copy()
    image.set_type(pyvips.GValue.gint_type, "page-height", 20)
    image.set_type(pyvips.GValue.array_int_type, "delay", [100, 200, 300])
    encoding = Encoding(format=kind, quality=70, keep=KEEP_ALL)
    written = used.encode(image, encoding, Interrupt())
    assert written == encode(image, encoding, SETTINGS)
    assert pyvips.Operation.call(load, written, n=-1).get("delay") == [100, 200, 300]


@pytest.mark.parametrize("kind", [Format.HEIC, Format.PSD, Format.RAW, Format.BMP])
def test_isolated_decoders_give_the_same_pixels_and_fields(used: Isolation, kind: Format) -> None:
    data = {
        Format.HEIC: lambda: encode(picture(), Encoding(format=Format.HEIC, quality=70, keep=KEEP_ALL), SETTINGS),
        Format.PSD: lambda: originals.psd(picture()),
        Format.RAW: lambda: originals.dng(picture()),
        Format.BMP: lambda: encode(picture(), Encoding(format=Format.BMP, quality=70, keep=0), SETTINGS),
    }[kind]()
    file = ImageFile(data=data, format=kind)
    here, there = file.open(), used.open(file, Interrupt())
    assert here.write_to_memory() == there.write_to_memory()
    assert (here.format, here.interpretation, here.bands) == (there.format, there.interpretation, there.bands)
    assert fields(here) == fields(there)


@pytest.mark.parametrize("shrink", [1, 2, 4, 8])
def test_progressive_jpegs_are_decoded_to_the_same_pixels_and_fields(isolation: Isolation, shrink: int) -> None:
    image = pictures.wide_gamut(pictures.with_orientation(pictures.noise(203, 121), 6))
    image = pictures.with_field(image, "exif-ifd0-Copyright", "somebody")
    file = ImageFile(data=pictures.jpeg(image, interlace=True), format=Format.JPEG)
    here, there = file.open(shrink=shrink), isolation.open(file, Interrupt(), shrink=shrink)
    assert here.write_to_memory() == there.write_to_memory()
    assert fields(here) == fields(there)


@pytest.mark.parametrize("tolerant", [False, True])
def test_progressive_jpegs_that_end_too_early_come_to_the_same(isolation: Isolation, tolerant: bool) -> None:
    data = pictures.truncated(pictures.jpeg(pictures.noise(203, 121), interlace=True), 0.7)
    file = ImageFile(data=data, format=Format.JPEG, tolerant=tolerant)

    def outcome(opened: Callable[[], pyvips.Image]) -> bytes | str:
        try:
            return bytes(opened().write_to_memory())
        except pyvips.Error:
            return "broken"

    assert outcome(file.open) == outcome(lambda: isolation.open(file, Interrupt()))
    assert (outcome(file.open) == "broken") is not tolerant


def test_what_cannot_be_decoded_is_told_as_ever(used: Isolation) -> None:
    file = ImageFile(data=originals.psd(picture())[:-2000], format=Format.PSD)
    with pytest.raises(BrokenImage) as here:
        file.open()
    with pytest.raises(BrokenImage) as there:
        used.open(file, Interrupt())
    assert here.value.detail == there.value.detail
    assert used.died == 0


def test_a_child_is_asked_again(isolation: Isolation) -> None:
    encoding = Encoding(format=Format.AVIF, quality=70, keep=0)
    for _ in range(3):
        isolation.encode(picture(), encoding, Interrupt())
    assert (isolation.started, isolation.working) == (1, 0)


def test_an_encode_that_cannot_be_interrupted_ends_when_told() -> None:
    isolation, interrupt = Isolation(SLOW), Interrupt()
    encoding = Encoding(format=Format.AVIF, quality=70, keep=0)
    isolation.encode(picture(), encoding, Interrupt())
    image, told = slow_picture(), list[float]()

    def tell() -> None:
        told.append(time.perf_counter())
        interrupt.stop()

    threading.Timer(0.5, tell).start()
    with pytest.raises(DeadlineExceeded):
        isolation.encode(image, encoding, interrupt)  # half a minute, if nobody stopped it
    assert told
    assert (isolation.killed, isolation.died, isolation.working) == (1, 0, 0)
    isolation.close()


def test_what_is_to_stop_before_it_begins_costs_no_child(isolation: Isolation) -> None:
    interrupt = Interrupt()
    interrupt.stop()
    with pytest.raises(DeadlineExceeded):
        isolation.encode(picture(), Encoding(format=Format.AVIF, quality=70, keep=0), interrupt)
    assert isolation.started == 0


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_crash_ends_one_picture_and_the_next_has_another_child(number: signal.Signals) -> None:
    before, isolation = children(), Isolation(SLOW)
    encoding = Encoding(format=Format.AVIF, quality=70, keep=0)
    isolation.encode(picture(), encoding, Interrupt())
    (child,) = children() - before
    image = slow_picture()
    threading.Timer(0.5, os.kill, (child, number)).start()
    with pytest.raises(ImgproxyError) as crash:
        isolation.encode(image, encoding, Interrupt())
    assert f"exit code -{number}" in crash.value.private
    assert isolation.encode(picture(), encoding, Interrupt())
    assert (isolation.died, isolation.killed, isolation.started) == (1, 0, 2)
    isolation.close()


def test_a_decoder_that_crashes_says_that_the_original_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    isolation = Isolation(SETTINGS)
    monkeypatch.setattr("imgproxy_py.engine.isolation.processes._Child.ask", _die)
    with pytest.raises(BrokenImage):
        isolation.open(ImageFile(data=b"x", format=Format.HEIC), Interrupt())
    isolation.close()


def _die(child: Any, *_: object) -> None:
    child.ready = True
    raise EOFError


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Insist on as many open files at the end as at the beginning."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    yield
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def ending_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")


def ended_before_it_is_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def popen(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        process = start(*args, **options)
        process.wait()
        return process

    start = subprocess.Popen
    ending_at_once(monkeypatch)
    monkeypatch.setattr("subprocess.Popen", popen)


def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def popen(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("subprocess.Popen", popen)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("trouble", [ending_at_once, ended_before_it_is_spoken_to, refused])
@pytest.mark.parametrize(
    "work",
    [
        lambda isolation: isolation.open(ImageFile(data=b"x", format=Format.HEIC), Interrupt()),
        lambda isolation: isolation.encode(picture(), Encoding(format=Format.AVIF, quality=70, keep=0), Interrupt()),
    ],
    ids=["decoding", "encoding"],
)
def test_that_no_child_can_be_started_is_our_fault_and_not_the_originals(
    trouble: Callable[[pytest.MonkeyPatch], None],
    work: Callable[[Isolation], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    isolation = Isolation(SETTINGS)
    trouble(monkeypatch)
    with pytest.raises(ImgproxyError) as error:
        work(isolation)
    assert type(error.value) is ImgproxyError
    assert "process to decode or encode in" in error.value.private
    assert isolation.working == 0
    isolation.close()


def test_children_know_none_of_the_secrets(isolation: Isolation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_KEY", "736563726574")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    before = children()
    isolation.encode(picture(), Encoding(format=Format.AVIF, quality=70, keep=0), Interrupt())
    (child,) = children() - before
    environment = Path(f"/proc/{child}/environ").read_bytes()
    assert b"PATH=" in environment
    assert b"hunter2" not in environment
    assert b"736563726574" not in environment


def test_nothing_is_left_after_the_end(isolation: Isolation) -> None:
    before = children()
    isolation.encode(picture(), Encoding(format=Format.AVIF, quality=70, keep=0), Interrupt())
    assert children() - before
    isolation.close()
    assert not children() - before


@pytest.mark.parametrize("options", ["rs:fit:50:40/f:avif", "f:heic", "rs:fill:30:30/f:png/pngo::1:16", "f:jxl/rot:90"])
def test_pictures_are_the_same_with_and_without(options: str) -> None:
    isolating, plain = (Transformer(EngineSettings(workers=1, isolation_milliseconds=most)) for most in (1, 0))
    one = isolating.transform(JPEG, recipe_of(options), Interrupt())
    other = plain.transform(JPEG, recipe_of(options), Interrupt())
    assert (one.data, isolating.epoch) == (other.data, plain.epoch)
    assert plain.isolation is None
    isolating.close()


def test_an_original_that_takes_long_is_decoded_apart() -> None:
    data = encode(slow_picture(), Encoding(format=Format.HEIC, quality=20, keep=0), SETTINGS)
    transformer = Transformer(EngineSettings(workers=1, isolation_milliseconds=1))
    made = transformer.transform(data, recipe_of("rs:fit:100:100/f:jpg"), Interrupt())
    assert transformer.isolation is not None
    assert (made.width, transformer.isolation.started) == (100, 1)
    transformer.close()


def test_a_progressive_jpeg_ends_when_told() -> None:
    data = pictures.jpeg(pictures.noise(3000, 2000), interlace=True)
    transformer, interrupt = Transformer(EngineSettings(workers=1, isolation_milliseconds=50)), Interrupt()
    transformer.transform(data, recipe_of("w:1400/f:jpg"), Interrupt())
    isolation = transformer.isolation
    assert isolation is not None
    assert isolation.started == 1

    def stop() -> None:
        while not isolation.working:
            time.sleep(0.001)
        time.sleep(0.02)
        interrupt.stop()

    threading.Thread(target=stop).start()
    with pytest.raises(DeadlineExceeded):
        transformer.transform(data, recipe_of("w:1400/f:jpg"), interrupt)
    assert isolation.killed == 1
    transformer.close()


def test_zero_is_never() -> None:
    assert open_isolation(EngineSettings(workers=1, isolation_milliseconds=0)) is None


@pytest.mark.parametrize(
    ("kind", "settings", "least"),
    [
        (Format.AVIF, {"avif_speed": 9}, 50),
        (Format.AVIF, {"avif_speed": 0}, 10_000),
        (Format.HEIC, {}, 100),
        (Format.JXL, {"jxl_effort": 9}, 1_000),
        (Format.PNG, {"png_quantize": True}, 1_000),
        (Format.GIF, {}, 1_000),
    ],
)
def test_what_cannot_be_interrupted_has_a_price(kind: Format, settings: dict[str, object], least: float) -> None:
    assert encoding_milliseconds(1000, 1000, kind, Output(), EngineSettings(**settings)) >= least


@pytest.mark.parametrize("kind", [Format.JPEG, Format.WEBP, Format.PNG])
def test_what_can_be_interrupted_has_none(kind: Format) -> None:
    assert encoding_milliseconds(9000, 9000, kind, Output(), EngineSettings()) == 0


def test_the_url_decides_about_palettes() -> None:
    asked, settings = Output(png=PngOptions(quantize=False)), EngineSettings(png_quantize=True)
    assert encoding_milliseconds(1000, 1000, Format.PNG, asked, settings) == 0


def test_decoders_are_priced_by_the_originals_size() -> None:
    assert decoding_milliseconds(Header(format=Format.RAW, width=6000, height=4000), b"") > 1000


@pytest.mark.parametrize(("interlace", "most"), [(False, 0.0), (True, 1_000.0)])
def test_of_jpegs_only_the_progressive_are_not_interrupted(interlace: bool, most: float) -> None:
    data = pictures.jpeg(pictures.noise(80, 60), interlace=interlace)
    header = Header(format=Format.JPEG, width=6000, height=4000)
    times = [decoding_milliseconds(header, data, shrink) for shrink in (8, 4, 2, 1)]
    assert times == sorted(times)
    assert times[0] < 200 if interlace else times == [0.0] * 4
    assert times[-1] <= most


SHADOWS = '<filter id="f"><feGaussianBlur stdDeviation="40"/></filter><rect width="90%" height="90%" filter="url(#f)"/>'


@pytest.mark.parametrize(("options", "apart"), [("w:1400/el:1/f:png", 1), ("w:40/f:png", 0), ("t:10/w:300/f:png", 1)])
def test_filters_of_an_svg_are_drawn_apart_where_the_canvas_is_large(options: str, apart: int) -> None:
    data = pictures.svg("1200", "1000", SHADOWS)
    isolating, plain = (Transformer(EngineSettings(workers=1, isolation_milliseconds=most)) for most in (400, 0))
    one = isolating.transform(data, recipe_of(options), Interrupt())
    other = plain.transform(data, recipe_of(options), Interrupt())
    assert isolating.isolation is not None
    assert (isolating.isolation.started, one.data == other.data) == (apart, True)
    isolating.close()


def test_a_drawing_that_cannot_be_interrupted_ends_when_told() -> None:
    data = pictures.svg("1900", "1900", SHADOWS + '<rect width="90%" height="90%" filter="url(#f)"/>' * 30)
    transformer, interrupt = Transformer(EngineSettings(workers=1)), Interrupt()
    threading.Timer(1.0, interrupt.stop).start()
    with pytest.raises(DeadlineExceeded):
        transformer.transform(data, recipe_of("f:png"), interrupt)
    assert transformer.isolation is not None
    assert transformer.isolation.killed == 1
    transformer.close()
