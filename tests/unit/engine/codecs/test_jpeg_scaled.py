"""JPEGs at a quarter and an eighth come out of our own decoder with libvips' pixels, or are left to others."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

from imgproxy_py.engine import native
from imgproxy_py.engine.codecs import jpeg, jpeg_scaled
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.loading import AtOnce, ImageFile
from imgproxy_py.errors import BrokenImage, DeadlineExceeded
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.jpeg_baseline import baseline
from tests import pictures
from tests.jpegs import BASELINE, PLAIN, by_pillow, noisy

pytestmark = pytest.mark.skipif(
    native.library() is None and shutil.which("cc") is None, reason="there was no C compiler for the compiled part"
)

NATIVE = native.FOLDER
CASES = Path(__file__).parents[3] / "native" / "cases.c"
SIZES = ((8, 8), (17, 33), (64, 40), (129, 250), (203, 121), (1024, 9), (9, 1024))
DONE, STOPPED, UNUSUAL = range(3)


DENOMINATORS = sorted(jpeg_scaled.LEAST_BYTES)
LEFT_TO_OTHERS = {("4:4:0", 4)}
"""Colours would be smoothed from line to line."""


def opened(data: bytes, shrink: int) -> pyvips.Image:
    return ImageFile(data=data, format=Format.JPEG).open(shrink=shrink)


def ours(data: bytes, shrink: int) -> pyvips.Image | None:
    return jpeg_scaled.decoded(opened(data, shrink), data, shrink, Interrupt())


def pixels(data: bytes, shrink: int) -> bytes:
    return bytes(opened(data, shrink).write_to_memory())


def test_the_compiled_part_is_there() -> None:
    assert native.library() is not None


@pytest.mark.parametrize("shrink", DENOMINATORS)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("layout", BASELINE)
def test_pixels_are_those_of_libvips(layout: str, size: tuple[int, int], shrink: int) -> None:
    data = BASELINE[layout](noisy(*size))
    made = ours(data, shrink)
    assert (made is None) == ((layout, shrink) in LEFT_TO_OTHERS)
    assert made is None or made.write_to_memory() == pixels(data, shrink)


@settings(deadline=None, max_examples=200)
@given(
    st.integers(8, 300),
    st.integers(8, 300),
    st.integers(1, 95),
    st.integers(0, 99),
    st.sampled_from(["4:4:4", "4:2:2", "4:2:0", "grey"]),
    st.integers(0, 9),
    st.sampled_from(DENOMINATORS),
)
def test_so_they_are_of_any_size_and_quality(
    width: int, height: int, quality: int, seed: int, layout: str, restart: int, shrink: int
) -> None:
    options: dict[str, Any] = {"quality": quality, "restart_marker_blocks": restart, "optimize": bool(seed % 2)}
    if layout != "grey":
        options["subsampling"] = layout
    data = by_pillow("L" if layout == "grey" else "RGB", **options)(noisy(width, height, seed))
    made = ours(data, shrink)
    assert made is not None
    assert made.write_to_memory() == pixels(data, shrink)


@pytest.mark.parametrize("shrink", DENOMINATORS)
@pytest.mark.parametrize("kind", sorted(PLAIN.keys() - BASELINE.keys()))
def test_other_layouts_are_left_to_others(kind: str, shrink: int) -> None:
    assert ours(PLAIN[kind](noisy(90, 70)), shrink) is None


def test_so_are_other_sizes() -> None:
    assert ours(BASELINE["4:2:0"](noisy(90, 70)), 2) is None


@pytest.mark.parametrize(
    ("length", "shrink", "sooner"),
    [(0, 8, True), (99_999, 4, False), (100_000, 4, True), (10_000_000, 2, False), (10_000_000, 1, False)],
)
def test_at_a_quarter_it_is_not_for_small_files(length: int, shrink: int, sooner: bool) -> None:
    assert jpeg_scaled.is_sooner(bytes(length), shrink) == sooner


def test_what_pixels_would_fill_too_much_memory_is_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg, "MOST_BYTES", 22 * 17 * 3 - 1)
    assert ours(BASELINE["4:2:0"](noisy(90, 70)), 4) is None
    monkeypatch.setattr(jpeg, "MOST_BYTES", 22 * 17 * 3)
    assert ours(BASELINE["4:2:0"](noisy(90, 70)), 4) is not None


def test_colors_come_out_as_they_are_of_any_strength() -> None:
    for strength in range(0, 256, 5):
        lines = noisy(64, 64).astype(int) * strength // 255 + np.array([strength, 255 - strength, strength // 2])
        data = BASELINE["4:4:4"](np.clip(lines, 0, 255).astype(np.uint8))
        for shrink in DENOMINATORS:
            made = ours(data, shrink)
            assert made is not None
            assert made.write_to_memory() == pixels(data, shrink)


@pytest.mark.parametrize("shrink", DENOMINATORS)
def test_what_lies_behind_the_picture_does_not_matter(shrink: int) -> None:
    data = BASELINE["4:2:0"](noisy(90, 70))
    made = ours(data + b"more" * 100, shrink)
    assert made is not None
    assert made.write_to_memory() == pixels(data, shrink)


def spoilt() -> dict[str, bytes]:
    data = BASELINE["4:2:0"](noisy(90, 70))
    restarts = BASELINE["restarts"](noisy(90, 70))
    return {
        "cut off": data[:-300] + b"\xff\xd9",
        "without an end": data[:-2],
        "with bytes before the end": data[:-2] + b"\1\2\3\xff\xd9",
        "with another marker for an end": data[:-2] + b"\xff\xfe\0\2\xff\xd9",
        "with restarts exchanged": restarts.replace(b"\xff\xd1", b"\xff\xd2", 1),
        "with a restart too many": data[:-400] + b"\xff\xd0" + data[-400:],
        "with a code that is none": data[:-200] + b"\xff\x00" * 8 + data[-200:],
    }


@pytest.mark.parametrize("shrink", DENOMINATORS)
@pytest.mark.parametrize("kind", spoilt())
def test_damage_is_left_for_others_to_judge(kind: str, shrink: int) -> None:
    whole, data = BASELINE["4:2:0"](noisy(90, 70)), spoilt()[kind]
    assert jpeg_scaled.decoded(opened(whole, shrink), data, shrink, Interrupt()) is None


@settings(deadline=None, max_examples=400)
@given(st.integers(0, 10**6), st.sampled_from(sorted(BASELINE)), st.integers(1, 8), st.sampled_from(DENOMINATORS))
def test_what_is_damaged_and_yet_decoded_is_what_libvips_has(seed: int, layout: str, flips: int, shrink: int) -> None:
    data = pictures.corrupted(BASELINE[layout](noisy(90, 70)), seed, flips)
    try:
        made = ours(data, shrink)
        theirs = opened(data, shrink)
    except BrokenImage:
        return
    if made is not None:
        assert made.write_to_memory() == theirs.write_to_memory()


def test_an_interrupt_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt, decode = Interrupt(), jpeg_scaled._decoder()
    outcomes = []

    def stopped(*arguments: Any) -> int:
        other = threading.Thread(target=interrupt.stop)
        other.start()
        other.join()
        outcomes.append(decode(*arguments))
        return outcomes[-1]

    monkeypatch.setattr(jpeg_scaled, "_decoder", lambda: stopped)
    data = BASELINE["4:2:0"](noisy(90, 70))
    with pytest.raises(DeadlineExceeded):
        jpeg_scaled.decoded(opened(data, 8), data, 8, interrupt)
    assert outcomes == [STOPPED]


def test_where_it_was_not_built_pictures_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    data = BASELINE["4:2:0"](noisy(90, 70))
    file = ImageFile(data=data, format=Format.JPEG)
    with_it = file.open(shrink=8, at_once=AtOnce.STOPPABLE)
    monkeypatch.setattr(jpeg_scaled, "_decoder", lambda: None)
    without = file.open(shrink=8, at_once=AtOnce.STOPPABLE)
    assert (with_it.get_typeof("vips-sequential"), without.get_typeof("vips-sequential") != 0) == (0, True)
    assert with_it.write_to_memory() == without.write_to_memory()


# Built with sanitizers, which end the process at the first byte read or written where it should not be, and at the first
# sum that overflows.


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    made = tmp_path_factory.mktemp("native") / "cases"
    flags = (
        "-std=c11",
        "-O1",
        "-g",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
        "-Wall",
        "-Wextra",
        "-Werror",
    )
    strict = ("-Wconversion", "-Wshadow", "-Wcast-qual", "-Wstrict-prototypes")
    subprocess.run([compiler, *flags, *strict, "-o", str(made), str(CASES), *map(str, NATIVE.glob("*.c"))], check=True)
    return made


def case(frame: bytes, scan: bytes, columns: int, lines: int, denominator: int = 8) -> bytes:
    return frame + struct.pack("=3iI", columns, lines, denominator, len(scan)) + scan


def cases_of(data: bytes) -> Iterator[bytes]:
    frame = baseline(data)
    if frame is not None:
        for by in DENOMINATORS:
            columns, lines = -(-frame.width // by), -(-frame.height // by)
            yield case(jpeg_scaled._packed(frame), data[frame.scan :], columns, lines, by)


def outcomes(program: Path, cases: Iterable[bytes]) -> list[tuple[int, int]]:
    done = subprocess.run([program], input=b"".join(cases), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return [(int(outcome), int(total)) for outcome, total in (line.split() for line in done.stdout.splitlines())]


def damaged(count: int) -> Iterator[bytes]:
    chance = random.Random(1)
    files = [encode(noisy(75, 60)) for encode in BASELINE.values()]
    for seed in range(count):
        data = pictures.corrupted(chance.choice(files), seed, flips=chance.choice((1, 4, 30)))
        yield pictures.truncated(data, chance.random()) if seed % 5 == 0 else data


def test_whole_and_damaged_scans_stay_within_their_memory(sanitized: Path) -> None:
    layouts = [encode for layout, encode in BASELINE.items() if (layout, 4) not in LEFT_TO_OTHERS]
    whole = [one for encode in layouts for size in SIZES for one in cases_of(encode(noisy(*size)))]
    assert {outcome for outcome, _ in outcomes(sanitized, whole)} == {DONE}
    broken = [one for data in damaged(4000) for one in cases_of(data)]
    found = [outcome for outcome, _ in outcomes(sanitized, broken)]
    assert len(found) == len(broken) > 4000
    assert set(found) == {DONE, UNUSUAL}


def test_frames_and_tables_of_nonsense_stay_within_their_memory(sanitized: Path) -> None:
    chance = random.Random(2)
    frame = baseline(BASELINE["4:2:0"](noisy(75, 60)))
    assert frame is not None
    packed, scan = jpeg_scaled._packed(frame), chance.randbytes(4000)
    broken = []
    for _ in range(2000):
        spoiled = bytearray(packed)
        for _ in range(chance.randint(1, 12)):
            spoiled[chance.randrange(len(packed))] = chance.randrange(256)
        width, height, count = struct.unpack_from("=3i", spoiled)
        if not (0 < width < 3000 and 0 < height < 3000 and count in (1, 3)):
            continue
        by = chance.choice(DENOMINATORS)
        broken.append(case(bytes(spoiled), scan, -(-width // by), -(-height // by), by))
    assert len(outcomes(sanitized, broken)) == len(broken) > 1000


NONSENSE = {
    "no components": (16, 16, 0, 0),
    "two components": (16, 16, 2, 0),
    "four components": (16, 16, 4, 0),
    "no width": (0, 16, 3, 0),
    "less than no height": (16, -1, 3, 0),
    "too wide": (65536, 16, 3, 0),
    "an interval below 0": (16, 16, 3, -1),
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_numbers_that_make_no_sense_are_refused(sanitized: Path, kind: str) -> None:
    frame = baseline(BASELINE["4:2:0"](noisy(16, 16)))
    assert frame is not None
    packed = struct.pack("=4i", *NONSENSE[kind]) + jpeg_scaled._packed(frame)[16:]
    assert outcomes(sanitized, [case(packed, b"\xff\xd9", 0, 0)]) == [(UNUSUAL, 0)]


@pytest.mark.parametrize(("part", "value"), [(0, 0), (0, 3), (1, -1), (2, 4), (3, -1)])
def test_so_are_those_of_a_component(sanitized: Path, part: int, value: int) -> None:
    frame = baseline(BASELINE["4:2:0"](noisy(16, 16)))
    assert frame is not None
    packed = bytearray(jpeg_scaled._packed(frame))
    struct.pack_into("=i", packed, 16 + 4 * part, value)
    assert outcomes(sanitized, [case(bytes(packed), b"\xff\xd9", 2, 2)]) == [(UNUSUAL, 0)]


def test_quantizers_of_nothing_come_to_an_end(sanitized: Path) -> None:
    data = BASELINE["4:2:0"](noisy(16, 16))
    frame = baseline(data)
    assert frame is not None
    packed = jpeg_scaled._packed(frame)
    for one in frame.components:
        packed = packed.replace(one.quantizers, bytes(64))
    assert packed != jpeg_scaled._packed(frame)
    asked = [case(packed, data[frame.scan :], 16 // by, 16 // by, by) for by in DENOMINATORS]
    assert [outcome for outcome, _ in outcomes(sanitized, asked)] == [DONE, DONE]


@pytest.mark.parametrize(
    ("columns", "lines", "denominator"),
    [(3, 2, 8), (2, 3, 8), (-1, 2, 8), (2, -1, 8), (5, 4, 4), (4, 5, 4), (2, 2, 2), (2, 2, 0), (2, 2, -4)],
)
def test_there_are_no_more_pixels_than_the_frame_has(
    sanitized: Path, columns: int, lines: int, denominator: int
) -> None:
    data = BASELINE["4:2:0"](noisy(16, 16))
    frame = baseline(data)
    assert frame is not None
    asked = case(jpeg_scaled._packed(frame), data[frame.scan :], columns, lines, denominator)
    assert outcomes(sanitized, [asked])[0][0] == UNUSUAL


def test_what_was_built_from_other_sources_is_not_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for one in native.FOLDER.iterdir():
        if one.is_file():
            shutil.copy(one, tmp_path)
    monkeypatch.setattr(native, "FOLDER", tmp_path)
    assert native.library.__wrapped__() is not None
    with (tmp_path / "jpeg_scaled.h").open("a") as header:
        header.write("\n")
    assert native.library.__wrapped__() is None
