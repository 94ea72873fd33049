"""Stopping work from another thread."""

from __future__ import annotations

import threading
import time

import pytest
import pyvips

from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.errors import DeadlineExceeded
from tests import pictures
from tests.unit.engine.making import recipe_of, transformer


def test_nothing_happens_until_it_is_told() -> None:
    interrupt, image = Interrupt(), pictures.marked()
    interrupt.check()
    assert interrupt.watch(image) is image
    assert not interrupt.stopped


def test_after_a_stop_check_and_watch_raise() -> None:
    interrupt = Interrupt()
    interrupt.stop()
    interrupt.stop()
    with pytest.raises(DeadlineExceeded):
        interrupt.check()
    with pytest.raises(DeadlineExceeded):
        interrupt.watch(pictures.marked())


def test_a_watched_image_is_not_computed_after_a_stop() -> None:
    interrupt = Interrupt()
    image = interrupt.watch(pictures.noise(50, 50).gaussblur(3))
    interrupt.stop()
    with pytest.raises(pyvips.Error):
        image.copy_memory()


def test_a_released_image_is_left_alone() -> None:
    interrupt = Interrupt()
    image = interrupt.watch(pictures.noise(50, 50).gaussblur(3))
    interrupt.release()
    interrupt.stop()
    assert image.copy_memory().width == 50


SLOW = [
    ("bl:200/f:png", 6),
    ("bl:200/rot:90/f:png", 6),
    ("f:webp/q:100", 6),
    ("w:9900/el:1/f:png", 1),
]


@pytest.mark.parametrize(("options", "scale"), SLOW, ids=[options for options, _ in SLOW])
def test_slow_work_ends_long_before_its_time(options: str, scale: int) -> None:
    data = pictures.large_noise(600 * scale)
    interrupt, found = Interrupt(), []

    def work() -> None:
        try:
            transformer().transform(data, recipe_of(options), interrupt)
        except DeadlineExceeded as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.15)
    assert thread.is_alive(), "the work is not slow enough for this test"
    worked_by_then = time.process_time()
    interrupt.stop()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert time.process_time() - worked_by_then < 2
    assert len(found) == 1
