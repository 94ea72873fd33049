"""How commands get at originals: a file, standard input, or any source that the service would fetch from."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from imgproxy_py.assembly import open_studio
from imgproxy_py.errors import SourceMissing
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.settings import Settings
from imgproxy_py.sources.port import whole

STANDARD_INPUT = "-"


def original_bytes(settings: Settings, source: str) -> bytes:
    """Give the bytes of an original: `-` for standard input, a file's path, or a URL of a source.

    Raises the errors of sources; a file that is not there is a `SourceMissing`.
    """
    if source == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    scheme, found, location = source.partition("://")
    if found:
        return fetched(settings, SourceRef(scheme=scheme, location=location))
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise SourceMissing(f"{source!r}: {error.strerror}, expected a readable file, a URL, or -") from error


def fetched(settings: Settings, ref: SourceRef) -> bytes:
    """Fetch an original as the service does, with the same guards and limits."""
    return asyncio.run(_fetch(settings, ref))


async def _fetch(settings: Settings, ref: SourceRef) -> bytes:
    async with open_studio(settings) as studio:
        return whole(await studio.sources.fetch(ref, max_bytes=settings.max_src_file_size)).data
