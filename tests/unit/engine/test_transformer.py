"""The whole pipeline on real pixels: every published size, what is refused, what is handed back."""

from __future__ import annotations

import csv
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from itertools import cycle, islice
from pathlib import Path

import pytest

from imgproxy_py.engine import libvips
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import DeadlineExceeded, OutputUnsupported, ResultTooLarge, SourceTooLarge
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Recipe
from tests import pictures
from tests.unit.engine.making import failure, made, recipe_of, transformed, transformer

EXAMPLES = Path(__file__).parents[2] / "data" / "size-examples.csv"
with EXAMPLES.open(newline="") as file:
    ROWS = list(csv.DictReader(file))


@cache
def source(width: int, height: int, kind: Format, orientation: int, trimmed: bool) -> bytes:
    if trimmed:
        return pictures.png(pictures.bordered(320, 220, (10, 10, 20, 20)))
    if kind is Format.SVG:
        return pictures.svg(str(width), str(height))
    image = pictures.with_orientation(pictures.solid(width, height), orientation)
    return pictures.ENCODERS[kind](image)


@pytest.mark.parametrize("row", ROWS, ids=[row["case"] for row in ROWS])
def test_the_pixels_have_the_size_of_the_example(row: dict[str, str]) -> None:
    options = row["options"].partition(" ")[0]
    options = "" if options == "(none)" else options
    data = source(
        int(row["source_width"]),
        int(row["source_height"]),
        Format(row["source_format"]),
        int(row["exif_orientation"]),
        options.startswith("t:"),
    )
    expected = (int(row["result_width"]), int(row["result_height"]))
    if row["source_format"] == "svg":  # which is handed back as it is unless a format is named
        options += "/f:png" if options else "f:png"
    picture = transformed(data, options)
    image = pictures.read(picture.data)
    assert (picture.width, picture.height) == (image.width, image.height) == expected


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row["source_format"] in ("jpeg", "webp")], ids=lambda r: r["case"]
)
def test_decoding_at_full_size_gives_the_same_size(row: dict[str, str]) -> None:
    data = source(
        int(row["source_width"]) // 4,
        int(row["source_height"]) // 4,
        Format(row["source_format"]),
        int(row["exif_orientation"]),
        False,
    )
    small = "/".join(("z:0.25", row["options"]))
    one, other = made(data, small), made(data, small, disable_shrink_on_load=True)
    assert (one.width, one.height) == (other.width, other.height)


def test_reduced_decoding_is_near_to_full_decoding() -> None:
    data = pictures.jpeg(pictures.marked(800, 600), Q=95)
    one, other = made(data, "w:100/f:png"), made(data, "w:100/f:png", disable_shrink_on_load=True)
    difference = (one.cast("float") - other.cast("float")).abs()
    assert 0 < difference.avg() < 2


def test_a_picture_tells_of_its_original() -> None:
    data = pictures.jpeg(pictures.with_orientation(pictures.marked(60, 40), 6))
    picture = transformed(data, "w:20/f:webp")
    assert (picture.format, picture.width, picture.height) == (Format.WEBP, 20, 30)
    assert (picture.origin_format, picture.origin_width, picture.origin_height) == (Format.JPEG, 40, 60)
    assert picture.origin_bytes == len(data)
    assert picture.complete
    assert picture.timings.encode > 0


@pytest.mark.parametrize(
    ("source_format", "alpha", "options", "expected"),
    [
        (Format.JPEG, False, "", Format.JPEG),
        (Format.PNG, True, "", Format.PNG),
        (Format.GIF, False, "", Format.GIF),
        (Format.WEBP, False, "", Format.JPEG),
        (Format.WEBP, True, "", Format.PNG),
        (Format.WEBP, True, "bg:fff", Format.JPEG),
        (Format.AVIF, False, "", Format.JPEG),
        (Format.TIFF, False, "", Format.JPEG),
        (Format.TIFF, False, "pd:10", Format.PNG),
        (Format.TIFF, True, "", Format.PNG),
        (Format.PNG, True, "f:tiff", Format.TIFF),
    ],
)
def test_a_url_without_format_gives_one_that_holds_the_picture(
    source_format: Format, alpha: bool, options: str, expected: Format
) -> None:
    image = pictures.marked()
    data = pictures.ENCODERS[source_format](pictures.with_alpha(image) if alpha else image)
    assert transformed(data, options).format is expected


def test_an_svg_without_a_format_is_handed_back_sanitised_whatever_its_size_options() -> None:
    picture = transformed(pictures.svg(body="<script>1</script><rect width='5' height='5'/>"), "w:10")
    assert picture.format is Format.SVG
    assert (picture.width, picture.height) == (100, 50)
    assert b"script" not in picture.data
    assert b"rect" in picture.data


def test_an_svg_is_rasterised_when_configured() -> None:
    picture = transformed(pictures.svg(), "w:10", always_rasterize_svg=True)
    assert (picture.format, picture.width) == (Format.PNG, 10)


def test_a_format_in_the_skip_list_is_handed_back_untouched() -> None:
    data = pictures.gif(pictures.animation())
    assert transformed(data, "w:5/skp:gif").data == data
    assert transformed(data, "w:5", skip_processing_formats="gif").data == data
    assert transformed(data, "w:5/skp:gif/f:png").width == 5


def test_an_svg_of_something_else_is_refused() -> None:
    assert failure(lambda: transformed(pictures.png(pictures.marked()), "f:svg")) is OutputUnsupported


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_an_animation_without_permission_gives_its_first_frame(kind: str) -> None:
    data = pictures.ENCODERS[Format(kind)](pictures.animation(3, 40, 30))
    image = made(data, "f:png")
    assert (image.width, image.height) == (40, 30)
    assert image(20, 15)[0] > 150 > image(20, 15)[1]


# Chained pipelines


def test_the_second_stage_works_on_the_result_of_the_first() -> None:
    data = pictures.png(pictures.with_orientation(pictures.marked(60, 40), 6))
    image = made(data, "c:30:30:nowe|w:10/pd:1/f:png")
    assert (image.width, image.height) == (12, 12)


# Refusals


@pytest.mark.parametrize(
    "options",
    [
        "rs:fill:10000000:10000000:1",
        "rs:force:10000000:11:1",
        "c:10:10/h:10000000/el:1",
        "h:10000000/w:10000000/ex:1",
        "pd:1000000",
        "mw:10000000",
        "z:10000/el:1",
        "dpr:5000/el:1",
        "w:20|h:10000000/el:1",
        "w:20|rs:fill:1:10000000:1",
    ],
)
def test_an_absurd_canvas_is_refused(options: str) -> None:
    data = pictures.png(pictures.marked())
    assert failure(lambda: transformed(data, options)) is ResultTooLarge


def test_what_trimming_leaves_is_judged_too() -> None:
    data = pictures.png(pictures.bordered(3, 200, (5, 200, 5, 200)))
    assert made(data, "t:10/w:100/el:1/f:png").width == 100
    assert failure(lambda: transformed(data, "t:10/mw:4000")) is ResultTooLarge


def test_an_absurd_height_without_enlarging_changes_nothing() -> None:
    data = pictures.png(pictures.marked())
    assert (made(data, "c:10:10/h:10000000").width, made(data, "h:10000000").height) == (10, 40)


def test_an_original_over_the_limit_is_refused() -> None:
    data = pictures.png(pictures.solid(1001, 1000))
    assert failure(lambda: transformed(data, max_src_resolution=1.0)) is SourceTooLarge
    assert failure(lambda: transformed(data, "msr:1")) is SourceTooLarge
    assert failure(lambda: transformed(data, "msfs:100")) is SourceTooLarge
    assert failure(lambda: transformed(data, "msr:2", max_src_resolution=1.0)) is None


def test_a_format_that_cannot_be_written_is_known_before_anything_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    here = libvips.set_up()
    without = replace(here, savable=here.savable - {Format.JXL})
    monkeypatch.setattr(libvips, "set_up", lambda: without)
    one = Transformer(EngineSettings(workers=1))
    one.check(recipe_of("f:avif").output)
    one.check(recipe_of("").output)
    with pytest.raises(OutputUnsupported, match="jxl cannot be written here"):
        one.check(recipe_of("f:jxl").output)


def test_stopped_work_raises_deadline_exceeded_and_not_broken_image() -> None:
    interrupt = Interrupt()
    interrupt.stop()
    with pytest.raises(DeadlineExceeded):
        transformer().transform(pictures.png(pictures.marked()), recipe_of("bl:3"), interrupt)


def test_the_epoch_changes_with_what_changes_pixels_only() -> None:
    epoch = transformer().epoch
    assert transformer(workers=7, requests_queue_size=3).epoch == epoch
    assert transformer(quality=79).epoch != epoch
    assert transformer(use_linear_colorspace=True).epoch != epoch
    for encoding in ("jpeg_trellis_quant", "webp_smart_subsample", "png_quantize", "never_larger"):
        assert transformer(**{encoding: True}).epoch != epoch


# Threads

MIXED = [
    ("jpeg", "w:100"),
    ("jpeg", "rs:fill:50:50/g:sm"),
    ("jpeg", "rot:90/w:40/f:webp"),
    ("png", "w:30/f:png"),
    ("alpha", "w:30/bl:2/f:webp"),
    ("alpha", "bg:123/sh:1/f:jpeg"),
    ("deep", "w:50/ph:1/f:png"),
    ("cmyk", "w:50/f:png"),
    ("p3", "w:50/f:jpeg"),
    ("webp", "w:70/pix:5/f:png"),
    ("gif", "w:10"),
    ("svg", "w:80/f:png"),
    ("trim", "t:10/pd:3/f:png"),
    ("palette", "w:20"),
    ("tiff", "w:20/f:tiff"),
    ("jpeg", "w:30/mb:500"),
]


def mixed_sources() -> dict[str, bytes]:
    image = pictures.marked(300, 200)
    return {
        "jpeg": pictures.jpeg(pictures.with_orientation(image, 6)),
        "png": pictures.png(image),
        "alpha": pictures.png(pictures.with_alpha(image)),
        "deep": pictures.png(pictures.deep(image)),
        "cmyk": pictures.jpeg(pictures.cmyk(image)),
        "p3": pictures.jpeg(pictures.wide_gamut(image)),
        "webp": pictures.webp(image),
        "gif": pictures.gif(pictures.animation()),
        "svg": pictures.svg(),
        "trim": pictures.png(pictures.bordered(100, 60, (5, 6, 7, 8))),
        "palette": pictures.palette_png(4),
        "tiff": pictures.tiff(image),
    }


def test_four_threads_make_the_bytes_that_one_makes() -> None:
    sources, one = mixed_sources(), transformer()
    jobs: list[tuple[bytes, Recipe]] = [(sources[name], recipe_of(options)) for name, options in MIXED]
    alone = [one.transform(data, recipe, Interrupt()).data for data, recipe in jobs]
    together = threading.Barrier(4)

    def work(start: int) -> list[bytes]:
        together.wait(timeout=20)
        turn = islice(cycle(jobs), start, start + 50)
        return [one.transform(data, recipe, Interrupt()).data for data, recipe in turn]

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(work, range(0, 16, 4)))
    for start, result in zip(range(0, 16, 4), results, strict=True):
        assert result == list(islice(cycle(alone), start, start + 50))
