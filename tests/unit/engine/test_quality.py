"""Which quality, and how it falls to meet a limit (dialect §11.1, §11.3)."""

from __future__ import annotations

import pytest

from imgproxy_py.engine.quality import quality_for, within_bytes
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.recipe.formats import Format
from tests import pictures
from tests.unit.engine.making import recipe_of, transformed


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
