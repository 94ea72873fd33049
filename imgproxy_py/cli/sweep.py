"""`imgproxy-py sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imgproxy_py.cli.refusing import refusals, refuse
from imgproxy_py.settings import Settings
from imgproxy_py.stores.sweeping import Bounds, sweep

NAME = "sweep"
SUMMARY = "Keep a folder of results within bounds."
HELP = (
    "Remove from the folder of results what was unused for too long, then what was unused for longest until few enough "
    "bytes are left. A running service does so by itself where the bounds are set; this is for all others."
)
EXAMPLES = """\b
Examples:
  imgproxy-py sweep
  imgproxy-py sweep --max-bytes 50000000000 --max-age 2592000
"""


def run(
    max_bytes: Annotated[int, typer.Option(min=0, help="Bytes that may be left; by default as set.")] = 0,
    max_age: Annotated[int, typer.Option(min=0, help="Seconds that a result may be unused; by default as set.")] = 0,
    env_file: Annotated[Path | None, typer.Option(help="File of NAME=value lines, below the environment.")] = None,
) -> None:
    """Sweep once."""
    with refusals():
        settings = Settings.load(env_file=env_file)
        bounds = Bounds(
            bytes=max_bytes or settings.result_store_max_bytes, age=max_age or settings.result_store_max_age
        )
        swept = _swept(settings.result_store, bounds)
    typer.echo(swept)


def _swept(store: str, bounds: Bounds) -> str:
    scheme, _, folder = store.partition("://")
    if scheme != "local":
        refuse("IMGPROXY_RESULT_STORE is no folder; what lies in S3 is removed by the bucket's lifecycle rules")
    if bounds == Bounds():
        refuse("nothing bounds the folder: --max-bytes, --max-age, or IMGPROXY_RESULT_STORE_MAX_BYTES or _MAX_AGE")
    try:
        swept = sweep(Path(folder), bounds)
    except OSError as error:
        refuse(f"the folder of results cannot be swept: {error}")
    if swept is None:
        return "another process is sweeping"
    left = f"{swept.files} files of {swept.bytes} bytes left"
    return f"{swept.removed} files of {swept.removed_bytes} bytes removed, {left}"
