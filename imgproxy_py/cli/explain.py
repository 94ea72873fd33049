"""`imgproxy-py explain`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from imgproxy_py.cli.originals import fetched, original_bytes
from imgproxy_py.cli.refusing import refusals
from imgproxy_py.dialects.imgproxy import ImgproxyDialect
from imgproxy_py.dialects.imgproxy.options.output import BEST
from imgproxy_py.dialects.port import Dialect, SignedPath
from imgproxy_py.dialects.query import QueryDialect
from imgproxy_py.dialects.query.dialect import MOUNT
from imgproxy_py.engine.opening import Opened
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.engine.work import plan_for
from imgproxy_py.errors import ImgproxyError
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.frames import may_animate
from imgproxy_py.recipe.geometry import Plan, Size, load_shrink, result_size
from imgproxy_py.recipe.identity import cache_key, canonical, recipe_digest
from imgproxy_py.recipe.model import Output, Recipe
from imgproxy_py.recipe.negotiation import Negotiation
from imgproxy_py.recipe.request import ImageRequest
from imgproxy_py.settings import Settings

NAME = "explain"
SUMMARY = "Print what a URL means."
HELP = (
    "Print what a URL means: what it asks for, whether its signature holds and over which bytes, the format and why, the "
    "cache key, how long the picture counts, and, for an original that is given or fetched, every number of the plan."
)
EXAMPLES = """\b
Examples:
  imgproxy-py explain /unsafe/rs:fit:300:200/plain/https://example.com/a.jpg@webp
  imgproxy-py explain 'http://127.0.0.1:8080/images/a.jpg?w=400' --accept image/avif,image/webp
  imgproxy-py explain /unsafe/w:300/plain/local:///a.jpg --original a.jpg
  imgproxy-py explain /unsafe/w:300/plain/https://example.com/a.jpg --fetch
"""


def run(
    url: Annotated[str, typer.Argument(help="The URL, or its path and query.")],
    accept: Annotated[str, typer.Option(help="The client's Accept header.")] = "",
    original: Annotated[str, typer.Option(help="The original, to plan for: a file or - for standard input.")] = "",
    fetch: Annotated[bool, typer.Option("--fetch", help="Fetch the original, to plan for it.")] = False,
    env_file: Annotated[Path | None, typer.Option(help="File of NAME=value lines, below the environment.")] = None,
) -> None:
    """Print what the URL means, as far as it can be understood."""
    with refusals():
        settings = Settings.load(env_file=env_file)
        for name, value in _explained(settings, _target(url), accept, original, fetch):
            typer.echo(f"{name:<12} {value}")


Lines = Iterator[tuple[str, str]]


def _target(url: str) -> str:
    parts = urlsplit(url)
    if not (parts.scheme in ("http", "https") and parts.netloc):
        return url if url.startswith("/") else f"/{url}"
    return url.partition("://")[2].partition("/")[1] + url.partition("://")[2].partition("/")[2]


def _explained(settings: Settings, target: str, accept: str, original: str, fetch: bool) -> Lines:
    transformer = Transformer(settings)
    savable = transformer.abilities.savable
    query_config = settings.query_config(savable)
    dialect: Dialect = ImgproxyDialect(settings.imgproxy_config())
    negotiation = settings.switched_negotiation(savable)
    if query_config and target.startswith(settings.path_prefix + MOUNT):
        dialect, negotiation = QueryDialect(query_config), settings.listed_negotiation(savable)
    yield "dialect", "query" if isinstance(dialect, QueryDialect) else "imgproxy"
    path = dialect.split(target)
    yield from _signature(dialect, path)
    request = dialect.read(path, now=time.time())
    yield from _asked(dialect, request)
    recipe = _negotiated(request.recipe, negotiation, accept, settings.max_animation_frames)
    yield from _format(recipe.output, negotiation, request.recipe.output)
    yield "cache key", cache_key(request.source, recipe, transformer.epoch)
    yield "policy", "past all caches" if request.past_caches else str(settings.policies().of(request))
    if original or fetch:
        data = original_bytes(settings, original) if original else fetched(settings, request.source)
        yield from _planned(transformer, transformer.open(data, recipe), recipe)
    else:
        yield "plan", "depends on the original: give it with --original FILE, or have it fetched with --fetch"


def _signature(dialect: Dialect, path: SignedPath) -> Lines:
    yield "signed text", " or ".join(dialect.signed_texts(path))
    try:
        dialect.verify(path)
    except ImgproxyError as error:
        yield "signature", f"{path.signature!r}: {error}"
    else:
        holds = "holds" if dialect.signing else "is not looked at: no keys are configured"
        yield "signature", f"{path.signature!r} {holds}"


def _asked(dialect: Dialect, request: ImageRequest) -> Lines:
    version = f" in version {request.source.version}" if request.source.version else ""
    yield "source", request.source.url + version
    yield "recipe", f"{canonical(request.recipe)} ({recipe_digest(request.recipe)})"
    yield "delivery", canonical(request.delivery)
    try:
        yield "canonical", dialect.write(request)
    except ValueError as error:
        yield "canonical", str(error)


def _negotiated(recipe: Recipe, negotiation: Negotiation, accept: str, frames: int) -> Recipe:
    output = negotiation.negotiated(recipe.output, accept, animations=may_animate(recipe, frames))
    return replace(recipe, output=output)


def _format(output: Output, negotiation: Negotiation, asked: Output) -> Lines:
    if output.placeholder is not None:
        why = f"{output.placeholder}: a placeholder, as JSON"
    elif output.best:
        tried = ", ".join(output.accepted) + (" and " if output.accepted else "")
        why = f"best: the smallest of {tried}the preferred formats"
    elif output.accepted:
        best = ", or for an animation ".join(output.accepted)
        why = f"{best}: the best of those negotiated here that the client accepts"
    elif output.format is not None:
        why = f"{output.format}: the URL names it"
    else:
        why = "the original's own if it is a preferred format, else the first preferred one that can hold the picture"
    yield "format", why
    yield "vary", "Accept" if negotiation.varies(asked) else "nothing"


def _planned(transformer: Transformer, opened: Opened, recipe: Recipe) -> Lines:
    header, stage = opened.header, recipe.stages[0]
    yield "original", canonical(header)
    limits = transformer.limits.overridden(recipe.limits)
    size = Size(header.width, header.height)
    numbers = plan_for(stage, size, header, limits, vector=header.format is Format.SVG)
    shrink = load_shrink(numbers, header.format) if opened.frames == 1 else 1
    yield "plan", f"shrink on load {shrink:g}; {_numbers(numbers)}"
    if opened.frames > 1:
        yield "", f"for each of {opened.frames} frames"
    elif stage.trim is not None:
        yield "", "trimming comes first and makes these numbers anew"
    width, height = result_size(stage, numbers)
    output = recipe.output
    kind = BEST if output.best else output.placeholder or transformer.choice.format_of(header, recipe)
    yield "result", f"{kind} {width}×{height}"


def _numbers(numbers: Plan) -> str:
    return (
        f"logical {_size(numbers.source)}, crop {_size(numbers.crop)}, "
        f"scale {numbers.scale_x:.6g}×{numbers.scale_y:.6g} to {_size(numbers.scaled)}, "
        f"cut to {_size(numbers.result_crop)}, target {_size(numbers.target)}, effective dpr {numbers.dpr:g}"
    )


def _size(size: Size) -> str:
    return f"{size.width}×{size.height}"
