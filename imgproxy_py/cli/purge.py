"""`imgproxy-py purge`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from imgproxy_py.caches.connection import RedisConnection
from imgproxy_py.caches.journal import MOST_NAMES, RedisJournal
from imgproxy_py.caches.purges import Purges
from imgproxy_py.cli.refusing import refusals
from imgproxy_py.edges import Told, is_path, open_edges, tell
from imgproxy_py.errors import PurgeUnavailable
from imgproxy_py.recipe.tags import is_tag, source_tag
from imgproxy_py.settings import Settings

NAME = "purge"
SUMMARY = "Have all caches forget an original's pictures."
HELP = (
    "Have the service's own caches (every process's memory, Redis, the store of results; needs Redis) and then every "
    "configured cache in front (Varnish, Fastly, Cloudflare, CloudFront, Akamai, Bunny) forget all pictures of the originals "
    "given, and whatever else carries the tags given. Caches in front know the tags that IMGPROXY_CACHE_TAG_HEADERS puts on "
    "answers; prefixes reach our own caches alone, paths only CloudFront. Leaves with 1 if one of the caches refuses."
)
EXAMPLES = """\b
Examples:
  imgproxy-py purge s3://bucket/cat.jpg
  imgproxy-py purge cat.jpg dog.jpg --tag preset-card --varnish http://10.0.0.5:6081
  imgproxy-py purge --prefix s3://bucket/2024/ --path '/images/2024/*'
  imgproxy-py purge https://example.com/a.jpg --dry-run    # only tells tags and caches
"""

OURS = "our own caches"
REFUSED = 1
"""The exit code when a cache refuses."""


def run(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Originals: URLs such as s3://bucket/a.jpg, or keys of the query dialect."),
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag to forget as well, as preset-card.")] = None,
    prefix: Annotated[
        list[str] | None,
        typer.Option(help="How the URLs of originals begin that are to be forgotten, as s3://bucket/2024/."),
    ] = None,
    path: Annotated[
        list[str] | None,
        typer.Option(
            help="A path of pictures to be forgotten in front, as '/images/2024/*'; CloudFront alone knows paths."
        ),
    ] = None,
    varnish: Annotated[list[str] | None, typer.Option(help="A Varnish to tell, instead of those that are set.")] = None,
    no_edges: Annotated[bool, typer.Option("--no-edges", help="Leave the caches in front alone.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell tags and caches, and purge nothing.")] = False,
    env_file: Annotated[Path | None, typer.Option(help="File of NAME=value lines, below the environment.")] = None,
) -> None:
    """Tell the caches, print what they said, and leave with 1 if one of them refused."""
    with refusals():
        settings = Settings.load({"purge_varnish_urls": tuple(varnish)} if varnish else {}, env_file)
        tags = _tags(settings, sources or [], tag or [])
        prefixes = tuple(dict.fromkeys(ref.url for one in prefix or [] for ref in settings.named_beginnings(one)))
        paths = _paths(path or [])
        _check(tags, prefixes, paths)
        told = asyncio.run(_told(settings, list(tags), prefixes, paths, edges=not no_edges, dry_run=dry_run))
    named = [*((one, "as a prefix") for one in prefixes), *((one, "as a path") for one in paths)]
    for name, of in [*tags.items(), *named]:
        typer.echo(f"{name}  {of}")
    for one in told:
        done = "REFUSED" if one.refused else "would be told" if dry_run else "purged"
        typer.echo(f"{done:<8} {one.edge}: {one.said}".rstrip(": "))
    if any(one.refused for one in told):
        typer.echo(f"imgproxy-py: {sum(one.refused for one in told)} of {len(told)} refused", err=True)
        raise typer.Exit(REFUSED)


def _tags(settings: Settings, sources: Sequence[str], tags: Sequence[str]) -> dict[str, str]:
    """Give the tags, each with what it stands for."""
    if wrong := [one for one in tags if not is_tag(one)]:
        raise ValueError(
            f"{', '.join(map(repr, wrong))}: expected a tag of 1 to 128 visible ASCII characters without commas"
        )
    named = {source_tag(ref): ref.url for one in sources for ref in settings.named_originals(one)}
    return named | dict.fromkeys(tags, "as given")


def _paths(paths: Sequence[str]) -> tuple[str, ...]:
    if wrong := [one for one in paths if not is_path(one)]:
        raise ValueError(f"{', '.join(map(repr, wrong))}: expected a path as it goes on the wire, * at its end only")
    return tuple(dict.fromkeys(paths))


def _check(tags: Mapping[str, str], prefixes: Sequence[str], paths: Sequence[str]) -> None:
    names = len(tags) + len(prefixes) + len(paths)
    if not names:
        raise ValueError("nothing to purge: give originals, tags with --tag, --prefix, or --path")
    if names > MOST_NAMES:
        raise ValueError(f"{names} names at once, expected {MOST_NAMES} at most")


async def _told(
    settings: Settings,
    tags: Sequence[str],
    prefixes: Sequence[str],
    paths: Sequence[str],
    *,
    edges: bool,
    dry_run: bool,
) -> list[Told]:
    ours = bool(settings.redis_url.get_secret_value()) and bool(tags or prefixes)
    async with open_edges(settings) as configured:
        front = configured if edges and (tags or paths) else ()
        if paths and not front:
            raise ValueError("paths are for caches in front, and none is told")
        if not ours and not front:
            raise ValueError(
                "nobody to tell: neither IMGPROXY_REDIS_URL is set nor a cache in front that knows tags; see IMGPROXY_PURGE_… "
                "in docs/settings.md, or give --varnish"
            )
        if dry_run:
            return [Told(edge=OURS, said="")] * ours + [Told(edge=edge.name, said="") for edge in front]
        # Ours first: those in front would fill themselves with the old again.
        told = [await _recorded(settings, tags, prefixes)] if ours else []
        return told + await tell(front, tags, paths)


async def _recorded(settings: Settings, tags: Sequence[str], prefixes: Sequence[str]) -> Told:
    try:
        async with RedisConnection(settings) as connection:
            journal = RedisJournal(connection, Purges(), settings, lifetime=settings.picture_lifetime())
            recorded = await journal.record(tags, prefixes)
    except PurgeUnavailable as error:
        return Told(edge=OURS, said=error.detail, refused=True)
    return Told(edge=OURS, said=f"{recorded.processes} processes told at once")
