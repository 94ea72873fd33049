"""Canvases over the limit are refused, those at it are not."""

from __future__ import annotations

import pytest

from imgproxy_py.errors import ResultTooLarge
from tests import pictures
from tests.unit.engine.making import failure, made, transformed

SOURCE = pictures.png(pictures.marked(60, 40))
LIMIT = {"max_result_resolution": 0.01}  # 10 000 pixels


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ("rs:force:100:100:1", False),
        ("rs:force:100:101:1", True),
        ("rs:fit:100:100:0:1", False),
        ("rs:fit:100:101:0:1", True),
        ("pd:30:20", False),
        ("pd:30:20:31:20", True),
        ("rs:fill:10:200:1", True),  # what is cut afterwards has to be made first
        ("rs:fill:1000:1000/exar:1", False),
        ("c:10:10/rs:force:100:100:1", False),
    ],
)
def test_the_limit_counts_between_the_steps_and_at_their_end(options: str, refused: bool) -> None:
    assert (failure(lambda: transformed(SOURCE, f"{options}/f:png", **LIMIT)) is ResultTooLarge) is refused


def test_without_a_limit_everything_is_made() -> None:
    assert made(SOURCE, "pd:100/f:png", max_result_resolution=0).width == 260


def test_it_is_not_the_natural_size_of_an_svg_that_counts() -> None:
    data = pictures.svg("2000", "2000")
    assert made(data, "w:50/f:png", **LIMIT).width == 50
    assert made(data, "f:png", max_src_resolution=0.01, **LIMIT).width == 100


def test_what_trimming_leaves_counts() -> None:
    data = pictures.png(pictures.bordered(60, 40, (50, 50, 50, 50)))
    assert failure(lambda: transformed(data, "f:png", **LIMIT)) is ResultTooLarge
    assert failure(lambda: transformed(data, "t:10/f:png", **LIMIT)) is None
