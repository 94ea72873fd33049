"""`imgproxy-py render`."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from imgproxy_py.cli.originals import original_bytes
from imgproxy_py.cli.refusing import refusals, refuse
from imgproxy_py.dialects.imgproxy import ImgproxyDialect
from imgproxy_py.recipe.formats import ABILITIES, FORMAT_NAMES, Format
from imgproxy_py.recipe.model import Recipe
from imgproxy_py.recipe.picture import Picture
from imgproxy_py.settings import Settings

NAME = "render"
SUMMARY = "Make a picture without a server."
HELP = "Make a picture without a server: the same engine, limits and time-out, from a file, standard input or a URL."
EXAMPLES = """\b
Examples:
  imgproxy-py render photo.jpg rs:fill:400:300 g:sm -o card.webp
  imgproxy-py render https://example.com/a.jpg w:300 -o a.avif
  imgproxy-py render - pd:20 bg:fff -o - < logo.png > framed.png
"""

_STANDARD_OUTPUT = "-"
_PLACEHOLDER = ".json"


def run(
    source: Annotated[str, typer.Argument(help="The original: a file, - for standard input, or a URL.")],
    options: Annotated[list[str] | None, typer.Argument(help="Options of the imgproxy dialect, as w:300 q:80.")] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", help="Where to: a file, whose ending names the format, or -.")
    ] = "-",
    env_file: Annotated[Path | None, typer.Option(help="File of NAME=value lines, below the environment.")] = None,
) -> None:
    """Make one picture."""
    with refusals():
        settings = Settings.load(env_file=env_file)
        recipe = _recipe(settings, options or [], _named_format(output))
        picture = _made(settings, original_bytes(settings, source), recipe)
    _write(picture, output)
    typer.echo(_summary(picture), err=True)


def _recipe(settings: Settings, options: list[str], named: Format | None) -> Recipe:
    dialect = ImgproxyDialect(replace(settings.imgproxy_config(), pairs=(), only_presets=False, path_prefix=""))
    target = "/".join(["/unsafe", *options, "plain/local:///original"])
    recipe = dialect.parse(target, now=time.time()).recipe
    chosen = recipe.output.format or recipe.output.placeholder
    if chosen is None and not recipe.output.best and named is not None:
        recipe = replace(recipe, output=replace(recipe.output, format=named))
    return recipe


def _named_format(output: str) -> Format | None:
    extension = Path(output).suffix.lower()
    if output == _STANDARD_OUTPUT or extension in ("", _PLACEHOLDER):
        return None
    by_extension = {one.extension: kind for kind, one in ABILITIES.items()}
    found = by_extension.get(extension) or FORMAT_NAMES.get(extension[1:])
    if found is None:
        refuse(f"{output!r}: expected a file that ends in one of {' '.join(sorted(by_extension))}")
    return found


def _made(settings: Settings, data: bytes, recipe: Recipe) -> Picture:
    from imgproxy_py.engine.interrupt import Interrupt  # opens libvips, which wrong options need not wait for
    from imgproxy_py.engine.transformer import Transformer

    transformer, interrupt = Transformer(settings), Interrupt()
    transformer.check(recipe.output)
    timer = threading.Timer(settings.timeout, interrupt.stop)
    timer.start()
    try:
        return transformer.transform(data, recipe, interrupt)
    finally:
        timer.cancel()


def _write(picture: Picture, output: str) -> None:
    if output == _STANDARD_OUTPUT:
        sys.stdout.buffer.write(picture.data)
        return
    try:
        Path(output).write_bytes(picture.data)
    except OSError as error:
        refuse(f"{output!r}: {error.strerror}, expected a file that can be written")


def _summary(picture: Picture) -> str:
    spent = picture.timings
    return (
        f"{picture.origin_format} {picture.origin_width}×{picture.origin_height} {picture.origin_bytes} bytes → "
        f"{picture.kind} {picture.width}×{picture.height} {len(picture.data)} bytes in "
        f"{spent.decode + spent.transform + spent.encode:.0f} ms"
    )
