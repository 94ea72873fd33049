"""How a long command shows how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from imgproxy_py.warming.outcomes import Tally

_LINES_EVERY = 10.0  # seconds between lines of progress where there is no terminal

Progressed = Callable[[Tally], None]
"""Hears of every URL that is through."""


def shown(total: int) -> AbstractContextManager[Progressed]:
    """Show on standard error how far it is with so many URLs: a bar on a terminal, else a line now and then."""
    console = Console(stderr=True)
    return _bar(console, total) if console.is_terminal else nullcontext(_lines(total))


@contextmanager
def _bar(console: Console, total: int) -> Iterator[Progressed]:
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total)

        def progressed(tally: Tally) -> None:
            bar.update(task, advance=1, description=_brief(tally))

        yield progressed


def _lines(total: int) -> Progressed:
    done, next_at = 0, time.monotonic() + _LINES_EVERY

    def progressed(tally: Tally) -> None:
        nonlocal done, next_at
        done += 1
        if time.monotonic() >= next_at:
            next_at = time.monotonic() + _LINES_EVERY
            typer.echo(f"{done} of {total}: {_brief(tally)}", err=True)

    return progressed


def _brief(tally: Tally) -> str:
    made, failed = tally.caches["made"], len(tally.failures)
    return f"{tally.warmed} warmed, {made} of them made, {failed} failed, {tally.bytes / 1e6:.1f} MB"
