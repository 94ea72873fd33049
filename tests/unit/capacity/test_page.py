"""docs/scaling.md shows what the calculator says and begins from."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from imgproxy_py.capacity import COSTS
from imgproxy_py.cli import app

PAGE = (Path(__file__).parents[3] / "docs/scaling.md").read_text()


def test_the_worked_example_is_what_the_command_prints() -> None:
    (example,) = re.findall(r"```console\n\$ imgproxy-py (.*)\n((?:.*\n)*?)```", PAGE)
    command, shown = example
    assert CliRunner().invoke(app, command.split()).stdout == shown


def test_the_table_of_costs_is_the_calculators() -> None:
    original, seen = "", {}
    for label, width, *cells in re.findall(
        r"^\| (?:.*`(\w+)`.*)?\| (\d+) \| (.*) \| (.*) \| (.*) \| (.*) \|$", PAGE, re.MULTILINE
    ):
        original = label or original
        for name, cell in zip(("jpeg", "webp", "avif", "png"), cells, strict=True):
            ms, size, unit = re.fullmatch(r"(\d+) ms, ([\d.]+) (KB|MB)", cell).groups()  # type: ignore[union-attr]
            seen[original, int(width), name] = float(ms), float(size) * (1e3 if unit == "KB" else 1e6)
    assert seen.keys() == COSTS.keys()
    for key, (ms, size) in seen.items():
        assert ms == COSTS[key].made_ms
        assert abs(size / COSTS[key].picture_bytes - 1) < 0.005
