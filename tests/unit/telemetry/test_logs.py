import json
import logging
import os
import select
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from imgproxy_py.telemetry import logs as logs_module
from imgproxy_py.telemetry.logs import Logs, LogSettings, request_event
from tests.unit.telemetry.makers import a_record

log = structlog.get_logger()


def raise_division() -> None:
    raise ZeroDivisionError("by nought")


@contextmanager
def logging_to(path: Path, **settings: Any) -> Iterator[Logs]:
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        with Logs(LogSettings(**settings), output=output) as logs:
            yield logs
    finally:
        os.close(output)


@pytest.fixture
def said(tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    def run(act: Callable[[Logs], object], **settings: Any) -> list[dict[str, Any]]:
        with logging_to(tmp_path / "log", **settings) as logs:
            act(logs)
        return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]

    return run


def test_an_event_is_a_line_of_json_with_time_level_and_fields(said):
    (line,) = said(lambda _: log.info("worker_restarted", pid=7))
    assert line.pop("time").endswith("Z")
    assert line == {"level": "info", "event": "worker_restarted", "pid": 7}


def test_libraries_speak_through_the_same_renderer(said):
    (line,) = said(lambda _: logging.getLogger("some.library").warning("lost %s", "a thing"))
    assert (line["event"], line["logger"], line["message"]) == ("library_reported", "some.library", "lost a thing")


def test_the_debug_of_libraries_is_never_written(said):
    assert said(lambda _: logging.getLogger("some.library").debug("secret"), log_level="debug") == []


def test_what_is_below_the_level_is_left_out(said):
    def act(logs: Logs) -> None:
        log.info("small")
        logs.answered(a_record(status=200))
        logs.answered(a_record(status=404, request_id="kept"))
        log.error("large")

    assert [line.get("request_id", line["event"]) for line in said(act, log_level="warn")] == ["kept", "large"]


def test_an_exception_is_told_with_its_stack(said):
    def act(_: Logs) -> None:
        try:
            raise_division()
        except ZeroDivisionError:
            log.exception("request_failed")

    (line,) = said(act)
    assert line["level"] == "error"
    assert "ZeroDivisionError: by nought" in line["exception"]


def test_a_request_is_told_with_what_is_known(said):
    record = a_record(bytes_in=100, bytes_out=40, fetch=1.23456, total=2.0, error="broken-image", status=422)
    (line,) = said(lambda logs: logs.answered(record))
    assert line == {
        "time": "1970-01-01T00:00:00.000Z",
        "level": "warning",
        "event": "request_answered",
        "request_id": "r1",
        "method": "GET",
        "dialect": "imgproxy",
        "error": "broken-image",
        "status": 422,
        "bytes_in": 100,
        "bytes_out": 40,
        "bytes_saved": 60,
        "fetch_ms": 1.235,
        "total_ms": 2.0,
    }


@pytest.mark.parametrize(
    ("record", "level"),
    [
        (a_record(), "info"),
        (a_record(status=404), "warning"),
        (a_record(status=502), "warning"),
        (a_record(status=500, report=True), "error"),
    ],
)
def test_a_request_is_as_severe_as_its_end(record, level):
    assert request_event(record)["level"] == level


def test_nothing_is_lost_at_the_end_and_the_order_is_kept(said):
    lines = said(lambda logs: [logs.answered(a_record(request_id=str(n))) for n in range(5000)])
    assert [line["request_id"] for line in lines] == [str(n) for n in range(5000)]


def test_a_reader_who_stands_still_costs_lines_not_memory(monkeypatch):
    monkeypatch.setattr(logs_module, "MOST_WAITING", 100)
    reader, writer = os.pipe()
    told: list[bytes] = []
    with Logs(LogSettings(), output=writer) as logs:
        began = time.perf_counter()
        for n in range(20_000):
            logs.answered(a_record(request_id=str(n)))
        assert time.perf_counter() - began < 2
        assert logs.dropped > 0
        thread = threading.Thread(
            target=lambda: [told.append(piece) for piece in iter(lambda: os.read(reader, 65536), b"")]
        )
        thread.start()
        time.sleep(0.2)
        log.info("reader_returned")
    os.close(writer)
    thread.join()
    os.close(reader)
    events = [json.loads(line) for line in b"".join(told).splitlines()]
    lost = sum(event["count"] for event in events if event["event"] == "log_lines_dropped")
    answered = sum(event["event"] == "request_answered" for event in events)
    assert lost + answered == 20_000


def test_a_reader_who_left_is_no_disaster():
    reader, writer = os.pipe()
    os.close(reader)
    with Logs(LogSettings(), output=writer) as logs:
        log.info("spoken_to_nobody")
    os.close(writer)
    assert logs.dropped == 1


def test_a_full_pipe_that_does_not_block_is_waited_for():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    told: list[bytes] = []
    thread = threading.Thread(target=lambda: [told.append(piece) for piece in iter(lambda: os.read(reader, 4096), b"")])
    with Logs(LogSettings(), output=writer):
        for _ in range(2000):
            log.info("spoken", text="x" * 100)
        time.sleep(0.1)
        thread.start()
    os.close(writer)
    thread.join()
    os.close(reader)
    assert b"".join(told).count(b"\n") == 2000


def test_text_that_is_no_unicode_is_still_told(said):
    (line,) = said(lambda _: log.info("path_refused", path="\udcff", thing=object))
    assert line["path"] == "\udcff"


def test_structlog_and_logging_are_given_back(tmp_path):
    before = structlog.get_config()
    with logging_to(tmp_path / "log"):
        assert structlog.get_config() != before
    assert structlog.get_config() == before
    assert not any(isinstance(one, logs_module._LibraryHandler) for one in logging.getLogger().handlers)


def test_warnings_are_logged(said):
    def act(_: Logs) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(False)
            logging.captureWarnings(True)
            warnings.warn("old", DeprecationWarning, stacklevel=1)

    (line,) = said(act)
    assert line["logger"] == "py.warnings"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("structured", "level=info event=worker_started pid=7"),
        ("pretty", "worker_started"),
        ("GCP", '"severity":"INFO","message":"worker_started"'),
    ],
)
def test_other_shapes(tmp_path, shape, expected):
    with logging_to(tmp_path / "log", log_format=shape):
        log.info("worker_started", pid=7)
    assert expected in (tmp_path / "log").read_text()


def test_lines_leave_in_pieces_that_a_pipe_takes_whole():
    lines = [b"x" * 1500 + b"\n", b"y" * 1500 + b"\n", b"z" * 1500 + b"\n", b"w" * 9000 + b"\n"]
    assert [len(piece) for piece in logs_module._pieces(lines, select.PIPE_BUF)] == [3002, 1501, 9001]


@pytest.mark.parametrize(("alone", "most"), [(False, select.PIPE_BUF), (True, 65536)])
def test_who_logs_alone_writes_more_at_once(monkeypatch, tmp_path, alone, most):
    written: list[int] = []
    monkeypatch.setattr(logs_module, "_write", lambda _, piece: written.append(len(piece)))
    with Logs(LogSettings(), alone=alone) as logs:
        for _ in range(1000):
            logs.answered(a_record())
    assert sum(written) > 100_000
    assert max(written) <= most
    assert sorted(written)[-2] > most - 500
