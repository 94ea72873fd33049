"""`imgproxy-py warm`."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from aiohttp import ClientSession

from imgproxy_py.cli.progress import Progressed, shown
from imgproxy_py.cli.refusing import refusals
from imgproxy_py.cli.url import target_signer
from imgproxy_py.errors import ImgproxyError
from imgproxy_py.settings import Settings
from imgproxy_py.warming.addressing import addressed, checked_base, filled
from imgproxy_py.warming.journal import Journal
from imgproxy_py.warming.lists import read_list
from imgproxy_py.warming.loading import STANDARD_INPUT, load
from imgproxy_py.warming.outcomes import Outcome, Tally
from imgproxy_py.warming.pace import Pace
from imgproxy_py.warming.warmer import DEFAULT, Warmer, accept_header, open_session

NAME = "warm"
SUMMARY = "Ask for pictures, so that caches have them."
HELP = (
    "Ask for every picture of a list, so that the service's caches and those in front have them before anybody waits. The list "
    "is a text (one URL or path a line, # for comments), a CSV with a column, or a sitemap (its pictures, else its pages; "
    "indexes are followed), as a file, at a URL, or - for standard input; gzip is undone. What is done is written down beside "
    "the list: begun again, it goes on where it was. Leaves with 1 if pictures failed, which are listed in LIST.failed, "
    "itself a list to be warmed, and with 130 if it was interrupted."
)
EXAMPLES = """\b
Examples:
  imgproxy-py warm urls.txt --base https://img.example.com --accept avif --accept webp --accept jpeg
  imgproxy-py warm https://www.example.com/sitemap.xml --rate 20
  imgproxy-py warm originals.csv --column key --base http://127.0.0.1:8080 --sign \\
    --template '/images/{source}?w={width}&format=webp' --width 320 --width 640 --width 1280
  imgproxy-py warm originals.txt --base https://img.example.com --sign --template '/rs:fill:300:200/plain/{source}@webp'
  imgproxy-py warm urls.txt --base http://127.0.0.1:8080        # again after an interruption: the rest of them
  imgproxy-py warm urls.txt.failed                              # those that failed, once more
"""

FAILED, INTERRUPTED = 1, 130
"""Exit codes: pictures failed; a signal ended it."""

_SHOWN_FAILURES = 10


def run(
    source: Annotated[str, typer.Argument(metavar="LIST", help="The list: a file, an http or https URL, or -.")],
    base: Annotated[
        str, typer.Option(help="Address of the service or the CDN; replaces that of whole URLs, too.", metavar="URL")
    ] = "",
    accept: Annotated[
        list[str] | None,
        typer.Option(help="A kind of client to ask as: avif, webp, jxl, or jpeg for the oldest. May be repeated."),
    ] = None,
    column: Annotated[str, typer.Option(help="The CSV's column; url for files that end in .csv or .tsv.")] = "",
    template: Annotated[
        str, typer.Option(help="The URL of an entry: {source} or {base64} stand for it, {width} for each --width.")
    ] = "",
    width: Annotated[list[int] | None, typer.Option(min=1, help="A width for the template. May be repeated.")] = None,
    sign: Annotated[
        bool,
        typer.Option("--sign", help="Sign with the service's keys; /unsafe/… and paths without a signature alike."),
    ] = False,
    authorize: Annotated[
        bool, typer.Option("--authorize", help="Send IMGPROXY_SECRET as Authorization: Bearer to --base.")
    ] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Pictures asked for at once.")] = 4,
    rate: Annotated[float, typer.Option(min=0, help="Requests begun in a second at most; 0 for no limit.")] = 0.0,
    attempts: Annotated[int, typer.Option(min=1, help="Tries for a picture that may come later.")] = 5,
    timeout: Annotated[float, typer.Option(min=0.001, help="Seconds that one answer may take.")] = 30.0,
    journal: Annotated[
        Path | None, typer.Option(help="Where to write down what is done; LIST.warmed for a file, else nowhere.")
    ] = None,
    failures: Annotated[
        Path | None, typer.Option(help="Where to list what failed; LIST.failed for a file, else nowhere.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, whatever was done before.")] = False,
    env_file: Annotated[Path | None, typer.Option(help="File of NAME=value lines, below the environment.")] = None,
) -> None:
    """Ask for all pictures, say what came of it, and leave with 1 if some failed."""
    with refusals():
        order = Order(
            source=source,
            base=checked_base(base),
            variants=_known_variants(accept or [DEFAULT]),
            column=column,
            template=template,
            widths=tuple(dict.fromkeys(width or [])),
            journal=journal or _beside(source, ".warmed"),
            failures=failures or _beside(source, ".failed"),
            fresh=fresh,
            concurrency=concurrency,
            rate=rate,
            attempts=attempts,
            timeout=timeout,
            headers=_authorization(env_file, base) if authorize else {},
            sign=_signing(env_file) if sign else lambda target: target,
        )
        code = asyncio.run(_warmed(order))
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be warmed, and how."""

    source: str
    base: str
    variants: tuple[str, ...]
    column: str
    template: str
    widths: tuple[int, ...]
    journal: Path | None
    failures: Path | None
    fresh: bool
    concurrency: int
    rate: float
    attempts: int
    timeout: float
    headers: dict[str, str]
    sign: Callable[[str], str]


def _known_variants(given: Sequence[str]) -> tuple[str, ...]:
    """Give each kind of client once; raises `ValueError` for an unknown one."""
    for variant in given:
        accept_header(variant)
    return tuple(dict.fromkeys(given))


def _beside(source: str, suffix: str) -> Path | None:
    """Give the path beside a list that is a file."""
    return None if source == STANDARD_INPUT or "://" in source else Path(source + suffix)


def _authorization(env_file: Path | None, base: str) -> dict[str, str]:
    secret = Settings.load(env_file=env_file).secret.get_secret_value()
    if not secret or not base:
        raise ValueError("--authorize needs IMGPROXY_SECRET, and --base to say who gets it")
    return {"Authorization": f"Bearer {secret}"}


def _signing(env_file: Path | None) -> Callable[[str], str]:
    settings = Settings.load(env_file=env_file)
    if not settings.key_pairs():
        raise ValueError("--sign needs IMGPROXY_KEY and IMGPROXY_SALT")
    sign = target_signer(settings)

    def signed(target: str) -> str:
        try:
            return sign(target)
        except ImgproxyError as error:
            raise ValueError(str(error)) from None  # who reads the list names the entry

    return signed


async def _warmed(order: Order) -> int:
    """Warm, tell what came of it, and give the exit code."""
    async with open_session(order.concurrency, order.timeout) as session:
        urls = await _urls(order, session)
        with Journal(order.journal, fresh=order.fresh) as journal, shown(len(urls)) as progress:
            warmer = _warmer(order, session, journal, progress)
            started = time.monotonic()
            interrupted = await _ended(warmer, urls)
            if not interrupted and not warmer.tally.failures:
                journal.forget()
    _tell(order, warmer.tally, time.monotonic() - started)
    _list_failures(order.failures, warmer.tally.failures)
    return _code(order, warmer.tally, interrupted=interrupted)


async def _urls(order: Order, session: ClientSession) -> list[str]:
    """Give every URL of the list once; raises `ValueError` if there is none."""
    entries = await read_list(order.source, lambda place: load(place, session), column=order.column)
    if order.template:
        entries = list(filled(entries, order.template, order.widths))
    elif order.widths:
        raise ValueError("--width needs a --template with {width}")
    urls = list(dict.fromkeys(addressed(entries, order.base, order.sign)))
    if not urls:
        raise ValueError(f"{order.source}: an empty list")
    return urls


def _warmer(order: Order, session: ClientSession, journal: Journal, progress: Progressed) -> Warmer:
    return Warmer(
        session=session,
        journal=journal,
        variants=order.variants,
        headers=order.headers,
        concurrency=order.concurrency,
        attempts=order.attempts,
        pace=Pace(order.rate),
        progress=progress,
    )


async def _ended(warmer: Warmer, urls: Sequence[str]) -> bool:
    """Warm, and tell whether a signal ended it before its time."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - for the type checker: a coroutine runs in a task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await warmer.warm(urls)
    except asyncio.CancelledError:
        return True
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
    return False


def _tell(order: Order, tally: Tally, seconds: float) -> None:
    speed = tally.asked / seconds if seconds else 0.0
    typer.echo(f"{'warmed':<24}{tally.warmed:>10,}  in {seconds:.1f} s, {speed:.1f}/s, {tally.bytes / 1e6:,.1f} MB")
    for cache, count in tally.caches.most_common():
        typer.echo(f"  {cache:<22}{count:>10,}")
    for name, count in (("the same for all", tally.same), ("done before", tally.skipped)):
        if count:
            typer.echo(f"{name:<24}{count:>10,}")
    if tally.attempts > tally.asked:
        typer.echo(f"{'tried again':<24}{tally.attempts - tally.asked:>10,}")
    typer.echo(f"{'failed':<24}{len(tally.failures):>10,}{_where(order, tally.failures)}")


def _where(order: Order, failures: Sequence[Outcome]) -> str:
    if not failures:
        return ""
    if order.failures is None:
        for one in failures[:_SHOWN_FAILURES]:
            typer.echo(f"{one.url}  {one.error}", err=True)
        return ""
    return f"  listed in {order.failures}"


def _code(order: Order, tally: Tally, *, interrupted: bool) -> int:
    if interrupted:
        again = "; the same command goes on from here" if order.journal else ""
        typer.echo(f"imgproxy-py: interrupted{again}", err=True)
        return INTERRUPTED
    return FAILED if tally.failures else 0


def _list_failures(path: Path | None, failures: Sequence[Outcome]) -> None:
    if path is None:
        return
    if not failures:
        path.unlink(missing_ok=True)
        return
    path.write_text("".join(f"# {one.error}; as {one.variant}\n{one.url}\n" for one in failures))
