"""Frames are made once for all who need them; whoever makes one may fail or leave."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
import pyvips

from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.sharing import Frame, Postponed, Share, SharedPixels
from imgproxy_py.errors import DeadlineExceeded

PIXELS = 100 * 100 * 3


def grey(level: int = 90) -> Frame:
    return Frame(image=(pyvips.Image.black(100, 100, bands=3) + level).cast("uchar"), notes={"level": level})


def share_of(pixels: SharedPixels, original: int = 1) -> Share:
    return pixels.share(original, lambda: True)


def frame(share: Share, name: str = "f", make: Callable[[], Frame] = grey, interrupt: Interrupt | None = None) -> Frame:
    return share.frame("kind", name, make, interrupt or Interrupt())


def broken() -> Frame:
    data = pyvips.Image.gaussnoise(100, 100).cast("uchar").jpegsave_buffer()
    return Frame(image=pyvips.Image.jpegload_buffer(data[: len(data) // 2], access="sequential", fail_on="truncated"))


def test_what_one_has_made_others_find_with_its_notes() -> None:
    pixels = SharedPixels(1 << 20)
    first = frame(share_of(pixels))
    second = frame(share_of(pixels), make=lambda: pytest.fail("made twice"))
    assert first.notes == second.notes == {"level": 90}
    assert second.image(50, 50) == [90, 90, 90]
    assert (pixels.stats.hits, pixels.stats.misses) == (1, 1)


def test_it_is_noted_what_was_there_first() -> None:
    pixels = SharedPixels(1 << 20)
    first, second = share_of(pixels), share_of(pixels)
    frame(first)
    assert first.used == ""
    frame(second)
    second.frame("another", "f", grey, Interrupt())
    assert second.used == "kind"


def test_each_gets_an_image_of_its_own() -> None:
    pixels = SharedPixels(1 << 20)
    first = frame(share_of(pixels)).image
    first.set_kill(True)
    first.set_type(pyvips.GValue.gint_type, "orientation", 6)
    second = frame(share_of(pixels)).image
    assert second.avg() == 90
    assert second.get_typeof("orientation") == 0


def test_originals_and_names_are_apart() -> None:
    pixels = SharedPixels(1 << 20)
    levels = {(original, name): 10 * original + len(name) for original in (1, 2) for name in ("a", "bb")}
    for (original, name), level in levels.items():
        frame(share_of(pixels, original), name, lambda level=level: grey(level))
    assert {key: frame(share_of(pixels, key[0]), key[1]).notes["level"] for key in levels} == levels


def test_who_needs_what_another_makes_is_postponed_until_it_is_there() -> None:
    pixels = SharedPixels(1 << 20)
    asked: list[Postponed] = []

    def make() -> Frame:
        with pytest.raises(Postponed) as postponed:
            frame(share_of(pixels))
        asked.append(postponed.value)
        assert not postponed.value.ended.done()
        return grey()

    frame(share_of(pixels), make=make)
    assert asked[0].ended.done()
    assert frame(share_of(pixels), make=lambda: pytest.fail("made twice")).notes
    assert pixels.stats.waits == 1


def test_who_is_postponed_himself_keeps_what_he_has_claimed() -> None:
    pixels = SharedPixels(1 << 20)
    mine, decoder = share_of(pixels), share_of(pixels)

    def finished() -> Frame:
        return frame(mine, "decoded")

    def decoding() -> Frame:
        with pytest.raises(Postponed):
            frame(mine, "finished", finished)
        with pytest.raises(Postponed):
            frame(share_of(pixels), "finished", lambda: pytest.fail("somebody else's to make"))
        return grey()

    frame(decoder, "decoded", decoding)
    assert frame(mine, "finished", finished).notes == {"level": 90}
    assert len(pixels) == 2


@pytest.mark.parametrize("trouble", [ValueError("no"), DeadlineExceeded()], ids=["fails", "is stopped"])
def test_if_one_fails_the_next_takes_over(trouble: Exception) -> None:
    pixels = SharedPixels(1 << 20)

    def fail() -> Frame:
        raise trouble

    with pytest.raises(type(trouble)):
        frame(share_of(pixels), make=fail)
    assert frame(share_of(pixels)).notes


def test_if_one_leaves_the_next_takes_over_and_he_harms_nobody_when_he_ends() -> None:
    pixels = SharedPixels(1 << 20)
    slow, claimed, go_on = share_of(pixels), threading.Event(), threading.Event()

    def slowly() -> Frame:
        claimed.set()
        assert go_on.wait(5)
        raise ValueError

    with ThreadPoolExecutor(1) as thread:
        working = thread.submit(frame, slow, "f", slowly)
        assert claimed.wait(5)
        with pytest.raises(Postponed) as postponed:
            frame(share_of(pixels))
        slow.close()
        assert postponed.value.ended.done()

        def while_he_ends() -> Frame:
            go_on.set()
            wait([working])
            with pytest.raises(Postponed):
                frame(share_of(pixels), make=lambda: pytest.fail("claimed by another"))
            return grey()

        assert frame(share_of(pixels), make=while_he_ends).notes
    assert isinstance(working.exception(), ValueError)


def test_who_has_left_claims_nothing_more() -> None:
    pixels = SharedPixels(1 << 20)
    gone = share_of(pixels)
    gone.close()
    assert frame(gone).notes
    assert (len(pixels), pixels.bytes) == (0, 0)
    assert frame(share_of(pixels)).notes


def test_pixels_that_cannot_be_computed_are_everybody_s_own_trouble() -> None:
    pixels = SharedPixels(1 << 20)
    with pytest.raises(Postponed) as postponed:
        frame(share_of(pixels), make=broken)
    assert postponed.value.ended is None
    assert frame(share_of(pixels), make=broken).image.width == 100  # not computed
    assert frame(share_of(pixels), make=lambda: grey(7)).notes == {"level": 7}, "whatever they make of it"


def test_one_that_is_stopped_does_not_say_that_pixels_are_broken() -> None:
    pixels, interrupt = SharedPixels(1 << 20), Interrupt()

    def stopped() -> Frame:
        interrupt.stop()
        return grey()

    with pytest.raises(DeadlineExceeded):
        frame(share_of(pixels), make=stopped, interrupt=interrupt)
    frame(share_of(pixels))
    assert pixels.bytes > PIXELS


@pytest.mark.parametrize("decode", [pyvips.Image.copy, pyvips.Image.copy_memory], ids=["line by line", "at once"])
def test_who_leaves_stops_nobody_who_has_the_pixels_from_him(decode: Callable[[pyvips.Image], pyvips.Image]) -> None:
    pixels, interrupt = SharedPixels(1 << 20), Interrupt()
    frame(share_of(pixels), make=lambda: Frame(image=decode(grey().image)), interrupt=interrupt)
    interrupt.stop()
    assert frame(share_of(pixels)).image.copy_memory().avg() == 90


class StoppedMeanwhile:
    """An image in memory whose maker leaves as it is looked at: too late for libvips to notice."""

    width, height, bands, format = 10, 10, 3, "uchar"

    def __init__(self, interrupt: Interrupt) -> None:
        self.interrupt = interrupt

    def copy_memory(self) -> StoppedMeanwhile:
        self.interrupt.stop()
        return self

    def set_kill(self, kill: bool) -> None:
        self.killed = kill


def test_what_was_told_to_stop_is_not_kept() -> None:
    pixels, interrupt = SharedPixels(1 << 20), Interrupt()
    with pytest.raises(DeadlineExceeded):
        frame(share_of(pixels), make=lambda: Frame(image=StoppedMeanwhile(interrupt)), interrupt=interrupt)
    assert frame(share_of(pixels)).image.avg() == 90


def test_what_was_used_last_stays() -> None:
    pixels = SharedPixels(3 * PIXELS)
    share = share_of(pixels)
    for name in ("a", "b", "a", "c"):
        frame(share, name)
    assert [share.found("kind", name) is not None for name in ("a", "b", "c")] == [True, False, True]
    assert (pixels.stats.evictions, pixels.bytes <= 3 * PIXELS) == (1, True)


def test_what_is_larger_than_all_room_is_given_as_it_is_and_not_kept() -> None:
    pixels = SharedPixels(PIXELS)
    made = grey()
    assert frame(share_of(pixels), make=lambda: made) is made
    assert pixels.bytes < PIXELS


def test_a_forgotten_original_leaves_nothing_behind() -> None:
    pixels = SharedPixels(1 << 20)
    share = share_of(pixels)
    frame(share)
    frame(share_of(pixels, 2))
    pixels.forget(1)
    assert share.found("kind", "f") is None
    frame(share)
    assert (len(pixels), share_of(pixels, 2).found("kind", "f") is not None) == (1, True)
    pixels.forget(2)
    assert (len(pixels), pixels.bytes) == (0, 0)


def test_many_threads_make_each_frame_once() -> None:
    pixels, made, lock = SharedPixels(1 << 24), [0] * 8, threading.Lock()

    def make(number: int) -> Frame:
        with lock:
            made[number] += 1
        return grey(number)

    def work(turn: int) -> int:
        share, number = share_of(pixels), turn % 8
        while True:
            try:
                return int(share.frame("kind", number, lambda: make(number), Interrupt()).image.avg())
            except Postponed as postponed:
                ended = postponed.ended
            if ended is not None:
                ended.result(5)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(200))) == [turn % 8 for turn in range(200)]
    assert made == [1] * 8
