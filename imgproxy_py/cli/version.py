"""`imgproxy-py version`."""

from __future__ import annotations

import platform

import typer

from imgproxy_py import __version__

NAME = "version"
SUMMARY = "Print the versions in use."
HELP = "Print the versions of imgproxy_py, of libvips and of Python."
EXAMPLES = ""


def run() -> None:
    """Print the versions that bug reports ask for."""
    from imgproxy_py.engine import libvips  # opens the library, which no other command needs to wait for

    typer.echo(f"imgproxy_py {__version__}, libvips {libvips.version()}, Python {platform.python_version()}")
