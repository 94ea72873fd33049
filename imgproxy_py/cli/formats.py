"""`imgproxy-py formats`."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from imgproxy_py.recipe.formats import ABILITIES, Format

NAME = "formats"
SUMMARY = "Print which formats can be read and written."
HELP = "Print the image formats that are known, which of them this installation reads and writes, and what it lacks."
EXAMPLES = "An SVG is written as it was read, never made from something else."

_HEAD = ("format", "read", "write", "alpha", "animation", "over 8 bit", "media type")


def run() -> None:
    """Print a table of formats and what can be done with them here."""
    from imgproxy_py.engine import libvips  # opens the library, which no other command needs to wait for

    here = libvips.set_up()
    rows = [_HEAD, *(_row(one, one in here.loadable, one in here.savable) for one in Format)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for extra in sorted(_missing(here.loadable, here.savable)):
        typer.echo(f"pip install 'imgproxy_py[{extra}]' adds what is missing of it")
    for line in _slower():
        typer.echo(line)


def _missing(read: frozenset[Format], written: frozenset[Format]) -> set[str]:
    from imgproxy_py.engine.codecs.registry import ENCODER_EXTRAS, EXTRAS

    reading = {extra for kind, extra in EXTRAS.items() if kind not in read}
    return reading | {extra for kind, extra in ENCODER_EXTRAS.items() if kind not in written}


def _slower() -> Iterator[str]:
    from imgproxy_py.engine.codecs import jpeg
    from imgproxy_py.engine.native import library

    if not jpeg.is_decoded_sooner():
        yield "pip install 'imgproxy_py[turbo]' has JPEGs decoded sooner"
    if not jpeg.is_encoded_sooner():
        yield "pip install 'imgproxy_py[turbo-encoder]' has JPEG and WebP written sooner"
    if library() is None:
        yield "built with a C compiler at hand, it makes small pictures of large JPEGs sooner, and converts profiles sooner"


def _row(one: Format, read: bool, write: bool) -> tuple[str, ...]:
    ability = ABILITIES[one]
    answers = (read, write, ability.alpha, ability.animation, ability.high_depth)
    return (str(one), *("yes" if answer else "-" for answer in answers), ability.media_type)
