from __future__ import annotations

import pytest

from imgproxy_py.errors import ResultTooLarge, SourceTooLarge
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.limits import Limits
from imgproxy_py.recipe.model import LimitOverrides
from imgproxy_py.recipe.picture import Header


def header(width: int, height: int, kind: Format = Format.PNG) -> Header:
    return Header(format=kind, width=width, height=height)


def test_an_original_at_the_limit_is_taken_and_one_pixel_row_more_is_not() -> None:
    limits = Limits(max_src_resolution=1.0)
    limits.check_source(header(1000, 1000))
    with pytest.raises(SourceTooLarge, match="at most 1 are taken"):
        limits.check_source(header(1000, 1001))


def test_frames_count_together_unless_a_frame_has_a_limit_of_its_own() -> None:
    with pytest.raises(SourceTooLarge):
        Limits(max_src_resolution=1.0).check_source(header(1000, 500), frames=3)
    Limits(max_src_resolution=1.0, max_animation_frame_resolution=0.6).check_source(header(1000, 500), frames=3)


def test_of_an_animation_as_many_frames_are_used_as_are_allowed() -> None:
    moving = Header(format=Format.GIF, width=10, height=10, frames=30, animated=True)
    assert [Limits(max_animation_frames=most).frames_of(moving) for most in (1, 29, 30, 31)] == [1, 29, 30, 30]
    pages = Header(format=Format.TIFF, width=10, height=10, frames=30)
    assert Limits(max_animation_frames=10).frames_of(pages) == 1


def test_the_frames_of_a_result_count_together() -> None:
    limits = Limits(max_result_resolution=1.0, frames=4)
    limits.check_result(500, 500)
    with pytest.raises(ResultTooLarge, match="4 frames of 500×501 pixels, at most 1 megapixels"):
        limits.check_result(500, 501)


def test_a_vector_image_has_no_pixels_to_count() -> None:
    Limits(max_src_resolution=0.001).check_source(header(10**6, 10**6, Format.SVG))


def test_bytes_are_judged_when_there_is_a_limit() -> None:
    Limits().check_size(10**12)
    with pytest.raises(SourceTooLarge, match="has 11 bytes, at most 10"):
        Limits(max_src_file_size=10).check_size(11)


def test_absurd_canvases_are_refused() -> None:
    with pytest.raises(ResultTooLarge, match="10000000×10"):
        Limits(max_result_resolution=99.0).check_result(10**7, 10)
    Limits(max_result_resolution=0).check_result(10**7, 10**7)


def test_a_url_overrides_what_it_sets_and_nothing_else() -> None:
    limits = Limits(max_src_file_size=5).overridden(LimitOverrides(max_src_resolution=2.0, max_result_dimension=0))
    assert (limits.max_src_resolution, limits.max_result_dimension, limits.max_src_file_size) == (2.0, 0, 5)
