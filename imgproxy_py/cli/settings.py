"""`imgproxy-py settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imgproxy_py.cli.refusing import refusals
from imgproxy_py.settings import Settings, current, reference

NAME = "settings"
SUMMARY = "Print what can be set, or what is set."
HELP = (
    "Print the reference of all settings as Markdown, or, with --current, their effective values as NAME=value lines "
    "with secrets masked."
)
EXAMPLES = """\b
Examples:
  imgproxy-py settings | less
  imgproxy-py settings --current | grep REDIS
  IMGPROXY_QUALITY=loud imgproxy-py settings --current    # says what is wrong, exit code 2
"""


def run(
    effective: Annotated[bool, typer.Option("--current", help="Print effective values instead.")] = False,
    env_file: Annotated[
        Path | None, typer.Option("--env-file", help="File of NAME=value lines, below the environment.")
    ] = None,
) -> None:
    """Print the reference, or the effective values."""
    if not effective:
        typer.echo(reference(), nl=False)
        return
    with refusals():
        loaded = Settings.load(env_file=env_file)
    typer.echo(current(loaded), nl=False)
    for line in loaded.warnings():
        typer.echo(f"imgproxy-py: {line}", err=True)
