"""Which quality, and how it falls to meet a limit (dialect §11.1, §11.3)."""

from __future__ import annotations

import math

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.engine import writing
from imgproxy_py.engine.encoding import Encoding
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.perception import perception, structure
from imgproxy_py.engine.quality import FoundQualities, Search, found_quality, quality_for, search_for, within_bytes
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import DeadlineExceeded
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import AutoQualityMethod
from tests import pictures
from tests.unit.engine.making import opened, recipe_of, transformed, transformer


@pytest.mark.parametrize(
    ("options", "kind", "expected"),
    [
        ("", Format.JPEG, 80),
        ("", Format.WEBP, 79),
        ("", Format.AVIF, 63),
        ("", Format.TIFF, 80),
        ("q:50", Format.WEBP, 50),
        ("q:0", Format.WEBP, 79),
        ("fq:webp:33:jpeg:44", Format.WEBP, 33),
        ("fq:webp:33:jpeg:44", Format.JPEG, 44),
        ("fq:webp:0", Format.WEBP, 79),
        ("q:50/fq:webp:33", Format.WEBP, 50),
    ],
)
def test_the_first_that_is_given_counts(options: str, kind: Format, expected: int) -> None:
    assert quality_for(recipe_of(options).output, kind, EngineSettings()) == expected


def test_configured_qualities_come_last() -> None:
    settings = EngineSettings(quality=70, format_quality="webp=60")
    assert quality_for(recipe_of("").output, Format.WEBP, settings) == 60
    assert quality_for(recipe_of("").output, Format.JPEG, settings) == 70


def tried(sizes: list[int], limit: int, quality: int, kind: Format = Format.JPEG) -> list[int]:
    """The qualities that are tried when the results have those sizes, the last again and again."""
    asked: list[int] = []

    def encode(at: int) -> bytes:
        asked.append(at)
        return bytes(sizes[min(len(asked), len(sizes)) - 1])

    data = within_bytes(encode, kind, quality, limit)
    assert len(data) == sizes[min(len(asked), len(sizes)) - 1]
    return asked


@pytest.mark.parametrize(
    ("sizes", "quality", "expected"),
    [
        ([400, 200, 120], 80, [80, 20, 10]),
        ([100], 80, [80]),
        ([101, 100], 80, [80, 60]),
        ([150, 150, 150, 150, 150], 80, [80, 60, 45, 34, 26, 20, 15, 11, 8]),
        ([151, 90], 81, [81, 41]),
        ([301, 90], 82, [82, 21]),
        ([200], 10, [10]),
        ([200], 1, [1]),
        ([400, 400], 11, [11, 3]),
        ([110, 110, 90], 13, [13, 10]),
    ],
)
def test_quality_falls_by_how_far_the_result_is_off(sizes: list[int], quality: int, expected: list[int]) -> None:
    assert tried(sizes, 100, quality) == expected


def test_no_limit_is_one_try() -> None:
    assert tried([10**6], 0, 80) == [80]


@pytest.mark.parametrize("kind", [Format.PNG, Format.GIF], ids=str)
def test_formats_without_quality_are_encoded_once(kind: Format) -> None:
    assert tried([10**6], 100, 80, kind) == [80]


@pytest.mark.parametrize("kind", [Format.JPEG, Format.WEBP, Format.AVIF, Format.TIFF], ids=str)
def test_real_pictures_get_smaller(kind: Format) -> None:
    data = pictures.png(pictures.noise(64, 64))
    free = len(transformed(data, f"q:90/f:{kind}").data)
    limited = len(transformed(data, f"q:90/f:{kind}/mb:{free // 2}").data)
    if kind is Format.TIFF:  # uncompressed by default, so quality changes nothing
        assert limited == free
    else:
        assert limited <= free // 2


def test_a_limit_that_cannot_be_met_gives_the_smallest_all_the_same() -> None:
    data = pictures.png(pictures.noise(64, 64))
    assert 1 < len(transformed(data, "f:jpeg/mb:1").data) < len(transformed(data, "f:jpeg/q:10").data)


# Searching


@st.composite
def falling(draw: st.DrawFn) -> tuple[int, int, list[float]]:
    """Bounds, and a measure of each quality 1–100 that never rises."""
    least = draw(st.integers(1, 100))
    steps = draw(st.lists(st.floats(0, 0.01), min_size=100, max_size=100))
    return least, draw(st.integers(least, 100)), [sum(steps[quality:]) for quality in range(101)]


@given(falling(), st.floats(0.001, 0.5), st.none() | st.integers(0, 101))
def test_the_lowest_quality_near_enough_is_found_wherever_the_search_starts(
    case: tuple[int, int, list[float]], target: float, hint: int | None
) -> None:
    least, most, measures = case
    tried: list[int] = []

    def measure(quality: int) -> float:
        tried.append(quality)
        return measures[quality]

    search = Search(method=AutoQualityMethod.DSSIM, target=target, least=least, most=most)
    meeting = [quality for quality in range(least, most + 1) if measures[quality] <= target]
    assert found_quality(search, measure, hint) == (meeting[0] if meeting else most)
    assert len(tried) == len(set(tried)) <= 4 + 2 * math.ceil(math.log2(most - least + 1))


@given(falling(), st.integers(1, 5000), st.none() | st.integers(0, 101))
def test_the_highest_quality_small_enough_is_found_wherever_the_search_starts(
    case: tuple[int, int, list[float]], target: int, hint: int | None
) -> None:
    least, most, measures = case
    sizes = [round(10_000 * measure) for measure in reversed(measures)]
    search = Search(method=AutoQualityMethod.SIZE, target=target, least=least, most=most)
    meeting = [quality for quality in range(least, most + 1) if sizes[quality] <= target]
    assert found_quality(search, lambda quality: sizes[quality], hint) == (meeting[-1] if meeting else least)


@pytest.mark.parametrize("excess", [1.0001, 0.9999], ids=["never met", "always met"])
def test_a_measure_that_hardly_changes_is_not_looked_at_everywhere(excess: float) -> None:
    tried: list[int] = []

    def measure(quality: int) -> float:
        tried.append(quality)
        return 0.02 * excess

    search = Search(method=AutoQualityMethod.DSSIM, target=0.02, least=1, most=100)
    assert found_quality(search, measure) == (100 if excess > 1 else 1)
    assert len(tried) <= 14


def test_an_uneven_measure_is_met_all_the_same() -> None:
    measures = {70: 0.03, 71: 0.02, 72: 0.031, 73: 0.018, 74: 0.024, 75: 0.019, 76: 0.021, 77: 0.015}
    for hint in (None, *measures):
        search = Search(method=AutoQualityMethod.DSSIM, target=0.02, least=70, most=77)
        assert measures[found_quality(search, measures.__getitem__, hint)] <= 0.02


@pytest.mark.parametrize(
    ("options", "kind", "settings", "expected"),
    [
        ("", Format.JPEG, {}, None),
        ("aq:none", Format.JPEG, {"autoquality_method": "dssim"}, None),
        ("", Format.JPEG, {"autoquality_method": "dssim"}, ("dssim", 0.022, 70, 80)),
        ("", Format.AVIF, {"autoquality_method": "ml"}, ("ml", 0.022, 60, 65)),
        ("aq:dssim", Format.WEBP, {}, ("dssim", 0.022, 70, 80)),
        ("aq:dssim:0.01:50:90:0.001", Format.AVIF, {}, ("dssim", 0.011, 50, 90)),
        ("aq:dssim::40", Format.JPEG, {}, ("dssim", 0.022, 40, 80)),
        ("aq:dssim::90", Format.JPEG, {}, ("dssim", 0.022, 90, 90)),
        ("aq:dssim:::50", Format.JPEG, {}, ("dssim", 0.022, 50, 50)),
        ("aq:size:10240:10:80", Format.JPEG, {}, ("size", 10240, 10, 80)),
        ("aq:size", Format.JPEG, {}, None),
        ("aq:dssim", Format.PNG, {}, None),
        ("aq:dssim", Format.TIFF, {}, None),
        ("aq:dssim/webpo:lossless", Format.WEBP, {}, None),
        ("q:50", Format.JPEG, {"autoquality_method": "dssim"}, None),
        ("fq:jpeg:50", Format.JPEG, {"autoquality_method": "dssim"}, None),
        ("fq:jpeg:50", Format.WEBP, {"autoquality_method": "dssim"}, ("dssim", 0.022, 70, 80)),
        ("q:50/aq:dssim", Format.JPEG, {}, ("dssim", 0.022, 70, 80)),
        ("", Format.AVIF, {"autoquality_method": "ml", "autoquality_format_min": "avif=30"}, ("ml", 0.022, 30, 65)),
        ("aq:dssim", Format.JPEG, {"autoquality_max_resolution": 0.9}, None),
        ("aq:dssim", Format.JPEG, {"autoquality_max_resolution": 1}, ("dssim", 0.022, 70, 80)),
    ],
)
def test_what_is_searched_is_the_urls_or_the_configured(
    options: str, kind: Format, settings: dict[str, object], expected: tuple[object, ...] | None
) -> None:
    found = search_for(recipe_of(options).output, kind, 1_000_000, EngineSettings(**settings))
    assert (found and (found.method, pytest.approx(found.target), found.least, found.most)) == expected


SCENES = {
    "plain": pictures.marked(120, 90),
    "noise": pictures.noise(120, 90),
    "soft": pictures.rgb(pictures.noise(120, 90).gaussblur(2)),
    "faint": pictures.rgb(pictures.marked(120, 90) * 0.9 + pictures.noise(120, 90) * 0.1),
}
MEASURES = {"dssim": structure, "ml": perception}


@pytest.mark.parametrize("kind", [Format.JPEG, Format.WEBP, Format.AVIF], ids=str)
@pytest.mark.parametrize("method", MEASURES)
@pytest.mark.parametrize(
    "name", ["plain", "noise", *(pytest.param(one, marks=pytest.mark.slow) for one in ("soft", "faint"))]
)
def test_the_quality_found_meets_the_target_and_the_next_lower_does_not(kind: Format, method: str, name: str) -> None:
    source, measure = pictures.png(SCENES[name]), MEASURES[method](SCENES[name])

    def missing(options: str) -> float:
        return measure(opened(transformed(source, f"f:{kind}/{options}").data))

    found = transformed(source, f"f:{kind}/aq:{method}:0.02:30:90:0.001").data
    quality = next(one for one in range(30, 91) if transformed(source, f"f:{kind}/q:{one}").data == found)
    assert missing(f"q:{quality}") <= 0.021 or quality == 90
    assert quality == 30 or missing(f"q:{quality - 1}") > 0.021


@pytest.mark.parametrize("kind", [Format.JPEG, Format.WEBP, Format.AVIF], ids=str)
@pytest.mark.parametrize("target", [2500, 4000, 6000])
def test_the_largest_picture_within_the_bytes_is_found(kind: Format, target: int) -> None:
    source = pictures.png(SCENES["noise"])
    sizes = [len(transformed(source, f"f:{kind}/q:{one}").data) for one in range(20, 71)]
    fitting = [size for size in sizes if size <= target]
    found = len(transformed(source, f"f:{kind}/aq:size:{target}:20:70").data)
    assert found == (max(fitting) if fitting else sizes[0])


def test_a_search_that_cannot_reach_its_target_ends_at_its_bound() -> None:
    source = pictures.png(SCENES["noise"])
    assert transformed(source, "f:jpeg/aq:dssim:0:40:50:0").data == transformed(source, "f:jpeg/q:50").data
    assert transformed(source, "f:jpeg/aq:size:10:40:50").data == transformed(source, "f:jpeg/q:40").data


def test_max_bytes_holds_after_a_search() -> None:
    source = pictures.png(SCENES["noise"])
    assert len(transformed(source, "f:jpeg/aq:dssim:0.001:70:90/mb:3000").data) <= 3000


def test_an_animation_is_searched_by_its_first_frame() -> None:
    frames = pyvips.Image.arrayjoin([SCENES["noise"], SCENES["plain"], SCENES["soft"]], across=1)
    source = pictures.webp(pictures.with_field(frames, "page-height", 90), lossless=True)
    animated = {"max_animation_frames": 10}
    found = transformed(source, "f:webp/aq:dssim:0.02:30:90:0.001", **animated)
    quality = next(
        one for one in range(30, 91) if transformed(source, f"f:webp/q:{one}", **animated).data == found.data
    )
    alone = pictures.png(SCENES["noise"])
    assert transformed(alone, "f:webp/aq:dssim:0.02:30:90:0.001").data == transformed(alone, f"f:webp/q:{quality}").data


class Watching(Interrupt):
    """An interrupt that stops the work when images were watched so often."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def watch(self, image: pyvips.Image) -> pyvips.Image:
        self.times -= 1
        if not self.times:
            self.stop()
        return super().watch(image)


@pytest.mark.parametrize("times", range(1, 5))
def test_a_search_ends_at_the_deadline(times: int) -> None:
    recipe = recipe_of("f:jpeg/aq:dssim:0.001:1:100:0")
    with pytest.raises(DeadlineExceeded):
        transformer().transform(pictures.png(SCENES["noise"]), recipe, Watching(times))


# Remembering


def test_a_second_size_starts_from_the_quality_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    encode = writing.encode

    def counted(image: pyvips.Image, encoding: Encoding, settings: EngineSettings) -> bytes:
        tried.append(encoding.quality)
        return encode(image, encoding, settings)

    monkeypatch.setattr(writing, "encode", counted)
    one, source = Transformer(EngineSettings()), pictures.png(SCENES["noise"].replicate(2, 2))
    counts = []
    for options in ("w:200", "w:190", "w:185"):
        tried.clear()
        one.transform(source, recipe_of(f"{options}/f:jpeg/aq:dssim:0.02:1:100:0"), Interrupt())
        counts.append(len(tried))
    assert counts[0] > counts[2]
    assert counts[2] <= 4


def test_what_was_found_before_changes_no_picture() -> None:
    source, recipe = pictures.png(SCENES["faint"]), recipe_of("f:jpeg/aq:dssim:0.02:1:100:0")
    fresh, used = Transformer(EngineSettings()), Transformer(EngineSettings())
    for width in (20, 50, 100):
        used.transform(source, recipe_of(f"w:{width}/f:jpeg/aq:dssim:0.02:1:100:0"), Interrupt())
    assert used.transform(source, recipe, Interrupt()).data == fresh.transform(source, recipe, Interrupt()).data


def test_the_quality_used_longest_ago_is_forgotten() -> None:
    found = FoundQualities(2)
    found.put(("a",), 1)
    found.put(("b",), 2)
    assert found.get(("a",)) == 1
    found.put(("c",), 3)
    assert (found.get(("a",)), found.get(("b",)), found.get(("c",)), len(found)) == (1, None, 3, 2)
