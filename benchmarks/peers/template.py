"""Any further server, already running, described by the URL that it is asked by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.peers import CannotRun, Server, Wanted
from benchmarks.processes import get, listener

PLACEHOLDERS = ("source", "width", "height", "format", "quality")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_PLACEHOLDER = re.compile(r"\{(\w*)\}")


class Template:
    """`NAME=URL-template`, as `--peer` takes it; raises `ValueError` for one that cannot be."""

    keeps = True  # or not: it is as whoever started it wants it

    def __init__(self, text: str) -> None:
        self.name, equals, url = text.partition("=")
        parts = urlsplit(url)
        if not (self.name and equals and parts.scheme == "http" and parts.hostname and parts.path):
            raise ValueError(f"{text!r} is not NAME=http://host:port/path with placeholders")
        unknown = set(_PLACEHOLDER.findall(url)) - set(PLACEHOLDERS)
        if unknown or "{source}" not in url:
            raise ValueError(f"placeholders are {', '.join(PLACEHOLDERS)}, and {{source}} must be there")
        self._host, self._port = parts.hostname, parts.port or 80
        self._target = url.partition("://")[2].partition("/")[2]

    @property
    def takes_quality(self) -> bool:
        return "{quality}" in self._target

    def prepare(self) -> str:
        """Tell where it is; raise `CannotRun` if nobody answers there."""
        try:
            get(self._port, "/", host=self._host)
        except OSError as error:
            raise CannotRun(f"nobody answers at {self._host}:{self._port}: {error}") from error
        found = "" if listener(self._port) else "; its process is not seen, so its CPU and memory are not known"
        return f"{self.name} at {self._host}:{self._port}{found}"

    @contextmanager
    def serving(self, pictures: Path, work: Path, *, keeps: bool) -> Iterator[Server]:
        yield Server(name=self.name, host=self._host, port=self._port, pid=listener(self._port), target=self.target)

    def target(self, wanted: Wanted) -> str:
        """Give the target of a picture; what stands in brackets is left out if no quality is wanted."""
        kept = _OPTIONAL.sub("" if wanted.quality is None else r"\1", self._target)
        values = {name: "" if value is None else str(value) for name, value in asdict(wanted).items()}
        return "/" + _PLACEHOLDER.sub(lambda found: values[found[1]], kept)
