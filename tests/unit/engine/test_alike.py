"""With shared pixels every picture is the same to the byte, and every failure too."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgproxy_py.engine import alike
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.sharing import Postponed, SharedPixels, SharingStats
from imgproxy_py.engine.steps import scale_on_load
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import ImgproxyError
from imgproxy_py.recipe.picture import Picture
from tests import pictures
from tests.unit.engine.making import recipe_of, transformer

ORIGINALS: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: pictures.jpeg(pictures.noise(480, 360)),
    "jpeg on its side": lambda: pictures.jpeg(pictures.with_orientation(pictures.noise(400, 300), 6)),
    "jpeg mirrored": lambda: pictures.jpeg(pictures.with_orientation(pictures.noise(400, 300), 7)),
    "jpeg in a wide gamut": lambda: pictures.jpeg(pictures.wide_gamut(pictures.noise(400, 300))),
    "jpeg in inks": lambda: pictures.jpeg(pictures.cmyk(pictures.noise(200, 150))),
    "grey jpeg": lambda: pictures.jpeg(pictures.grey(pictures.noise(400, 300))),
    "png": lambda: pictures.png(pictures.with_alpha(pictures.noise(200, 150))),
    "deep png": lambda: pictures.png(pictures.deep(pictures.noise(200, 150))),
    "palette": lambda: pictures.palette_png(4),
    "webp": lambda: pictures.webp(pictures.with_alpha(pictures.noise(400, 300))),
    "avif": lambda: pictures.avif(pictures.noise(200, 150)),
    "gif": lambda: pictures.gif(pictures.animation()),
    "svg": lambda: pictures.svg(body='<circle cx="40" cy="20" r="15" fill="red"/>'),
    "ultra hdr": lambda: pictures.ultra_hdr(320, 192),
    "damaged": lambda: pictures.corrupted(pictures.jpeg(pictures.noise(400, 300)), 3),
    "cut off": lambda: pictures.truncated(pictures.jpeg(pictures.noise(400, 300)), 0.6),
    "damaged png": lambda: pictures.corrupted(pictures.png(pictures.noise(200, 150)), 5),
}

OPTIONS = (
    "rs:fit:60:0",
    "rs:fit:60:0/dpr:2",
    "rs:fill:80:80/g:no",
    "rs:fill:80:80/g:sm",
    "rs:force:50:70",
    "rs:fit:90:90/ex:1",
    "rs:fit:60:60/exar:1/bg:ff8000",
    "w:60/pd:4:8",
    "w:60/rot:90/fl:1",
    "w:60/ar:0",
    "c:100:80:nowe/w:40",
    "c:0.9:0.9/w:60",
    "c:150:100:so",
    "t:10/w:50",
    "w:120/bl:2",
    "w:60/sh:1",
    "w:60/px:5",
    "w:60/sm:0/kcr:0",
    "w:60/scp:0",
    "w:60/cp:srgb",
    "w:60/ph:1",
    "w:60/dpi:300",
    "w:60/wm:0.5:re/wmt:bW9ra2E",
    "w:60/el:1/ra:nearest",
    "w:90|rs:fill:30:30",
    "w:60/st:Y2lyY2xle2ZpbGw6Ymx1ZX0",
    "w:0",
)
FORMATS = ("jpg", "webp", "png", "tiff", "gif", "avif")
QUICK = FORMATS[:4]


@cache
def original(name: str) -> bytes:
    return ORIGINALS[name]()


def told(make: Callable[[], Picture]) -> Picture | tuple[type, str]:
    """A picture, or what an error says; what libvips reports of it differs from run to run."""
    try:
        return make()
    except ImgproxyError as error:
        return type(error), str(error)


def shared(one: Transformer, data: bytes, options: str, pixels: SharedPixels) -> Picture | tuple[type, str]:
    share = pixels.share(1, lambda: True)
    try:
        while True:
            try:
                return told(lambda: one.transform(data, recipe_of(options), Interrupt(), share=share))
            except Postponed as postponed:
                ended = postponed.ended
            assert ended is None or ended.done(), "nobody else is at work"
    finally:
        share.close()


@pytest.mark.parametrize("share", [0.3, pytest.param(1.0, marks=pytest.mark.slow)], ids=["some", "all"])
@pytest.mark.parametrize("name", ORIGINALS)
def test_pictures_of_one_original_are_what_they_are_alone(name: str, share: float) -> None:
    one, data, pixels = transformer(), original(name), SharedPixels(1 << 26)
    chance = random.Random(name)
    wanted = [f"{options}/f:{kind}" for options in OPTIONS for kind in chance.sample(QUICK, 2)]
    wanted += [f"{options}/f:{kind}" for options in chance.sample(OPTIONS, 2) for kind in FORMATS]
    chance.shuffle(wanted)
    for options in wanted[: round(share * len(wanted))]:
        alone = told(lambda options=options: one.transform(data, recipe_of(options), Interrupt()))
        assert shared(one, data, options, pixels) == alone, options
    assert bool(pixels.stats.hits) is (name != "cut off"), "which is refused by its last bytes alone"


@pytest.mark.parametrize(
    "given",
    [
        {"serve_truncated": True},
        {"use_linear_colorspace": True},
        {"disable_shrink_on_load": True},
        {"never_larger": True},
        {"max_animation_frames": 3},
        {"watermark_opacity": 0.5},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["jpeg in a wide gamut", "gif", "cut off", "webp"])
def test_so_they_are_with_other_settings(name: str, given: dict[str, object]) -> None:
    one, data, pixels = transformer(**given), original(name), SharedPixels(1 << 26)
    for options in (f"{options}/f:{kind}" for kind in ("jpg", "webp") for options in OPTIONS[::4]):
        alone = told(lambda options=options: one.transform(data, recipe_of(options), Interrupt()))
        assert shared(one, data, options, pixels) == alone, options


def test_high_depth_and_gain_maps_are_each_format_s_own() -> None:
    one, pixels = transformer(), SharedPixels(1 << 26)
    for name in ("deep png", "ultra hdr"):
        for options in (f"w:60/ph:{hdr}/f:{kind}" for hdr in (0, 1) for kind in FORMATS):
            alone = told(
                lambda options=options, name=name: one.transform(original(name), recipe_of(options), Interrupt())
            )
            assert shared(one, original(name), options, pixels) == alone, options
        pixels.forget(1)


geometry = st.builds(
    "rs:{}:{}:{}:{}/g:{}/c:{}:{}:{}/rot:{}/dpr:{}/f:{}".format,
    st.sampled_from(["fit", "fill", "fill-down", "force", "auto"]),
    st.integers(0, 300),
    st.integers(0, 300),
    st.integers(0, 1),
    st.sampled_from(["ce", "no", "soea", "fp:0.2:0.8"]),
    st.integers(0, 500),
    st.integers(0, 500),
    st.sampled_from(["we", "noea", "ce:10:-5"]),
    st.sampled_from([0, 90, 180, 270]),
    st.sampled_from([0.5, 1, 2]),
    st.sampled_from(["jpg", "webp"]),
)


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(["jpeg", "jpeg on its side", "webp"]), wanted=st.lists(geometry, min_size=2, max_size=4))
def test_whatever_geometry_is_asked_for(name: str, wanted: list[str]) -> None:
    one, pixels = transformer(), SharedPixels(1 << 26)
    for options in wanted:
        alone = told(lambda options=options: one.transform(original(name), recipe_of(options), Interrupt()))
        assert shared(one, original(name), options, pixels) == alone


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """How often pixels were decoded for all, and steps run for all formats."""
    counts = {"decoded": 0, "run": 0}

    def counting(name: str, work: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            counts[name] += 1
            return work(*arguments)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(scale_on_load, "Frame", counting_frame(counts))
        patch.setattr(alike, "run_common", counting("run", alike.run_common))
        yield counts


def counting_frame(counts: dict[str, int]) -> Callable[..., object]:
    real = scale_on_load.Frame

    def make(**given: object) -> object:
        counts["decoded"] += 1
        return real(**given)

    return make


@pytest.mark.parametrize(
    ("name", "wanted", "decoded", "run"),
    [
        pytest.param("jpeg", ["w:50/f:jpg", "w:55/f:jpg", "w:60/f:jpg"], 1, 3, id="widths of one load plan"),
        pytest.param("jpeg", ["w:60/f:jpg", "w:100/f:jpg", "w:200/f:jpg"], 3, 3, id="a decode for each load plan"),
        pytest.param("jpeg", ["w:60/f:jpg", "w:60/f:webp", "w:60/f:avif"], 1, 1, id="formats of one size"),
        pytest.param("jpeg", ["w:60/f:jpg", "w:60/f:jpg/q:40"], 1, 1, id="qualities"),
        pytest.param("jpeg in a wide gamut", ["w:60/f:jpg", "w:60/f:webp"], 1, 1, id="colours as well"),
        pytest.param("jpeg in a wide gamut", ["w:60/scp:0/f:jpg", "w:60/scp:0/f:gif"], 1, 2, id="but not everybody's"),
        pytest.param("png", ["w:60/f:png", "w:60/f:webp", "w:60/f:jpg"], 1, 2, id="alpha or none"),
        pytest.param("png", ["w:60/f:png", "w:50/f:png"], 1, 2, id="whatever the decoder"),
    ],
)
def test_what_is_the_same_is_done_once(
    name: str, wanted: list[str], decoded: int, run: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = SharedPixels(1 << 26)
    with counted(monkeypatch) as counts:
        for options in wanted:
            shared(transformer(), original(name), options, pixels)
    assert counts == {"decoded": decoded, "run": run}


def test_a_crop_that_throws_most_away_is_not_decoded_whole_but_uses_what_is_there() -> None:
    one, pixels = transformer(), SharedPixels(1 << 26)
    options = "c:200:150:no/w:100/f:png"
    shared(one, original("jpeg"), options, pixels)
    assert len(pixels) == 1, "the finished pixels alone"
    shared(one, original("jpeg"), "w:200/f:png", pixels)
    before = pixels.stats.hits
    shared(one, original("jpeg"), options + "/q:50/sh:1", pixels)
    assert pixels.stats.hits == before + 1


def test_what_does_not_fit_is_streamed_as_ever() -> None:
    pixels = SharedPixels(10_000)
    alone = transformer().transform(original("jpeg"), recipe_of("w:300/f:webp"), Interrupt())
    for _ in range(2):
        assert shared(transformer(), original("jpeg"), "w:300/f:webp", pixels) == alone
    assert pixels.bytes <= 10_000


def test_it_is_told_what_others_had_done() -> None:
    pixels = SharedPixels(1 << 26)
    told = []
    for options in ("w:60/f:jpg", "w:50/f:jpg", "w:60/f:webp"):
        made = shared(transformer(), original("jpeg"), options, pixels)
        assert isinstance(made, Picture)
        told.append(made.timings.shared)
    assert told == ["", "decoded", "pixels"]


def test_one_who_is_alone_neither_looks_nor_keeps() -> None:
    pixels = SharedPixels(1 << 26)
    share = pixels.share(1, lambda: False)
    transformer().transform(original("jpeg"), recipe_of("w:60"), Interrupt(), share=share)
    assert (len(pixels), pixels.stats) == (0, SharingStats())


def test_watermarks_that_urls_name_are_laid_over_anew() -> None:
    one, pixels = Transformer(EngineSettings()), SharedPixels(1 << 26)
    recipe = recipe_of("w:60/wm:1:ce/wmu:aHR0cDovL2gvbG9nby5wbmc/f:png")
    [source] = [stage.watermark.source for stage in recipe.stages if stage.watermark]
    assert source is not None
    made = []
    for color in ((255, 0, 0), (0, 255, 0)):
        share = pixels.share(1, lambda: True)
        mark = {source: pictures.png(pictures.solid(20, 20, color))}
        made.append(one.transform(original("jpeg"), recipe, Interrupt(), mark, share).data)
        share.close()
    assert made[0] != made[1]
