"""`imgproxy-py serve`."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated

import structlog
import typer
from aiohttp import web

from imgproxy_py.assembly import open_application
from imgproxy_py.cli.examples import example_urls
from imgproxy_py.cli.refusing import refusals, refuse
from imgproxy_py.dialects.imgproxy import ImgproxyDialect
from imgproxy_py.dialects.imgproxy.info import InfoDialect
from imgproxy_py.engine.detection.opening import warnings as detection_warnings
from imgproxy_py.kinds import UnusableSetting
from imgproxy_py.settings import Settings, SettingsError
from imgproxy_py.telemetry.logs import Logs
from imgproxy_py.web import supervisor, worker
from imgproxy_py.web.tuning import tune

NAME = "serve"
SUMMARY = "Answer requests for pictures."
HELP = (
    "Answer requests for pictures until SIGTERM or SIGINT; then finish what was begun, and end. Everything else is set "
    "in the environment, see `imgproxy-py settings`; flags beat it."
)
EXAMPLES = """\b
Examples:
  imgproxy-py serve --demo var/samples
  IMGPROXY_USE_S3=true imgproxy-py serve --bind :8080 --workers 4
  imgproxy-py serve --env-file /etc/imgproxy.env --bind unix:/run/imgproxy.sock
"""

_log = structlog.get_logger()


def run(
    bind: Annotated[
        str | None, typer.Option(help="Address to listen on: host:port, :port, [v6]:port or unix:/path.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that answer (IMGPROXY_PROCESSES). Threads for pictures are IMGPROXY_WORKERS."),
    ] = None,
    env_file: Annotated[Path | None, typer.Option(help="File of NAME=value lines, below the environment.")] = None,
    log_level: Annotated[str | None, typer.Option(help="The least that is logged: debug, info, warn, error.")] = None,
    demo: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            metavar="FOLDER",
            help="Serve the pictures of a folder, at local:///… and /images/…, and print URLs to open.",
        ),
    ] = None,
) -> None:
    """Serve, and leave with the server's exit code."""
    flags = {"bind": bind, "processes": workers, "log_level": log_level, **_demo_settings(demo)}
    with refusals():
        settings = Settings.load({name: value for name, value in flags.items() if value is not None}, env_file)
        ImgproxyDialect(settings.imgproxy_config())  # says what is wrong with presets before anything listens
        InfoDialect(settings.info_config())
    with Logs(settings, alone=settings.processes == 1) as logs:
        if worker.POST not in os.environ:  # workers would say the same again
            _warn(settings)
            _show(example_urls(settings, demo) if demo else [])
        code = _serve(settings, logs)
    raise typer.Exit(code)


def _demo_settings(folder: Path | None) -> dict[str, str]:
    if folder is None:
        return {}
    return {"local_filesystem_root": str(folder.resolve()), "images_source": "local:///"}


def _serve(settings: Settings, logs: Logs) -> int:
    def make() -> AbstractAsyncContextManager[web.Application]:
        return open_application(settings, logs)

    tune()
    # Workers come back here by the very command that started us, so that their settings are ours.
    again = (sys.executable, *sys.orig_argv[1:])
    try:
        return supervisor.run(make, settings=settings, metrics=settings, command=again)
    except (SettingsError, UnusableSetting) as error:  # what can be seen only when it is opened
        refuse(str(error))
    except OSError as error:
        refuse(f"IMGPROXY_BIND={settings.bind!r}: {os.strerror(error.errno or 0)}, expected an address to listen on")


def _warn(settings: Settings) -> None:
    """Log what an operator should know of his settings."""
    for name in settings.unused():
        _log.warning("setting_without_effect", name=name)
    for name, switch in settings.idle():
        _log.warning("setting_without_effect", name=name, without=switch)
    for one in settings.unknown():
        _log.warning("setting_unknown", name=one.name, meant=one.meant)
    if not settings.key_pairs():
        _log.warning("signatures_not_required", hint="anybody may ask for any picture until keys and salts are set")
        if settings.cookie_passthrough and settings.cookie_passthrough_all:
            _log.warning("cookies_passed_to_anybody", hint="whoever writes a URL chooses the server that gets them")
    if settings.allow_private_source_addresses:
        _log.warning("private_sources_allowed", hint="IMGPROXY_ALLOW_PRIVATE_SOURCE_ADDRESSES=false refuses them")
    for line in detection_warnings(settings):
        _log.warning("detection_missing", hint=line)


def _show(urls: list[str]) -> None:
    if urls:
        typer.echo("\n".join(["Open one of these:", *(f"  {one}" for one in urls)]), err=True)
