"""The command line: one command a file, listed in `app`."""

from imgproxy_py.cli.app import app, main

__all__ = ["app", "main"]
