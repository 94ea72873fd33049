"""JPEGs at an eighth come out of our own decoder as libjpeg-turbo's and libvips' have them, or are left to those."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

from imgproxy_py.engine import native
from imgproxy_py.engine.codecs import jpeg_eighth
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


def opened(data: bytes) -> pyvips.Image:
    return ImageFile(data=data, format=Format.JPEG).open(shrink=8)


def ours(data: bytes) -> pyvips.Image | None:
    return jpeg_eighth.decoded(opened(data), data, Interrupt())


def test_the_compiled_part_is_there() -> None:
    assert native.library() is not None


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("layout", BASELINE)
def test_pixels_are_those_of_libvips(layout: str, size: tuple[int, int]) -> None:
    data = BASELINE[layout](noisy(*size))
    made = ours(data)
    assert made is not None
    assert made.write_to_memory() == opened(data).write_to_memory()


@settings(deadline=None, max_examples=200)
@given(
    st.integers(8, 300),
    st.integers(8, 300),
    st.integers(1, 95),
    st.integers(0, 99),
    st.sampled_from(["4:4:4", "4:2:2", "4:2:0", "grey"]),
    st.integers(0, 9),
)
def test_so_they_are_of_any_size_and_quality(
    width: int, height: int, quality: int, seed: int, layout: str, restart: int
) -> None:
    options: dict[str, Any] = {"quality": quality, "restart_marker_blocks": restart, "optimize": bool(seed % 2)}
    if layout != "grey":
        options["subsampling"] = layout
    data = by_pillow("L" if layout == "grey" else "RGB", **options)(noisy(width, height, seed))
    made = ours(data)
    assert made is not None
    assert made.write_to_memory() == opened(data).write_to_memory()


@pytest.mark.parametrize("kind", sorted(PLAIN.keys() - BASELINE.keys()))
def test_other_layouts_are_left_to_others(kind: str) -> None:
    assert ours(PLAIN[kind](noisy(90, 70))) is None


def test_what_lies_behind_the_picture_does_not_matter() -> None:
    data = BASELINE["4:2:0"](noisy(90, 70))
    made = ours(data + b"more" * 100)
    assert made is not None
    assert made.write_to_memory() == opened(data).write_to_memory()


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


@pytest.mark.parametrize("kind", spoilt())
def test_damage_is_left_for_others_to_judge(kind: str) -> None:
    data = spoilt()[kind]
    assert jpeg_eighth.decoded(opened(BASELINE["4:2:0"](noisy(90, 70))), data, Interrupt()) is None


@settings(deadline=None, max_examples=400)
@given(st.integers(0, 10**6), st.sampled_from(sorted(BASELINE)), st.integers(1, 8))
def test_what_is_damaged_and_yet_decoded_is_what_libvips_has(seed: int, layout: str, flips: int) -> None:
    data = pictures.corrupted(BASELINE[layout](noisy(90, 70)), seed, flips)
    try:
        made = ours(data)
        theirs = opened(data)
    except BrokenImage:
        return
    if made is not None:
        assert made.write_to_memory() == theirs.write_to_memory()


def test_an_interrupt_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt, decode = Interrupt(), jpeg_eighth._decoder()
    outcomes = []

    def stopped(*arguments: Any) -> int:
        other = threading.Thread(target=interrupt.stop)
        other.start()
        other.join()
        outcomes.append(decode(*arguments))
        return outcomes[-1]

    monkeypatch.setattr(jpeg_eighth, "_decoder", lambda: stopped)
    data = BASELINE["4:2:0"](noisy(90, 70))
    with pytest.raises(DeadlineExceeded):
        jpeg_eighth.decoded(opened(data), data, interrupt)
    assert outcomes == [STOPPED]


def test_where_it_was_not_built_pictures_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    data = BASELINE["4:2:0"](noisy(90, 70))
    file = ImageFile(data=data, format=Format.JPEG)
    with_it = file.open(shrink=8, at_once=AtOnce.STOPPABLE)
    monkeypatch.setattr(jpeg_eighth, "_decoder", lambda: None)
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


def case(frame: bytes, scan: bytes, columns: int, lines: int, stop: int = 0) -> bytes:
    return frame + struct.pack("=3iI", columns, lines, stop, len(scan)) + scan


def case_of(data: bytes) -> bytes | None:
    frame = baseline(data)
    if frame is None:
        return None
    return case(jpeg_eighth._packed(frame), data[frame.scan :], -(-frame.width // 8), -(-frame.height // 8))


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
    whole = [case_of(encode(noisy(*size))) for encode in BASELINE.values() for size in SIZES]
    assert {outcome for outcome, _ in outcomes(sanitized, filter(None, whole))} == {DONE}
    broken = list(filter(None, map(case_of, damaged(4000))))
    found = [outcome for outcome, _ in outcomes(sanitized, broken)]
    assert len(found) == len(broken) > 2000
    assert set(found) == {DONE, UNUSUAL}


def test_frames_and_tables_of_nonsense_stay_within_their_memory(sanitized: Path) -> None:
    chance = random.Random(2)
    frame = baseline(BASELINE["4:2:0"](noisy(75, 60)))
    assert frame is not None
    packed, scan = jpeg_eighth._packed(frame), chance.randbytes(4000)
    broken = []
    for _ in range(2000):
        spoiled = bytearray(packed)
        for _ in range(chance.randint(1, 12)):
            spoiled[chance.randrange(len(packed))] = chance.randrange(256)
        width, height, count = struct.unpack_from("=3i", spoiled)
        if not (0 < width < 3000 and 0 < height < 3000 and count in (1, 3)):
            continue
        broken.append(case(bytes(spoiled), scan, -(-width // 8), -(-height // 8)))
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
    packed = struct.pack("=4i", *NONSENSE[kind]) + jpeg_eighth._packed(frame)[16:]
    assert outcomes(sanitized, [case(packed, b"\xff\xd9", 0, 0)]) == [(UNUSUAL, 0)]


@pytest.mark.parametrize(("part", "value"), [(0, 0), (0, 3), (1, -1), (2, 4), (3, -1)])
def test_so_are_those_of_a_component(sanitized: Path, part: int, value: int) -> None:
    frame = baseline(BASELINE["4:2:0"](noisy(16, 16)))
    assert frame is not None
    packed = bytearray(jpeg_eighth._packed(frame))
    struct.pack_into("=i", packed, 16 + 4 * part, value)
    assert outcomes(sanitized, [case(bytes(packed), b"\xff\xd9", 2, 2)]) == [(UNUSUAL, 0)]


@pytest.mark.parametrize(("columns", "lines"), [(3, 2), (2, 3), (-1, 2), (2, -1)])
def test_there_are_no_more_pixels_than_the_frame_has(sanitized: Path, columns: int, lines: int) -> None:
    data = BASELINE["4:2:0"](noisy(16, 16))
    frame = baseline(data)
    assert frame is not None
    asked = case(jpeg_eighth._packed(frame), data[frame.scan :], columns, lines)
    assert outcomes(sanitized, [asked])[0][0] == UNUSUAL


def test_what_was_built_from_other_sources_is_not_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for one in native.FOLDER.iterdir():
        if one.is_file():
            shutil.copy(one, tmp_path)
    monkeypatch.setattr(native, "FOLDER", tmp_path)
    assert native.library.__wrapped__() is not None
    with (tmp_path / "jpeg_eighth.h").open("a") as header:
        header.write("\n")
    assert native.library.__wrapped__() is None
