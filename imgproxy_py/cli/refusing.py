"""How commands refuse: the reason on standard error, naming the value and what was expected, and exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from imgproxy_py.errors import ImgproxyError
from imgproxy_py.settings import SettingsError

WRONG = 2
"""The exit code when something that was given is wrong."""


def refuse(reason: str) -> NoReturn:
    """Say why on standard error and leave with exit code 2."""
    typer.echo(f"imgproxy-py: {reason}", err=True)
    raise typer.Exit(WRONG)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what settings, dialects and sources refuse into refusals of the command."""
    try:
        yield
    except (SettingsError, ImgproxyError, ValueError) as error:
        refuse(str(error))
