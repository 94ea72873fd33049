"""Pages of PDF: sizes, pages, stacking, rendering at the size that is needed, deadlines, one at a time."""

from __future__ import annotations

import threading
import time

import pytest

from imgproxy_py.engine.codecs import pdf as codec
from imgproxy_py.engine.codecs.port import Demand
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.errors import BrokenImage, DeadlineExceeded, SourceTooLarge, UndecodableImage
from imgproxy_py.recipe.formats import Format
from tests.originals import pdf
from tests.unit.engine.making import failure, made, transformed, transformer

RED, GREEN, BLUE, WHITE, BLACK = ([255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0])
THREE = pdf((200, 100, "1 0 0"), (120, 80, "0 1 0"), (100, 40, "0 0 1"))
# Curves enough that drawing them takes seconds.
BUSY = pdf((600, 600, "1 0 0"), stream=b"%d 0 m 9 599 300 1 %d 599 c S\n" * 200_000 % tuple(range(400_000)))


def test_a_point_is_a_pixel_and_paper_is_white() -> None:
    image = made(THREE)
    assert (image.width, image.height, image.bands) == (200, 100, 3)
    assert (image.getpoint(10, 10), image.getpoint(190, 90)) == (RED, WHITE)


def test_without_a_format_in_the_url_a_page_is_a_jpeg() -> None:
    assert transformed(THREE).format is Format.JPEG


@pytest.mark.parametrize(("page", "size", "color"), [(0, (200, 100), RED), (1, (120, 80), GREEN), (2, (100, 40), BLUE)])
def test_a_page_is_chosen(page: int, size: tuple[int, int], color: list[int]) -> None:
    image = made(THREE, f"pg:{page}/f:png")
    assert ((image.width, image.height), image.getpoint(10, 10)) == (size, color)


def test_pages_are_stacked_at_the_left() -> None:
    image = made(THREE, "pg:1/pgs:9/f:png")
    assert (image.width, image.height) == (120, 120)
    assert [image.getpoint(10, 10), image.getpoint(10, 90), image.getpoint(110, 90)] == [GREEN, BLUE, WHITE]
    assert transformer().open(THREE).header.frames == 3


def test_a_page_that_is_not_there_is_an_error_of_the_image() -> None:
    assert failure(lambda: transformed(THREE, "pg:3")) is BrokenImage


@pytest.mark.parametrize("options", ["w:50", "w:800/el:1", "pgs:2/w:40"])
def test_pages_are_drawn_at_the_size_that_is_needed(options: str) -> None:
    image = made(THREE, f"{options}/f:png")
    row = [image.getpoint(x, 2)[2] for x in range(image.width)]
    between = [level for level in row if 0 < level < 255]
    assert len(between) <= 4  # the edge of the red half stays as sharp as a page's
    assert image.width == int(options.split("w:")[1].split("/")[0])


def test_drawing_stops_when_told_to_and_others_come_next() -> None:
    decoder, interrupt = codec.decoder(), Interrupt()
    assert decoder is not None
    threading.Timer(0.2, interrupt.stop).start()
    started = time.process_time()
    with pytest.raises(DeadlineExceeded):
        decoder.decode(BUSY, Format.PDF, Demand(interrupt=interrupt))
    assert time.process_time() - started < 5
    assert decoder.decode(THREE, Format.PDF, Demand()).getpoint(10, 10) == RED


def test_who_waits_for_another_page_gives_up_in_time() -> None:
    decoder, interrupt = codec.decoder(), Interrupt()
    assert decoder is not None
    with codec._PDFIUM:
        threading.Timer(0.1, interrupt.stop).start()
        with pytest.raises(DeadlineExceeded):
            decoder.decode(THREE, Format.PDF, Demand(interrupt=interrupt))


def test_pages_are_drawn_by_several_threads_without_harm() -> None:
    found: list[list[float]] = []
    threads = [threading.Thread(target=lambda: found.append(made(THREE).getpoint(10, 10))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [RED] * 8


def test_an_enormous_page_is_refused_by_its_header() -> None:
    assert failure(lambda: transformed(pdf((14_000, 14_000, "1 0 0")))) is SourceTooLarge
    assert failure(lambda: transformed(pdf(*[(2_000, 2_000, "1 0 0")] * 30), "pgs:30")) is SourceTooLarge


def test_a_locked_document_says_so() -> None:
    trailer = (
        b"/Root 1 0 R/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4"
        b"/O(12345678901234567890123456789012)/U(12345678901234567890123456789012)>>"
    )
    assert failure(lambda: transformed(THREE.replace(b"/Root 1 0 R", trailer))) is UndecodableImage


def test_without_its_extra_there_is_no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pypdfium2", None)
    assert codec.decoder() is None
