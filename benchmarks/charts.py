"""Figures as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot
from matplotlib.ticker import LogLocator, NullLocator

from benchmarks import hits
from benchmarks.arithmetic import Spread
from benchmarks.measures import OURS, SHIPPED, Row

_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")  # Okabe and Ito: told apart by all eyes
_GREY = "#8a8a8a"
_PALE = 0.45
_LEAST = 5  # milliseconds, where the logarithmic axes begin


def draw(rows: Sequence[Row], folder: Path) -> dict[str, Path]:
    """Draw what the rows say something about; give titles and files."""
    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    drawn: dict[str, Path] = {}
    for name, title, figure in (
        ("bench-singles", "CPU per picture, one at a time", _singles(rows)),
        ("bench-pages", "CPU per picture of a page, of mixed traffic, and with wide-gamut profiles", _pages(rows)),
        ("bench-hits", "Requests a second for pictures that are there", _hits(rows)),
    ):
        if figure is not None:
            drawn[title] = folder / f"{name}.png"
            figure.savefig(drawn[title], dpi=120, metadata={"Software": None})
            pyplot.close(figure)
    return drawn


def _singles(rows: Sequence[Row]) -> Any:
    """Draw a panel for each original, a group for each format, a bar for each server; the matched ones paler."""
    panels = _grouped(rows, ("singles", "big"))
    if not panels:
        return None
    figure, axes = pyplot.subplots(
        1, len(panels), figsize=(4.2 * len(panels), 4), squeeze=False, sharey=True, layout="constrained"
    )
    for axis, (source, cases) in zip(axes[0], panels.items(), strict=True):
        _groups(axis, {case.rpartition(" ")[2]: of_case for case, of_case in cases.items()}, _colours(rows))
        axis.set_title(source)
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_locator(NullLocator())
    axes[0][0].set_ylim(bottom=_LEAST)
    axes[0][0].set_ylabel("ms of CPU a picture")
    _legend(figure)
    return figure


def _pages(rows: Sequence[Row]) -> Any:
    panels = {name: _grouped(rows, (name,)) for name in ("responsive", "mixed", "gamut")}
    there = {name: one for name, one in panels.items() if one}
    if not there:
        return None
    figure, axes = pyplot.subplots(1, len(there), figsize=(5 * len(there), 4), squeeze=False, layout="constrained")
    for axis, (name, sources) in zip(axes[0], there.items(), strict=True):
        cases = {source: of_case for source, cases in sources.items() for of_case in cases.values()}
        _groups(axis, cases, _colours(rows))
        axis.set_title(name)
        axis.tick_params(axis="x", labelrotation=20 if name == "gamut" else 0)
    axes[0][0].set_ylabel("ms of CPU a picture")
    _legend(figure)
    return figure


def _hits(rows: Sequence[Row]) -> Any:
    of_hits = [row for row in rows if row.workload == "hits"]
    if not of_hits:
        return None
    figure, axis = pyplot.subplots(figsize=(8, 3.5), layout="constrained")
    cases = dict.fromkeys(row.case for row in of_hits)
    _groups(axis, {case: [row for row in of_hits if row.case == case] for case in cases}, _colours(rows), rates=True)
    axis.set_ylabel("requests a second")
    _legend(figure)
    return figure


def _grouped(rows: Sequence[Row], workloads: Sequence[str]) -> dict[str, dict[str, list[Row]]]:
    """Give the rows of workloads by original and case."""
    grouped: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        if row.workload in workloads:
            grouped.setdefault(row.case.partition(" ")[0], {}).setdefault(row.case, []).append(row)
    return grouped


def _groups(axis: Any, groups: dict[str, list[Row]], colours: dict[str, str], *, rates: bool = False) -> None:
    """Draw a group of bars for each entry, with the spread of the rounds."""
    for place, of_group in enumerate(groups.values()):
        width = 0.8 / len(of_group)
        for number, row in enumerate(of_group):
            figures = row.rates() if rates else row.cpu_ms()
            if figures is None:
                continue
            spread = Spread.of(figures)
            axis.bar(
                place - 0.4 + width * (number + 0.5),
                spread.middle,
                width * 0.92,
                yerr=[[spread.middle - spread.least], [spread.greatest - spread.middle]],
                error_kw={"elinewidth": 0.7, "ecolor": "#444444"},
                color=colours[row.server],
                alpha=1 if row.kind == SHIPPED else _PALE,
                label=row.server if row.kind == SHIPPED else f"{row.server}, {row.kind}",
            )
    axis.set_xticks(range(len(groups)), list(groups))
    axis.spines[["top", "right"]].set_visible(False)


def _colours(rows: Sequence[Row]) -> dict[str, str]:
    servers = [server for server in dict.fromkeys(row.server for row in rows) if server not in (OURS, hits.BARE)]
    others = {server: _COLOURS[1 + number % (len(_COLOURS) - 1)] for number, server in enumerate(servers)}
    return {OURS: _COLOURS[0], hits.BARE: _GREY, **others}


def _legend(figure: Any) -> None:
    """Name each kind of bar of the whole figure once, beneath it."""
    named: dict[str, Any] = {}
    for one in figure.axes:
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=min(5, len(named)), frameon=False)
