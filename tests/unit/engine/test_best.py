"""The format with the fewest bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import pyvips

from imgproxy_py.engine.best import candidates, complexity, equal_quality
from imgproxy_py.engine.encoder_settings import EncoderSettings
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Output
from imgproxy_py.recipe.picture import Picture
from tests import pictures
from tests.unit.engine.making import distance, opened, recipe_of, same, transformer

ALL = (Format.AVIF, Format.WEBP)
PHOTO = pictures.rgb(pictures.marked(200, 150) * 0.7 + pictures.noise(200, 150).gaussblur(1) * 0.3)
DRAWING = opened(pictures.png(pyvips.Image.new_from_buffer(pictures.svg("200", "150"), "").flatten(background=255)))


def best(
    image: pyvips.Image, accepted: tuple[Format, ...] = ALL, options: str = "f:best", **settings: object
) -> Picture:
    recipe = recipe_of(options)
    recipe = replace(recipe, output=replace(recipe.output, accepted=accepted))
    return transformer(**settings).transform(pictures.png(image), recipe, Interrupt())


def alone(image: pyvips.Image, options: str, **settings: object) -> int:
    return len(transformer(**settings).transform(pictures.png(image), recipe_of(options), Interrupt()).data)


def test_formats_are_those_negotiated_and_those_preferred() -> None:
    savable = frozenset({Format.AVIF, Format.JPEG, Format.PNG, Format.SVG})
    output = Output(best=True, accepted=(Format.AVIF, Format.WEBP))
    assert candidates(output, (Format.JPEG, Format.AVIF, Format.SVG, Format.PNG), savable) == (
        Format.AVIF,
        Format.JPEG,
        Format.PNG,
    )


@pytest.mark.parametrize("accepted", [(), (Format.WEBP,), (Format.AVIF,), ALL], ids=str)
def test_the_smallest_of_the_formats_at_equal_quality_is_kept(accepted: tuple[Format, ...]) -> None:
    output, settings = Output(best=True), EncoderSettings()
    tried = (*accepted, Format.JPEG)
    sizes = {one: alone(PHOTO, f"f:{one}/q:{equal_quality(output, one, settings)}") for one in tried}
    found = best(PHOTO, accepted)
    assert len(found.data) == min(sizes.values())
    assert sizes[found.format] == len(found.data)


@pytest.mark.parametrize(
    ("options", "kind", "expected"),
    [
        ("", Format.JPEG, 80),
        ("", Format.WEBP, 84),
        ("", Format.AVIF, 64),
        ("q:40", Format.WEBP, 43),
        ("q:76", Format.AVIF, 61),
        ("q:100", Format.AVIF, 100),
        ("fq:avif:20", Format.AVIF, 20),
        ("fq:jpeg:40", Format.AVIF, 44),
        ("", Format.JXL, 80),
    ],
)
def test_quality_is_jpegs_and_looks_alike_in_all_formats(options: str, kind: Format, expected: int) -> None:
    assert equal_quality(recipe_of(options).output, kind, EncoderSettings()) == expected


def test_drawings_are_kept_without_loss() -> None:
    found = best(DRAWING)
    assert found.format is Format.WEBP
    assert b"VP8L" in found.data[:64]
    assert same(opened(found.data).extract_band(0, n=3), DRAWING)
    plain = best(DRAWING, ())
    assert plain.format is Format.PNG
    assert same(opened(plain.data), DRAWING)


def test_drawings_of_few_colours_have_a_palette() -> None:
    found = best(DRAWING, ())
    assert found.data[25] == 3
    assert len(found.data) < alone(DRAWING, "f:png")


def test_a_photograph_is_never_kept_without_loss() -> None:
    for accepted in ((), (Format.WEBP,), ALL):
        found = best(PHOTO, accepted)
        assert found.format is not Format.PNG
        assert b"VP8L" not in found.data[:64]


def test_what_only_looks_simple_is_not_kept_at_any_cost() -> None:
    dark = PHOTO.embed(300, 300, 1400, 1200)  # a photograph on black, most of it empty
    assert complexity(dark) < 5.5
    assert b"VP8L" not in best(dark).data[:64]
    assert len(best(dark).data) < alone(dark, "f:webp/webpo:lossless") / 2


def test_without_a_threshold_nothing_is_kept_without_loss() -> None:
    assert b"VP8L" not in best(DRAWING, (Format.WEBP,), best_format_complexity_threshold=0).data[:64]


@pytest.mark.parametrize(
    ("image", "least", "most"),
    [
        (pictures.solid(40, 30), 0, 0),
        (DRAWING, 0, 2),
        (pictures.marked(200, 150), 0.5, 5.5),
        (PHOTO, 5.5, 12),
        (pictures.noise(100, 100), 12, 16),
        (pictures.solid(1, 30), 0, 0),
        (pictures.solid(30, 1), 0, 0),
        (pictures.solid(1, 1), 0, 0),
    ],
)
def test_complexity_tells_drawings_from_photographs(image: pyvips.Image, least: float, most: float) -> None:
    assert least <= complexity(image) <= most


def test_transparency_rules_out_what_cannot_hold_it() -> None:
    found = best(pictures.with_alpha(PHOTO), ())
    assert found.format is Format.PNG
    assert opened(found.data).hasalpha()
    assert best(pictures.with_alpha(PHOTO), (Format.WEBP,)).format is Format.WEBP


def test_alpha_that_hides_nothing_is_dropped() -> None:
    found = best(PHOTO.bandjoin(255), ())
    assert found.format is Format.JPEG


def test_formats_that_cannot_hold_the_picture_are_not_tried() -> None:
    tiny = best(PHOTO.crop(0, 0, 12, 12), (Format.AVIF,))
    assert tiny.format is not Format.AVIF
    wide = best(pictures.solid(16500, 2), ALL)
    assert wide.format in (Format.JPEG, Format.PNG)
    assert wide.width == 16500


@pytest.mark.parametrize(
    ("image", "expected"), [(PHOTO, Format.AVIF), (DRAWING, Format.WEBP)], ids=["photo", "drawing"]
)
def test_of_large_pictures_only_the_likely_format_is_tried(
    image: pyvips.Image, expected: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = counting(monkeypatch)
    assert best(image, best_format_max_resolution=0.02).format is expected
    assert tried == [expected]
    tried.clear()
    best(image, best_format_max_resolution=1)
    assert len(tried) > 1


def counting(monkeypatch: pytest.MonkeyPatch) -> list[Format]:
    from imgproxy_py.engine import writing

    tried: list[Format] = []
    encode: Callable[..., bytes] = writing.encode
    monkeypatch.setattr(
        writing,
        "encode",
        lambda image, encoding, settings: tried.append(encoding.format) or encode(image, encoding, settings),
    )
    return tried


def test_animations_stay_animations() -> None:
    source = pictures.gif(pictures.animation())
    recipe = recipe_of("f:best")
    found = transformer(max_animation_frames=10).transform(source, recipe, Interrupt())
    assert found.format is Format.GIF
    recipe = replace(recipe, output=replace(recipe.output, accepted=ALL))
    found = transformer(max_animation_frames=10).transform(source, recipe, Interrupt())
    assert found.format is Format.WEBP
    assert pyvips.Image.new_from_buffer(found.data, "").get("n-pages") == 3


def test_searches_and_limits_hold_for_each_format() -> None:
    assert len(best(PHOTO, options="f:best/mb:1500").data) <= 1500
    searched = best(PHOTO, (), options="f:best/aq:dssim:0.03:20:90:0")
    assert len(searched.data) == alone(PHOTO, "f:jpeg/aq:dssim:0.03:20:90:0")


def test_svg_is_drawn_unless_skips_are_allowed() -> None:
    def made(**settings: object) -> Format:
        return transformer(**settings).transform(pictures.svg(), recipe_of("f:best"), Interrupt()).format

    assert made() is Format.PNG
    assert made(best_format_allow_skips=True) is Format.SVG


def test_formats_that_skip_processing_skip_it_only_where_that_is_allowed() -> None:
    data = pictures.jpeg(PHOTO, Q=95)
    recipe = recipe_of("f:best/skp:jpeg")
    assert transformer().transform(data, recipe, Interrupt()).data != data
    assert transformer(best_format_allow_skips=True).transform(data, recipe, Interrupt()).data == data


def test_profiles_are_kept_where_asked() -> None:
    image = pictures.wide_gamut(PHOTO)
    found = best(image, (Format.WEBP,), "f:best/scp:0")
    assert pictures.profile_of(opened(found.data)) == pictures.profile_of(image)
    assert distance(opened(best(image, (Format.WEBP,)).data), PHOTO)[0] < 4
