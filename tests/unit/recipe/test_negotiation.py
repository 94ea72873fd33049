from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations

import pytest

from imgproxy_py.errors import OutputUnsupported
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Color, Gravity, Output, Padding, Placeholder, Stage
from imgproxy_py.recipe.negotiation import (
    Negotiation,
    chosen_format,
    client_hints,
    formats_in_accept,
    skips_pipeline,
    wants_alpha,
)
from imgproxy_py.recipe.request import ClientHints

JPEG, PNG, WEBP, AVIF, GIF, SVG, JXL = (
    Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF, Format.GIF, Format.SVG, Format.JXL,
)  # fmt: skip
PREFERRED = (JPEG, PNG, GIF)
PADDED, FLATTENED = Stage(padding=Padding(left=1)), Stage(background=Color(1, 2, 3))


@pytest.mark.parametrize(
    ("accept", "named"),
    [
        ("", set()),
        ("*/*", set()),
        ("image/*;q=0.8,*/*", set()),
        ("image/avif,image/webp,image/apng,*/*;q=0.8", {AVIF, WEBP}),
        ("image/webp;q=0, image/avif ; q=0.5", {AVIF}),
        ("image/webp;q=0.000", set()),
        ("image/webp;q=0.001", {WEBP}),
        ("IMAGE/WEBP", {WEBP}),
        ("image/webpx", set()),
        ("image/jxl", {JXL}),
        (",;,=;q=0,", set()),
    ],
)
def test_only_formats_named_with_a_weight_are_accepted(accept: str, named: set[Format]) -> None:
    assert formats_in_accept(accept) == named


BROWSER = "image/avif,image/webp,*/*"


@pytest.mark.parametrize(
    ("negotiation", "output", "accept", "accepted", "varies"),
    [
        (Negotiation(), Output(), BROWSER, (), False),
        (Negotiation(automatic=(AVIF, WEBP)), Output(), BROWSER, (AVIF, WEBP), True),
        (Negotiation(automatic=(WEBP, AVIF)), Output(), BROWSER, (WEBP,), True),
        (Negotiation(automatic=(JXL, AVIF, WEBP)), Output(), f"image/jxl,{BROWSER}", (JXL, WEBP), True),
        (Negotiation(automatic=(JXL, AVIF)), Output(), f"image/jxl,{BROWSER}", (JXL,), True),
        (Negotiation(automatic=(AVIF, WEBP)), Output(), "image/webp", (WEBP,), True),
        (Negotiation(automatic=(AVIF, WEBP)), Output(), "", (), True),
        (Negotiation(automatic=(WEBP,)), Output(format=PNG), BROWSER, (), False),
        (Negotiation(automatic=(WEBP,), enforced=(WEBP,)), Output(format=PNG), BROWSER, (WEBP,), True),
    ],
)
def test_negotiation_keeps_to_its_order_and_to_what_the_client_takes(
    negotiation: Negotiation, output: Output, accept: str, accepted: tuple[Format, ...], varies: bool
) -> None:
    assert negotiation.negotiated(output, accept).accepted == accepted
    assert negotiation.varies(output) is varies


def test_clients_that_differ_in_lesser_formats_share_an_entry_where_nothing_is_animated() -> None:
    negotiation = Negotiation(automatic=(AVIF, WEBP))
    both, one = (negotiation.negotiated(Output(), accept, animations=False) for accept in (BROWSER, "image/avif"))
    assert both == one


def test_best_tries_all_that_the_client_takes() -> None:
    negotiation = Negotiation(automatic=(JXL, AVIF, WEBP))
    for animations in (True, False):
        found = negotiation.negotiated(Output(best=True), "image/webp,image/avif", animations=animations)
        assert found.accepted == (AVIF, WEBP)
    assert negotiation.varies(Output(best=True))


def test_a_placeholder_is_the_same_for_every_client() -> None:
    negotiation, output = Negotiation(automatic=(AVIF, WEBP), enforced=(AVIF,)), Output(placeholder=Placeholder.LQIP)
    assert negotiation.negotiated(output, "image/avif") == output
    assert not negotiation.varies(output)


@pytest.mark.parametrize("animated", [False, True])
@pytest.mark.parametrize("source", [JPEG, GIF, WEBP])
@pytest.mark.parametrize("order", list(permutations((JXL, AVIF, WEBP))), ids="-".join)
def test_what_negotiation_leaves_out_would_never_be_chosen(
    order: tuple[Format, ...], source: Format, animated: bool
) -> None:
    for taken in subsets(order):
        left = Negotiation(automatic=order).negotiated(Output(), ",".join(f"image/{one}" for one in taken))
        found, expected = (
            chosen_format(one, source, alpha=False, animated=animated, preferred=PREFERRED)
            for one in (left, Output(accepted=taken))
        )
        assert found is expected


def subsets(order: tuple[Format, ...]) -> list[tuple[Format, ...]]:
    return [taken for length in range(len(order) + 1) for taken in combinations(order, length)]


@pytest.mark.parametrize(
    ("output", "source", "alpha", "animated", "chosen"),
    [
        (Output(), JPEG, False, False, JPEG),
        (Output(), PNG, False, False, PNG),
        (Output(), GIF, False, False, GIF),
        (Output(), WEBP, False, False, JPEG),
        (Output(), AVIF, True, False, PNG),
        (Output(), WEBP, False, True, GIF),
        (Output(), WEBP, True, True, GIF),
        (Output(accepted=(AVIF, WEBP)), JPEG, False, False, AVIF),
        (Output(accepted=(AVIF, WEBP)), GIF, False, True, WEBP),
        (Output(format=PNG, accepted=(WEBP,)), JPEG, False, False, WEBP),
        (Output(format=PNG), JPEG, False, False, PNG),
        (Output(format=SVG), SVG, True, False, SVG),
    ],
)
def test_format_is_chosen_by_the_first_rule_that_applies(
    output: Output, source: Format, alpha: bool, animated: bool, chosen: Format
) -> None:
    assert chosen_format(output, source, alpha=alpha, animated=animated, preferred=PREFERRED) is chosen


def test_a_raster_picture_does_not_become_an_svg() -> None:
    with pytest.raises(OutputUnsupported):
        chosen_format(Output(format=SVG), PNG, alpha=False, animated=False, preferred=PREFERRED)


@pytest.mark.parametrize(
    ("stage", "source_alpha", "wanted"),
    [
        (Stage(), False, False),
        (Stage(), True, True),
        (Stage(background=Color(1, 2, 3)), True, False),
        (Stage(padding=Padding(left=1)), False, True),
        (Stage(extend=Gravity()), False, True),
        (Stage(extend_aspect_ratio=Gravity()), False, False),
    ],
)
def test_alpha_is_wanted_where_something_is_transparent(stage: Stage, source_alpha: bool, wanted: bool) -> None:
    assert wants_alpha((stage,), source_alpha) is wanted


@pytest.mark.parametrize(
    ("stages", "source_alpha", "wanted"),
    [
        ((PADDED, Stage()), False, True),
        ((Stage(extend=Gravity()), Stage(), Stage()), False, True),
        ((FLATTENED, Stage()), True, False),
        ((FLATTENED, PADDED), True, True),
        ((PADDED, FLATTENED), False, False),
        ((replace(FLATTENED, background_alpha=0.5), Stage()), True, True),
        ((Stage(), Stage()), True, True),
    ],
)
def test_every_stage_has_a_say_in_alpha(stages: tuple[Stage, ...], source_alpha: bool, wanted: bool) -> None:
    assert wants_alpha(stages, source_alpha) is wanted


@pytest.mark.parametrize(
    ("output", "source", "rasterize", "skips"),
    [
        (Output(), SVG, False, True),
        (Output(), SVG, True, False),
        (Output(format=SVG), SVG, True, True),
        (Output(format=PNG), SVG, False, False),
        (Output(skip_formats=(SVG,)), SVG, True, True),
        (Output(skip_formats=(PNG,)), PNG, False, True),
        (Output(skip_formats=(PNG,), format=PNG), PNG, False, True),
        (Output(skip_formats=(PNG,), format=WEBP), PNG, False, False),
        (Output(skip_formats=(PNG,), accepted=(WEBP,)), PNG, False, True),
        (Output(skip_formats=(PNG,)), JPEG, False, False),
    ],
)
def test_pipeline_is_skipped_as_the_dialect_says(output: Output, source: Format, rasterize: bool, skips: bool) -> None:
    assert skips_pipeline(output, source, rasterize_svg=rasterize) is skips


@pytest.mark.parametrize(
    ("headers", "hints"),
    [
        ({}, None),
        ({"dpr": "2"}, ClientHints(dpr=2.0)),
        ({"sec-ch-dpr": "1.5", "dpr": "2"}, ClientHints(dpr=1.5)),
        ({"width": "300"}, ClientHints(width=300)),
        ({"sec-ch-width": "200", "width": "300", "dpr": "2.0"}, ClientHints(dpr=2.0, width=200)),
        ({"dpr": "9"}, None),
        ({"dpr": "0"}, None),
        ({"dpr": "nan"}, None),
        ({"dpr": "1_0"}, None),
        ({"width": "-1"}, None),
        ({"width": "0"}, None),
        ({"width": "३"}, None),
    ],
)
def test_hints_are_taken_when_they_are_well_formed(headers: dict[str, str], hints: ClientHints | None) -> None:
    assert client_hints(headers.items()) == hints
