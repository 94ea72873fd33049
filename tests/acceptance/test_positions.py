"""Every published position, through the running service: the pixels that come back tell where they were (dialect §9)."""

from __future__ import annotations

import csv
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
import pyvips

from tests import pictures
from tests.acceptance.service import Service, serving

TABLE = Path(__file__).parents[1] / "data" / "position-examples.csv"
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
Row = dict[str, str]
INNER = [row for row in ROWS if row["may_overflow"] == "0"]
UNSCALED = [row for row in INNER if row["factor"] == "1"]
OVERFLOWING = [row for row in ROWS if row["may_overflow"] == "1"]
MARK_BLUE = 255


def name(row: Row) -> str:
    return f"{row['gravity']} by {row['factor']}"


def atlas(width: int, height: int, blue: int = 0) -> pyvips.Image:
    """A picture whose every pixel tells where it is: red is its column, green its row."""
    at = pyvips.Image.xyz(width, height)
    return pictures.rgb(at[0].bandjoin([at[1], blue]))


@pytest.fixture(scope="module")
def marking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose watermark tells its own pixels, on a blue ground."""
    directory = tmp_path_factory.mktemp("positions")
    (directory / "outer.png").write_bytes(pictures.png(atlas(200, 100)))
    (directory / "inner.png").write_bytes(pictures.png(atlas(50, 50, MARK_BLUE)))
    (directory / "black.png").write_bytes(pictures.png(pictures.solid(200, 100, (0, 0, 0))))
    (directory / "black-twice.png").write_bytes(pictures.png(pictures.solid(400, 200, (0, 0, 0))))
    watermark = b64encode(pictures.png(atlas(60, 40, MARK_BLUE))).decode()
    with serving(directory, local_filesystem_root=str(directory), watermark_data=watermark) as running:
        yield running


def where(row: Row) -> tuple[int, int]:
    return int(row["left"]), int(row["top"])


def first_pixel(image: pyvips.Image) -> tuple[int, int]:
    red, green, *_ = image.getpoint(0, 0)
    return int(red), int(green)


def place_of_the_blue(image: pyvips.Image) -> tuple[int, int]:
    """Where the picture on a blue ground begins, by what a pixel of it tells; all others of it must agree."""
    left, top, width, height = (image[2] == MARK_BLUE).find_trim(threshold=1, background=0)
    red, green, _, *_ = image.getpoint(left, top)
    place = left - int(red), top - int(green)
    red, green, _, *_ = image.getpoint(left + width - 1, top + height - 1)
    assert (left + width - 1 - int(red), top + height - 1 - int(green)) == place
    return place


def test_the_table_has_every_row() -> None:
    assert (len(INNER), len(UNSCALED), len(OVERFLOWING)) == (13, 12, 2)


@pytest.mark.parametrize("row", UNSCALED, ids=name)
def test_a_crop_is_taken_where_it_is_published(row: Row, marking: Service) -> None:
    image = marking.get(f"/unsafe/c:50:50:{row['gravity']}/plain/local:///outer.png").image
    assert (image.width, image.height) == (50, 50)
    assert first_pixel(image) == where(row)


@pytest.mark.parametrize("row", INNER, ids=name)
def test_a_result_is_cut_where_it_is_published(row: Row, marking: Service) -> None:
    # The least width keeps the picture at its 200×100 while 50×50 of it are asked for, by any dpr.
    dpr = int(row["factor"])
    options = f"w:{50 // dpr}/h:{50 // dpr}/mw:{200 // dpr}/dpr:{dpr}/g:{row['gravity']}"
    image = marking.get(f"/unsafe/{options}/plain/local:///outer.png").image
    assert (image.width, image.height) == (50, 50)
    assert first_pixel(image) == where(row)


@pytest.mark.parametrize("row", UNSCALED, ids=name)
def test_a_picture_lies_on_its_extended_canvas_where_it_is_published(row: Row, marking: Service) -> None:
    image = marking.get(f"/unsafe/rs:fit:200:100:0:1:{row['gravity']}/plain/local:///inner.png").image
    assert (image.width, image.height) == (200, 100)
    assert place_of_the_blue(image) == where(row)


@pytest.mark.parametrize("row", OVERFLOWING, ids=name)
def test_a_watermark_lies_where_it_is_published(row: Row, marking: Service) -> None:
    dpr, source = ("", "black") if row["factor"] == "1" else (f"dpr:{row['factor']}/", "black-twice")
    image = marking.get(f"/unsafe/{dpr}wm:1:{row['gravity']}/plain/local:///{source}.png").image
    assert (image.width, image.height) == (200, 100)
    assert place_of_the_blue(image) == where(row)
