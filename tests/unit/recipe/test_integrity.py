from __future__ import annotations

import pytest
import pyvips

from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.integrity import is_truncated


def noisy(width: int = 96, height: int = 64) -> pyvips.Image:
    return pyvips.Image.gaussnoise(width, height, sigma=60, mean=128).cast("uchar").bandjoin([90, 30])


WHOLE = {
    Format.JPEG: noisy().jpegsave_buffer(),
    Format.PNG: noisy().pngsave_buffer(),
    Format.GIF: noisy().gifsave_buffer(),
    Format.WEBP: noisy().webpsave_buffer(),
    Format.AVIF: noisy().heifsave_buffer(compression="av1", effort=0),
}


@pytest.mark.parametrize("kind", WHOLE, ids=str)
def test_a_whole_file_is_whole(kind: Format) -> None:
    assert not is_truncated(WHOLE[kind], kind)


@pytest.mark.parametrize("kind", WHOLE, ids=str)
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.999])
def test_a_cut_file_is_truncated(kind: Format, share: float) -> None:
    data = WHOLE[kind]
    cut = data[: min(int(len(data) * share), len(data) - 1)]
    assert is_truncated(cut, kind)


@pytest.mark.parametrize("kind", [Format.JPEG, Format.PNG, Format.GIF, Format.WEBP], ids=str)
def test_bytes_behind_the_end_do_no_harm(kind: Format) -> None:
    assert not is_truncated(WHOLE[kind] + b"\x00" * 40 + b"appended", kind)


def test_the_end_marker_of_a_thumbnail_is_not_the_end() -> None:
    thumbnail = WHOLE[Format.JPEG]
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = thumbnail[:2] + segment + thumbnail[2:]
    assert not is_truncated(whole, Format.JPEG)
    assert is_truncated(whole[:-100], Format.JPEG)


def test_a_local_colour_table_is_stepped_over() -> None:
    frames = [noisy(20, 20), noisy(20, 20)]
    data = pyvips.Image.arrayjoin(frames, across=1).copy()
    data.set_type(pyvips.GValue.gint_type, "page-height", 20)
    animation = data.gifsave_buffer(reuse=False, interpalette_maxerror=0)
    assert not is_truncated(animation, Format.GIF)
    assert is_truncated(animation[:-1], Format.GIF)


def test_formats_without_an_end_are_left_to_their_decoders() -> None:
    assert not is_truncated(b"II*\x00", Format.TIFF)
