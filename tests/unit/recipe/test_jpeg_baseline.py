"""What is read of a baseline JPEG before its scan, and which are left to others."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgproxy_py.recipe.jpeg_baseline import QUANTIZERS, baseline
from tests import pictures
from tests.jpegs import BASELINE, by_pillow, by_turbo, noisy

JPEG = BASELINE["4:2:0"](noisy(70, 50))


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(content)) + content


def before_scan(data: bytes, more: bytes) -> bytes:
    at = data.index(b"\xff\xda")
    return data[:at] + more + data[at:]


def with_frame(data: bytes, at: int, value: int) -> bytes:
    """The file with a byte of its frame header's content changed."""
    place = data.index(b"\xff\xc0") + 4 + at
    return data[:place] + bytes((value,)) + data[place + 1 :]


def without(data: bytes, marker: int) -> bytes:
    at = data.index(bytes((0xFF, marker)))
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]


def test_a_frame_and_its_tables_are_read() -> None:
    frame = baseline(JPEG)
    assert frame is not None
    assert (frame.width, frame.height, frame.restart_interval) == (70, 50, 0)
    assert [(one.across, one.down, one.dc, one.ac) for one in frame.components] == [(2, 2, 0, 0), *[(1, 1, 1, 1)] * 2]
    assert all(len(one.quantizers) == QUANTIZERS for one in frame.components)
    assert all(len(table) == 16 + sum(table[:16]) for table in (*frame.dc.values(), *frame.ac.values()))
    assert JPEG[: frame.scan].endswith(bytes((0, 63, 0)))


@pytest.mark.parametrize(
    ("layout", "sampling"),
    [("4:4:4", (1, 1)), ("4:2:2", (2, 1)), ("4:2:0", (2, 2)), ("4:4:0", (1, 2)), ("grey", (1, 1))],
)
def test_sampling_is_that_of_the_layout(layout: str, sampling: tuple[int, int]) -> None:
    frame = baseline(BASELINE[layout](noisy(40, 40)))
    assert frame is not None
    assert (frame.components[0].across, frame.components[0].down) == sampling


def test_a_component_alone_has_its_blocks_in_order_however_it_is_sampled() -> None:
    frame = baseline(with_frame(BASELINE["grey"](noisy(40, 40)), 7, 0x22))
    assert frame is not None
    assert (frame.components[0].across, frame.components[0].down) == (1, 1)


def test_the_restart_interval_is_read() -> None:
    frame = baseline(BASELINE["restarts"](noisy(70, 50)))
    assert frame is not None
    assert frame.restart_interval == 3


@pytest.mark.parametrize("numbers", [(1, 2, 3), (0, 1, 2)])
@pytest.mark.parametrize(("says", "agreed"), [(b"", False), (b"\x01", True), (b"\x00", False), (b"\x02", False)])
def test_colors_are_what_adobe_says_or_what_their_numbers_are(
    numbers: tuple[int, ...], says: bytes, agreed: bool
) -> None:
    data = without(JPEG, 0xE0)
    for place, number in enumerate(numbers):
        data = with_frame(data, 6 + 3 * place, number)
        at = data.index(b"\xff\xda") + 5 + 2 * place
        data = data[:at] + bytes((number,)) + data[at + 1 :]
    if says:
        data = before_scan(data, segment(0xEE, b"Adobe\0\x64\0\0\0\0" + says))
    assert (baseline(data) is not None) is (agreed or (not says and numbers == (1, 2, 3)))


OTHERS = {
    "progressive": by_pillow(progressive=True)(noisy(40, 40)),
    "RGB": by_pillow(keep_rgb=True)(noisy(40, 40)),
    "four inks": pictures.jpeg(pictures.cmyk(pictures.marked())),
    "12 bits": with_frame(JPEG, 0, 12),
    "no lines": with_frame(with_frame(JPEG, 1, 0), 2, 0),
    "two frames": before_scan(JPEG, segment(0xC0, bytes(17))),
    "arithmetic coding": JPEG.replace(b"\xff\xc0", b"\xff\xc9", 1),
    "quantizers of 16 bits": before_scan(JPEG, segment(0xDB, bytes((0x10, *(0, 9) * 64)))),
    "quantizers of 0": before_scan(JPEG, segment(0xDB, bytes(65))),
    "a fifth table": before_scan(JPEG, segment(0xC4, bytes((4, 1, *(0,) * 15, 0)))),
    "a table cut off": before_scan(JPEG, segment(0xC4, bytes((0, 0, 2, *(0,) * 14, 0)))),
    "more codes than symbols": before_scan(JPEG, segment(0xC4, bytes((0, *(0,) * 14, 255, 255)) + bytes(510))),
    "no tables": without(JPEG, 0xC4),
    "no quantizers": without(JPEG, 0xDB),
    "one component a scan": JPEG.replace(b"\xff\xda\x00\x0c\x03", b"\xff\xda\x00\x08\x01", 1),
    "part of the coefficients": JPEG.replace(bytes((0x11, 0, 63, 0)), bytes((0x11, 0, 5, 0)), 1),
    "a half interval": before_scan(JPEG, segment(0xDD, b"\1")),
    "no scan": JPEG[: JPEG.index(b"\xff\xda")],
    "nothing": b"",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_not_plain_is_left_to_others(kind: str) -> None:
    assert OTHERS[kind] != JPEG
    assert baseline(OTHERS[kind]) is None


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(sorted(BASELINE)))
def test_damaged_headers_raise_nothing(seed: int, layout: str) -> None:
    data = BASELINE[layout](noisy(24, 16))
    frame = baseline(pictures.corrupted(data[:700], seed, flips=20))
    if frame is not None:
        assert 0 < frame.scan <= 700
        assert frame.width > 0
        assert frame.height > 0


def test_layouts_that_are_sampled_less_are_read_too() -> None:
    frame = baseline(by_turbo("411")(noisy(40, 40)))
    assert frame is not None
    assert frame.components[0].across == 4
