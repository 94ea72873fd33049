"""`imgproxy-py purge`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from imgproxy_py.cli.refusing import refusals
from imgproxy_py.dialects.imgproxy.source import SourceReader
from imgproxy_py.dialects.lexical import to_base64
from imgproxy_py.dialects.query import QueryConfig, QueryDialect
from imgproxy_py.dialects.query.dialect import MOUNT
from imgproxy_py.edges import Told, open_edges, tell
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.recipe.tags import source_tag
from imgproxy_py.settings import Settings

NAME = "purge"
SUMMARY = "Have the caches in front forget an original's pictures."
HELP = (
    "Have every configured cache in front of the service (Varnish, Fastly, Cloudflare, CloudFront, Akamai, Bunny) forget all "
    "pictures of the originals given, and whatever else carries the tags given. Works by the tags that "
    "IMGPROXY_CACHE_TAG_HEADERS puts on answers. Leaves with 1 if one of the caches refuses."
)
EXAMPLES = """\b
Examples:
  imgproxy-py purge s3://bucket/cat.jpg
  imgproxy-py purge cat.jpg dog.jpg --tag preset-card --varnish http://10.0.0.5:6081
  imgproxy-py purge https://example.com/a.jpg --dry-run    # only tells tags and caches
"""

REFUSED = 1
"""The exit code when a cache refuses."""


def run(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Originals: URLs such as s3://bucket/a.jpg, or keys of the query dialect."),
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag to forget as well, as preset-card.")] = None,
    varnish: Annotated[list[str] | None, typer.Option(help="A Varnish to tell, instead of those that are set.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell tags and caches, and purge nothing.")] = False,
    env_file: Annotated[Path | None, typer.Option(help="File of NAME=value lines, below the environment.")] = None,
) -> None:
    """Tell the caches, print what they said, and leave with 1 if one of them refused."""
    with refusals():
        settings = Settings.load({"purge_varnish_urls": tuple(varnish)} if varnish else {}, env_file)
        tags = _tags(settings, sources or [], tag or [])
        told = asyncio.run(_told(settings, list(tags), dry_run))
    for name, of in tags.items():
        typer.echo(f"{name}  {of}")
    for one in told:
        typer.echo(
            f"{'REFUSED' if one.refused else 'would be told' if dry_run else 'purged':<8} {one.edge}: {one.said}".rstrip(
                ": "
            )
        )
    if any(one.refused for one in told):
        typer.echo(f"imgproxy-py: {sum(one.refused for one in told)} of {len(told)} refused", err=True)
        raise typer.Exit(REFUSED)


def _tags(settings: Settings, sources: Sequence[str], tags: Sequence[str]) -> dict[str, str]:
    """Give the tags, each with what it stands for."""
    if not sources and not tags:
        raise ValueError("nothing to purge: give originals, or tags with --tag")
    if wrong := [one for one in tags if not one or not one.isascii() or not one.isprintable() or set(one) & set(" ,")]:
        raise ValueError(f"{', '.join(map(repr, wrong))}: expected a tag without spaces and commas")
    named = {source_tag(ref): ref.url for one in sources for ref in _meant(settings, one)}
    return named | dict.fromkeys(tags, "as given")


def _meant(settings: Settings, source: str) -> Iterator[SourceRef]:
    """Give the originals that this text names, in URLs of the one dialect or of the other."""
    config = settings.imgproxy_config()
    if "://" in source or config.base_url:
        yield SourceReader(config).read([to_base64(source.encode("utf-8", "surrogateescape"))])[0]
    if "://" not in source:
        root = settings.images_source or ("" if config.base_url else "local:///")
        if root:
            dialect = QueryDialect(QueryConfig(images_source=root, shared=config))
            prefix = config.path_prefix.strip("/")
            target = f"{'/' + prefix if prefix else ''}{MOUNT}{quote(source.removeprefix('/'))}"
            yield dialect.read(dialect.split(target), now=0.0).source


async def _told(settings: Settings, tags: Sequence[str], dry_run: bool) -> list[Told]:
    async with open_edges(settings) as edges:
        if not edges:
            raise ValueError(
                "no cache in front is configured: see IMGPROXY_PURGE_… in docs/settings.md, or give --varnish"
            )
        if dry_run:
            return [Told(edge=edge.name, said="") for edge in edges]
        return await tell(edges, tags)
