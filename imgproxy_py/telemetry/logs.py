"""Structured logs: one line an event, rendered and written by a thread of its own (delivery §8).

Whoever logs only puts a value into a queue. The writer takes what has gathered, renders it and writes it in one go. The
queue is bounded: when the reader of our output stands still, lines are dropped and counted rather than kept for ever, and
nobody waits. Our own events (structlog), those of the libraries (`logging`) and the line of each request leave through
the same renderer.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from traceback import format_exception
from types import TracebackType
from typing import Annotated, Any, Literal, Self, TypeAlias

import orjson
import structlog
from pydantic import BaseModel, BeforeValidator, Field

from imgproxy_py.telemetry.record import RequestRecord

GATHERING = 0.02
"""Seconds that the writer lets lines gather after the first: at most fifty wake-ups a second, whatever the traffic."""

MOST_WAITING = 20_000
"""Lines that may wait for the writer, about 10 MB; one beyond is dropped and counted."""

PATIENCE = 5.0
"""Seconds that closing waits for the last lines to leave."""

_PIPE_BUF = select.PIPE_BUF  # what a pipe takes whole (POSIX write), so lines of several processes never mix
_MOST_AT_ONCE = 65536  # each write lets go of the interpreter and has to get it back from who answers requests

Event: TypeAlias = MutableMapping[str, Any]
Level = Literal["debug", "info", "warn", "warning", "error", "fatal", "critical"]

_LEVELS: dict[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "critical": logging.CRITICAL,
}


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class LogSettings(BaseModel):
    """What is logged, and in which shape."""

    log_level: Annotated[Level, BeforeValidator(_lower)] = Field(
        default="info", description="The least severity that is logged: debug, info, warn, error or fatal."
    )
    log_format: Annotated[Literal["json", "pretty", "structured", "gcp"], BeforeValidator(_lower)] = Field(
        default="json",
        description="How a line looks: json, pretty (for people), structured (key=value), gcp (for Google Cloud Logging).",
    )


class Logs:
    """The log of a process: open from `with` to its end, one at a time, for it takes over structlog and `logging`.

    Everything logged before the end is written, unless whoever reads the file descriptor `output` stands still longer
    than `PATIENCE`. `dropped` counts the lines that were not kept. Who writes to `output` `alone` does so in larger pieces.
    """

    def __init__(self, settings: LogSettings, *, output: int = 1, alone: bool = False) -> None:
        self.dropped = 0
        self._at_once = _MOST_AT_ONCE if alone else _PIPE_BUF
        self._level = _LEVELS[settings.log_level]
        self._render = _renderer(settings.log_format, colors=os.isatty(output))
        self._output = output
        self._waiting: queue.SimpleQueue[RequestRecord | Event | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._writer = threading.Thread(target=self._write_until_closed, name="log-writer", daemon=True)
        self._handler = _LibraryHandler(self._keep)
        self._before: dict[str, Any] = {}
        self._reported = 0

    def __enter__(self) -> Self:
        self._before = structlog.get_config()
        structlog.configure(
            processors=[structlog.contextvars.merge_contextvars, _stamp],
            wrapper_class=structlog.make_filtering_bound_logger(self._level),
            logger_factory=lambda *_: _Keeper(self._keep),
            cache_logger_on_first_use=False,
        )
        logging.captureWarnings(True)
        root = logging.getLogger()
        root.addHandler(self._handler)
        # At debug level libraries write what they sign and send; nobody wants that in a log.
        root.setLevel(max(self._level, logging.INFO))
        self._writer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.getLogger().removeHandler(self._handler)
        logging.captureWarnings(False)
        structlog.configure(**self._before)
        self._closing.set()
        self._waiting.put(None)
        self._writer.join(PATIENCE)

    def answered(self, record: RequestRecord) -> None:
        """Write the line of a request that has ended; from now on the record must not change."""
        if _severity(record) >= self._level:
            self._keep(record)

    def _keep(self, item: RequestRecord | Event) -> None:
        if self._waiting.qsize() >= MOST_WAITING:
            self.dropped += 1
        else:
            self._waiting.put(item)

    def _write_until_closed(self) -> None:
        while (first := self._waiting.get()) is not None:
            self._closing.wait(GATHERING)
            lines = [self._line(item) for item in self._gathered(first)]
            try:
                for piece in _pieces(lines, self._at_once):
                    _write(self._output, piece)
            except OSError:  # nobody reads us any more
                self.dropped += len(lines)

    def _gathered(self, first: RequestRecord | Event) -> Iterator[RequestRecord | Event]:
        yield first
        for _ in range(self._waiting.qsize()):
            item = self._waiting.get()
            if item is None:  # the end: put it back for whoever asks next
                self._waiting.put(None)
                break
            yield item
        if self.dropped > self._reported:
            lost, self._reported = self.dropped - self._reported, self.dropped
            yield {"at": time.time(), "level": "warning", "event": "log_lines_dropped", "count": lost}

    def _line(self, item: RequestRecord | Event) -> bytes:
        event = request_event(item) if isinstance(item, RequestRecord) else _spelled_out(item)
        try:
            return self._render(event)
        except Exception:  # a value that cannot be rendered costs its line the shape, never the writer its life
            return json.dumps(event, default=repr).encode() + b"\n"


def request_event(record: RequestRecord) -> dict[str, Any]:
    """Give the log event of a request: what is known, without what is not."""
    event: dict[str, Any] = {
        "time": _time(record.at),
        "level": _LEVEL_NAMES[_severity(record)],
        "event": "request_answered",
    }
    known = zip(_FIELDS, _fields_of(record), strict=False)  # of equal length; a strict zip takes twice as long
    event |= {name: value for name, value in known if value not in _UNKNOWN}
    if record.bytes_in is not None and record.bytes_out:
        event["bytes_saved"] = record.bytes_in - record.bytes_out
    if record.fetch is not None:  # made just now
        times = zip(_TIMES, _times_of(record), strict=True)
        event |= {name: _rounded(ms) for name, ms in times if ms is not None}
    event["total_ms"] = _rounded(record.total)
    return event


def _rounded(ms: float) -> float:
    return int(ms * 1000 + 0.5) / 1000


# Getters made once: a line is rendered for every request, and getattr in a loop would be half of its cost.
_FIELDS = (
    "request_id",
    "trace_id",
    "method",
    "dialect",
    "source",
    "recipe",
    "outcome",
    "format_in",
    "format_out",
    "credentials",
    "ignored",
    "shared",
    "error",
    "detail",
    "fallback",
    "stale",
    "status",
    "bytes_in",
    "bytes_out",
    "width",
    "height",
)
_UNKNOWN = frozenset({None, ""})
_STAGES = ("queue", "fetch", "decode", "transform", "encode")
_TIMES = tuple(f"{name}_ms" for name in _STAGES)
_fields_of = attrgetter(*_FIELDS)
_times_of = attrgetter(*_STAGES)
_LEVEL_NAMES = {logging.ERROR: "error", logging.WARNING: "warning", logging.INFO: "info"}


def _severity(record: RequestRecord) -> int:
    if record.report:
        return logging.ERROR
    return logging.WARNING if record.status >= 400 else logging.INFO


def _time(at: float) -> str:
    second = int(at)
    return f"{_second(second)}.{int((at - second) * 1000):03}Z"


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _spelled_out(event: Event) -> Event:
    """Put time and level first, and a traceback's text in place of the exception."""
    told = dict(event)
    first = {"time": _time(told.pop("at")), "level": told.pop("level"), "event": told.pop("event", "")}
    error = told.pop("exc_info", None)
    if isinstance(error, BaseException):
        told["exception"] = "".join(format_exception(error))
    return {**first, **told}


# --- how lines begin -------------------------------------------------------------------------------------------------


def _stamp(logger: Any, method: str, event: Event) -> tuple[tuple[Event], dict[str, Any]]:
    event["at"] = time.time()
    event["level"] = "error" if method == "exception" else method
    if error := event.get("exc_info"):
        event["exc_info"] = _exception(error)
    return (event,), {}


def _exception(given: Any) -> BaseException | None:
    if isinstance(given, tuple):
        return given[1] if isinstance(given[1], BaseException) else None
    return given if isinstance(given, BaseException) else sys.exc_info()[1]


class _Keeper:
    """What structlog takes for a logger: every method keeps the event."""

    def __init__(self, keep: Callable[[Event], None]) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = keep
        self.msg = self.warn = self.exception = self.fatal = self.log = keep


class _LibraryHandler(logging.Handler):
    """Takes the events of everyone who uses `logging`."""

    def __init__(self, keep: Callable[[Event], None]) -> None:
        super().__init__()
        self._keep = keep

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a library's event: its sentence is rendered here, since what it speaks of may change."""
        try:
            event: Event = {
                "at": record.created,
                "level": record.levelname.lower(),
                "event": "library_reported",
                "logger": record.name,
                "message": record.getMessage(),
            }
        except Exception:
            self.handleError(record)
            return
        if record.exc_info:
            event["exc_info"] = record.exc_info[1]
        self._keep(event)


# --- how lines end ---------------------------------------------------------------------------------------------------


def _renderer(shape: str, *, colors: bool) -> Callable[[Event], bytes]:
    if shape == "pretty":
        return _pretty(structlog.dev.ConsoleRenderer(colors=colors))
    if shape == "structured":
        return _structured(structlog.processors.LogfmtRenderer(key_order=["time", "level", "event"]))
    return _gcp if shape == "gcp" else _json


def _json(event: Event) -> bytes:
    return orjson.dumps(event, default=repr, option=orjson.OPT_APPEND_NEWLINE)


def _gcp(event: Event) -> bytes:
    """Render for Google Cloud Logging, whose agents know `severity`, `message` and `time`."""
    told = dict(event)
    if sentence := told.pop("message", ""):
        told["text"] = sentence
    return _json({"severity": told.pop("level").upper(), "message": told.pop("event"), **told})


def _pretty(render: structlog.dev.ConsoleRenderer) -> Callable[[Event], bytes]:
    def line(event: Event) -> bytes:
        told = dict(event)
        told["timestamp"] = told.pop("time")
        return f"{render(None, '', told)}\n".encode(errors="backslashreplace")

    return line


def _structured(render: structlog.processors.LogfmtRenderer) -> Callable[[Event], bytes]:
    def line(event: Event) -> bytes:
        return f"{render(None, '', dict(event))}\n".encode(errors="backslashreplace")

    return line


def _pieces(lines: list[bytes], most: int) -> Iterator[bytes]:
    """Join whole lines into pieces of so many bytes at most; a longer line is a piece of its own."""
    piece: list[bytes] = []
    length = 0
    for line in lines:
        if piece and length + len(line) > most:
            yield b"".join(piece)
            piece, length = [], 0
        piece.append(line)
        length += len(line)
    yield b"".join(piece)


def _write(output: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(output, data) :]
        except BlockingIOError:  # somebody made the descriptor non-blocking: it is shared with other processes
            select.select([], [output], [], 1.0)
