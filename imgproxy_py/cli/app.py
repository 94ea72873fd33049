"""All commands, and what happens when one refuses."""

from __future__ import annotations

import typer

from imgproxy_py.cli import capacity, explain, formats, purge, render, serve, settings, sweep, url, version, warm

app = typer.Typer(
    name="imgproxy-py",
    help="An image service for the place behind a CDN: imgproxy's URLs, libvips, S3, Redis.",
    epilog="Settings are environment variables; `imgproxy-py settings` lists them. Each command explains itself: "
    "`imgproxy-py url --help`.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain text reads the same in terminals, logs and tests
    pretty_exceptions_enable=False,
)

for _command in (serve, url, explain, render, purge, warm, sweep, capacity, settings, formats, version):
    app.command(_command.NAME, short_help=_command.SUMMARY, help=_command.HELP, epilog=_command.EXAMPLES)(_command.run)


def main() -> None:
    """Run the command that the process was started with; exits with 2 if something given is wrong."""
    app()
