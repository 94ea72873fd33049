"""Every published size, through the running service, on real pictures (dialect §15)."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from imgproxy_py.recipe.formats import Format, sniff
from tests import pictures
from tests.acceptance.service import Service

TABLE = Path(__file__).parents[1] / "data" / "size-examples.csv"
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
Row = dict[str, str]


@cache
def made(width: int, height: int, kind: str, orientation: int, *, trimmable: bool) -> bytes:
    if kind == "svg":
        return pictures.svg(str(width), str(height))
    if trimmable:  # what the row's note says the trim finds is 30 px narrower and lower
        return pictures.png(pictures.bordered(width - 30, height - 30, (15, 15, 15, 15)))
    image = pictures.marked(width, height)
    if orientation != 1:
        image = pictures.with_orientation(image, orientation)
    encode: dict[str, Callable[..., bytes]] = {"jpeg": pictures.jpeg, "png": pictures.png, "webp": pictures.webp}
    return encode[kind](image)


def original(folder: Path, row: Row) -> str:
    """Make the row's original and give its URL."""
    trimmable = "trim" in row["options"]
    parts = (row["source_width"], row["source_height"], row["source_format"], row["exif_orientation"], str(trimmable))
    path = folder / f"size-{'-'.join(parts)}"
    if not path.exists():
        path.write_bytes(made(int(parts[0]), int(parts[1]), parts[2], int(parts[3]), trimmable=trimmable))
    return f"plain/local:///{path.name}"


def target(folder: Path, row: Row) -> str:
    options = row["options"].partition(" ")[0].replace("(none)", "")
    rasterised = "@png" if row["source_format"] == "svg" else ""  # an SVG without a format stays one (§6.3)
    return "/".join(["/unsafe", *([options] if options else []), original(folder, row) + rasterised])


def test_the_table_has_every_row() -> None:
    assert [row["case"] for row in ROWS] == [str(one) for one in range(1, 79)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["case"])
def test_the_answer_has_the_published_size(row: Row, service: Service, folder: Path) -> None:
    answer = service.get(target(folder, row))
    expected = int(row["result_width"]), int(row["result_height"])
    assert answer.size == expected
    assert (answer.headers["X-Result-Width"], answer.headers["X-Result-Height"]) == tuple(map(str, expected))


@pytest.mark.parametrize("case", ["57", "59"])
def test_the_origins_size_is_told_as_people_see_it(case: str, service: Service, folder: Path) -> None:
    (row,) = (row for row in ROWS if row["case"] == case)
    answer = service.get(target(folder, row))
    assert (answer.headers["X-Origin-Width"], answer.headers["X-Origin-Height"]) == ("3000", "4000")
    assert int(answer.headers["X-Origin-Content-Length"]) == len(
        made(4000, 3000, "jpeg", int(row["exif_orientation"]), trimmable=False)
    )


def test_an_svg_of_no_other_format_is_answered_as_it_is(service: Service, folder: Path) -> None:
    (row,) = (row for row in ROWS if row["case"] == "77")
    answer = service.get(f"/unsafe/{original(folder, row)}")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert sniff(answer.body) is Format.SVG
    assert (answer.headers["X-Result-Width"], answer.headers["X-Result-Height"]) == ("100", "50")
