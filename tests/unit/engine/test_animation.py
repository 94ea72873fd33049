"""Animations: each frame is what the same frame is as a still, and their times are kept (dialect §7, §17 U9)."""

from __future__ import annotations

import struct
import threading
import time
from functools import cache

import pytest
import pyvips

from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import BrokenImage, DeadlineExceeded, ImageError, ResultTooLarge, SourceTooLarge
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.frames import representative
from imgproxy_py.recipe.picture import Picture
from tests import pictures
from tests.unit.engine.making import failure, opened, recipe_of, same, transformed, transformer

FRAMES, WIDTH, HEIGHT = 5, 60, 40
DELAYS, LOOP = [20, 70, 120, 170, 220], 3
ALL_PIXELS = FRAMES * WIDTH * HEIGHT / 1_000_000
LOSSLESS = "f:webp/webpo:lossless"


def moving(count: int = FRAMES, width: int = WIDTH, height: int = HEIGHT, *, alpha: bool = False) -> pyvips.Image:
    """A marked picture that rolls to the right, no frame like another."""
    frames = [pictures.marked(width, height).wrap(x=7 * number, y=3 * number) for number in range(count)]
    stack = pyvips.Image.arrayjoin([pictures.with_alpha(one) if alpha else one for one in frames], across=1)
    return timed(stack.copy_memory(), height, DELAYS[:count] or None)


def timed(stack: pyvips.Image, height: int, delays: list[int] | None, loop: int | None = LOOP) -> pyvips.Image:
    stack = pictures.with_field(stack, "page-height", height)
    if delays is not None:
        stack.set_type(pyvips.GValue.array_int_type, "delay", delays)
    return stack if loop is None else pictures.with_field(stack, "loop", loop)


@cache
def source(kind: Format = Format.WEBP, *, alpha: bool = False) -> bytes:
    image = moving(alpha=alpha)
    return pictures.gif(image) if kind is Format.GIF else pictures.webp(image, lossless=True, exact=True)


def animate(data: bytes, options: str = LOSSLESS, **settings: object) -> Picture:
    return transformed(data, options, **{"max_animation_frames": 100, **settings})


def stack_of(data: bytes) -> pyvips.Image:
    return pyvips.Image.new_from_buffer(data, "", n=-1).copy_memory()


def frames_of(data: bytes) -> list[pyvips.Image]:
    stack = stack_of(data)
    height = stack.get("page-height")
    return [stack.crop(0, top, stack.width, height) for top in range(0, stack.height, height)]


def alike(one: pyvips.Image, other: pyvips.Image) -> bool:
    """Whether two images look the same, to the bit: an opaque alpha is none, and what is transparent has no colour."""
    return same(*(visible(image) for image in (one, other)))


def visible(image: pyvips.Image) -> pyvips.Image:
    image = image if image.hasalpha() else image.addalpha()
    return (image[-1] > 0).ifthenelse(image, [0] * image.bands)


# Frame by frame

ALONE = [
    "",
    "w:20",
    "rs:fill:20:20/g:so",
    "rs:force:33:17",
    "rs:fill-down:90:30",
    "w:90/el:1",
    "ra:nearest/w:25",
    "c:0.5:0.5:nowe:3:2/w:15",
    "g:fp:0.8:0.2/c:30:20",
    "rot:90/w:20",
    "rot:180/fl:1:1/w:30",
    "fl:1",
    "bl:2",
    "sh:1/w:30",
    "pix:6",
    "w:30/pd:3:5/bg:ff8000",
    "w:30/pd:3:5",
    "w:30/h:30/ex:1:so",
    "w:30/h:30/exar:1:noea",
    "z:0.5/dpr:0.8",
    "mw:80",
    "br:40/co:1.2/sa:0.5",
    "mc:1:ff0000",
    "gr:0.7:00ff00",
    "w:30|rot:90|pd:2/bg:00f",
    "c:30:30:no|w:20/bl:1",
    "mrd:20",
]


@cache
def marking(frames: int) -> Transformer:
    mark = pictures.png(pictures.with_alpha(pictures.marked(20, 12)))
    return Transformer(EngineSettings(workers=1, max_animation_frames=frames), watermark=mark)


def pairs(data: bytes, options: str) -> list[tuple[pyvips.Image, pyvips.Image]]:
    """Each frame of the animation that is made, and what is made of the same frame as a still."""
    recipe = recipe_of(f"{options}/{LOSSLESS}".lstrip("/"))
    found = frames_of(marking(100).transform(data, recipe, Interrupt()).data)
    stills = [marking(1).transform(pictures.png(frame), recipe, Interrupt()).data for frame in frames_of(data)]
    return list(zip(found, (opened(still) for still in stills), strict=True))


@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
@pytest.mark.parametrize("options", ALONE)
def test_each_frame_is_what_it_is_as_a_still(options: str, alpha: bool) -> None:
    assert all(alike(frame, still) for frame, still in pairs(source(alpha=alpha), options))


@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
@pytest.mark.parametrize("options", ["wm:0.8:soea:2:2:0.4", "wm:1:nowe:-8:-4", "wm:0.5:re:4:4:0.2", "w:30/pd:9/wm:1"])
def test_so_it_is_under_a_watermark_but_for_a_rounding(options: str, alpha: bool) -> None:
    """libvips composes some strips of a picture by another path than others, and strips differ."""
    for frame, still in pairs(source(alpha=alpha), options):
        assert (visible(frame).cast("int") - visible(still).cast("int")).abs().max() <= 1


@pytest.mark.parametrize("options", ["w:30", "rot:270/w:30", "bl:1/pd:2"])
@pytest.mark.parametrize("kind", [Format.GIF, Format.WEBP], ids=str)
def test_so_it_is_of_what_a_url_chooses_by_its_page(kind: Format, options: str) -> None:
    data = source(kind)
    found = frames_of(animate(data, f"{options}/{LOSSLESS}").data)
    for number in range(FRAMES):
        still = transformed(data, f"{options}/pg:{number}/{LOSSLESS}", disable_shrink_on_load=True)
        assert alike(found[number], opened(still.data))


def test_no_watermark_reaches_into_the_next_frame() -> None:
    stack = timed(pyvips.Image.arrayjoin([pictures.solid(40, 20, (0, 0, n)) for n in range(3)], across=1), 20, None)
    data = pictures.webp(stack.copy_memory(), lossless=True)
    found = frames_of(marking(100).transform(data, recipe_of(f"wm:1:so:0:-6/{LOSSLESS}"), Interrupt()).data)
    for number, frame in enumerate(found):
        assert frame.getpoint(20, 0)[:3] == [0, 0, number]
        assert frame.getpoint(20, 19)[:3] != [0, 0, number]


# One window for all


def wandering() -> bytes:
    """A detailed patch that goes from left to right over plain greys, after a frame without it."""
    grounds = [pictures.solid(90, 40, (100 + shade, 100 + shade, 100 + shade)) for shade in range(0, 50, 10)]
    patch = pictures.marked(20, 20)
    frames = grounds[:1] + [one.insert(patch, left, 10) for one, left in zip(grounds[1:], (0, 40, 44, 69), strict=True)]
    return pictures.webp(timed(pyvips.Image.arrayjoin(frames, across=1).copy_memory(), 40, None), lossless=True)


@pytest.mark.parametrize("options", ["c:30:40:sm", "rs:fill:30:40/g:sm", "c:30:0:sm|pd:0", "rot:90/c:0:30:sm"])
def test_a_smart_window_stands_still_where_the_middle_frame_wants_it(options: str) -> None:
    data = wandering()
    middle = representative(5)
    still = transformed(data, f"{options}/pg:{middle}/{LOSSLESS}").data
    found = frames_of(animate(data, f"{options}/{LOSSLESS}").data)
    assert alike(found[middle], opened(still))
    left = next(left for left in range(61) if alike(at(data, middle, left), unturned(found[middle], options)))
    assert 20 < left < 41  # where the patch is in the middle of its way
    assert all(alike(at(data, number, left), unturned(frame, options)) for number, frame in enumerate(found))


def at(data: bytes, number: int, left: int) -> pyvips.Image:
    return frames_of(data)[number].crop(left, 0, 30, 40)


def unturned(frame: pyvips.Image, options: str) -> pyvips.Image:
    return frame.rot("d270") if "rot" in options else frame


# Times


@pytest.mark.parametrize("to", [Format.GIF, Format.WEBP], ids=str)
@pytest.mark.parametrize("kind", [Format.GIF, Format.WEBP], ids=str)
@pytest.mark.parametrize("settings", [{}, {"strip_metadata": False}], ids=["stripped", "kept"])
def test_delays_loop_and_frame_height_are_kept(kind: Format, to: Format, settings: dict[str, bool]) -> None:
    options = "w:30/sm:0" if settings else "w:30"
    picture = animate(source(kind), f"{options}/f:{to}")
    image = stack_of(picture.data)
    assert (picture.format, picture.width, picture.height) == (to, 30, 20)
    assert (image.width, image.height, image.get("page-height"), image.get("n-pages")) == (30, 100, 20, FRAMES)
    assert (image.get("delay"), image.get("loop")) == (DELAYS, LOOP)
    assert (picture.origin_format, picture.origin_width, picture.origin_height) == (kind, WIDTH, HEIGHT)


@pytest.mark.parametrize("kind", [Format.GIF, Format.WEBP], ids=str)
def test_neighbours_that_are_alike_are_shown_as_long_together(kind: Format) -> None:
    red, blue = pictures.solid(20, 10, (255, 0, 0)), pictures.solid(20, 10, (0, 0, 255))
    stack = timed(pyvips.Image.arrayjoin([red, red, blue, blue, blue], across=1).copy_memory(), 10, DELAYS)
    image = stack_of(animate(pictures.gif(stack, keep_duplicate_frames=True), f"f:{kind}").data)
    assert image.get("delay") == [sum(DELAYS[:2]), sum(DELAYS[2:])]


@pytest.mark.parametrize("loop", [0, 1, 7])
def test_a_loop_for_ever_stays_one(loop: int) -> None:
    data = pictures.gif(timed(moving(), HEIGHT, DELAYS, loop))
    assert stack_of(animate(data, "w:30/f:gif").data).get("loop") == loop


# How many frames


@pytest.mark.parametrize(("most", "expected"), [(2, 2), (4, 4), (5, 5), (1000, 5)])
def test_the_first_frames_are_used_as_far_as_they_are_allowed(most: int, expected: int) -> None:
    picture = animate(source(), max_animation_frames=most)
    image = stack_of(picture.data)
    assert (image.get("n-pages"), image.get("delay")) == (expected, DELAYS[:expected])
    assert all(map(alike, frames_of(picture.data), frames_of(source())))


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ("f:webp", {"max_animation_frames": 1}),
        ("f:webp/maf:1", {}),
        ("f:webp/da:1", {}),
        ("f:jpeg", {}),
        ("f:png", {}),
        ("f:avif", {}),
        ("", {"preferred_formats": "jpeg,png"}),
    ],
)
def test_otherwise_the_first_frame_is_a_still(options: str, settings: dict[str, object]) -> None:
    picture = animate(source(), f"w:30/{options}".rstrip("/"), **settings)
    image = pyvips.Image.new_from_buffer(picture.data, "")
    assert (picture.width, picture.height, image.width, image.height) == (30, 20, 30, 20)
    assert not image.get_typeof("n-pages") or image.get("n-pages") == 1


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        (Format.GIF, "", Format.GIF),
        (Format.WEBP, "", Format.GIF),
        (Format.WEBP, "f:webp", Format.WEBP),
        (Format.GIF, "f:webp/pg:3/pgs:2", Format.WEBP),
        (Format.GIF, "f:webp/pg:99", Format.WEBP),
    ],
)
def test_an_animation_stays_one_where_the_format_can_hold_it(kind: Format, options: str, expected: Format) -> None:
    picture = animate(source(kind), options)
    assert picture.format is expected
    assert stack_of(picture.data).get("n-pages") == FRAMES
    assert stack_of(picture.data).get("page-height") == HEIGHT


def test_pages_of_a_document_are_no_animation() -> None:
    data = pictures.tiff(moving(), page_height=HEIGHT)
    header = transformer(max_animation_frames=100).open(data).header
    assert (header.frames, header.animated) == (FRAMES, False)
    assert animate(data, "").format is Format.JPEG


def test_a_frame_that_is_not_there_is_missed_only_by_a_still() -> None:
    assert failure(lambda: animate(source(Format.GIF), "pg:99/f:png")) is BrokenImage


def test_trim_is_ignored_and_that_is_told() -> None:
    framed = pictures.bordered(20, 10, (5, 6, 7, 8))
    data = pictures.webp(timed(framed.join(framed.invert(), "vertical").copy_memory(), framed.height, None))
    picture = animate(data, f"t:10/{LOSSLESS}")
    assert (picture.width, picture.height) == (framed.width, framed.height)
    still = transformed(data, "t:10/f:png")
    assert still.width < framed.width
    assert (picture.ignored, still.ignored) == ("trim", "")


# Limits


def test_all_frames_count_against_the_resolution_of_the_original() -> None:
    assert failure(lambda: animate(source(), max_src_resolution=ALL_PIXELS * 1.01)) is None
    assert failure(lambda: animate(source(), max_src_resolution=ALL_PIXELS * 0.99)) is SourceTooLarge
    assert failure(lambda: animate(source(), "f:png", max_src_resolution=ALL_PIXELS * 0.99)) is None


def test_a_frame_has_a_limit_of_its_own_if_that_is_set() -> None:
    pixels = ALL_PIXELS / FRAMES
    limits = {"max_src_resolution": pixels * 1.01, "max_animation_frame_resolution": pixels * 1.01}
    assert failure(lambda: animate(source(), **limits)) is None
    limits["max_animation_frame_resolution"] = pixels * 0.99
    assert failure(lambda: animate(source(), **limits)) is SourceTooLarge


@pytest.mark.parametrize("options", ["w:200/el:1", "pd:60", "rs:fit:200:200/ex:1", "w:30|w:200/el:1"])
def test_all_frames_count_against_the_resolution_of_the_result(options: str) -> None:
    assert failure(lambda: animate(source(), f"{options}/f:webp", max_result_resolution=0.05)) is ResultTooLarge
    assert failure(lambda: animate(source(), f"{options}/f:png", max_result_resolution=0.05)) is None


def gif_bomb(side: int = 5000, frames: int = 300) -> bytes:
    """A valid GIF of frames that repeat one dot on an enormous canvas."""
    dot = b"\x2c" + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x44\x01\x00"
    control = b"\x21\xf9\x04\x04\x0a\x00\x00\x00"
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return head + (control + dot) * frames + b";"


@pytest.mark.usefixtures("no_pixels_left")
@pytest.mark.parametrize("options", ["w:10/f:webp", "w:10", "rs:fill:10:10/g:sm/f:webp", "pgs:300/f:png"])
def test_a_bomb_is_refused_by_its_header(options: str) -> None:
    data = gif_bomb()
    started = time.process_time()
    assert failure(lambda: animate(data, options, max_animation_frames=300)) is SourceTooLarge
    assert time.process_time() - started < 3


# Damage


@pytest.mark.usefixtures("no_pixels_left")
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("kind", [Format.GIF, Format.WEBP], ids=str)
@pytest.mark.parametrize("options", ["w:20/f:webp", "f:gif", "w:20/g:sm/h:9/rt:fill/f:webp"])
def test_a_truncated_animation_is_broken(kind: Format, share: float, options: str) -> None:
    data = pictures.truncated(source(kind), share)
    assert failure(lambda: animate(data, options)) is BrokenImage


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_what_there_is_of_a_truncated_gif_is_served_when_configured(share: float) -> None:
    picture = animate(pictures.truncated(source(Format.GIF), share), "w:20/f:webp", serve_truncated=True)
    assert not picture.complete
    assert frames_of(picture.data)


@pytest.mark.usefixtures("no_pixels_left")
@pytest.mark.parametrize("kind", [Format.GIF, Format.WEBP], ids=str)
@pytest.mark.parametrize("options", ["w:20/msr:1/f:webp", "rot:90/msr:1/f:webp", "c:9:9:sm/msr:1/f:gif"])
@pytest.mark.parametrize("seeds", [range(12), pytest.param(range(12, 60), marks=pytest.mark.slow)], ids=["few", "many"])
def test_a_corrupt_animation_gives_a_picture_or_one_of_our_errors(kind: Format, options: str, seeds: range) -> None:
    for seed in seeds:
        data = pictures.corrupted(source(kind), seed)
        found = failure(lambda data=data: animate(data, options))
        assert found is None or issubclass(found, ImageError | SourceTooLarge)


# Stopping


@pytest.mark.parametrize("options", ["f:gif", "w:390/f:gif", "bl:30/f:webp", "w:390/f:webp", "w:390|w:380/f:webp"])
def test_an_animation_ends_soon_after_it_is_told_to(options: str) -> None:
    data, interrupt, found = slow(), Interrupt(), []

    def work() -> None:
        try:
            transformer(max_animation_frames=100).transform(data, recipe_of(options), interrupt)
        except DeadlineExceeded as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.2)
    assert thread.is_alive(), "the work is not slow enough for this test"
    worked_by_then = time.process_time()
    interrupt.stop()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert time.process_time() - worked_by_then < 2
    assert len(found) == 1


@cache
def slow() -> bytes:
    """Forty frames of noise."""
    frames = [pictures.noise(400, 400, seed) for seed in range(40)]
    return pictures.webp(timed(pyvips.Image.arrayjoin(frames, across=1).copy_memory(), 400, None), Q=30)
