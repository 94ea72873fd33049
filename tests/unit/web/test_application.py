import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from imgproxy_py.errors import BadRequest, Overloaded
from imgproxy_py.telemetry.logs import Logs, LogSettings
from imgproxy_py.telemetry.metrics import Metrics, MetricsSettings
from imgproxy_py.telemetry.record import RECORD
from imgproxy_py.web.application import WebSettings, make_application
from imgproxy_py.web.doors import Door
from imgproxy_py.web.middlewares import CONTENT_SECURITY_POLICY
from imgproxy_py.web.problems import ImgproxyVoice, ProblemVoice
from imgproxy_py.web.readiness import ReadinessCheck
from imgproxy_py.web.traffic import TRAFFIC

Answer = tuple[int, dict[str, str], bytes]
Ask = Callable[..., Awaitable[Answer]]


async def echo(request: web.Request) -> web.Response:
    """Answer with the raw target; `boom`, `reset`, `bad`, `busy`, `large` and `streamed` in it make trouble."""
    target = request.raw_path
    if "boom" in target:
        raise RuntimeError("/srv/secret")
    if "reset" in target:
        raise ConnectionResetError("by a peer of ours")
    if "bad" in target:
        request[RECORD].vary = "Accept"
        raise BadRequest("w: 'x'", private="told to operators")
    if "busy" in target:
        raise Overloaded(retry_after=2)
    if "large" in target:
        raise web.HTTPRequestEntityTooLarge(1, 2)
    if "never" in target:
        await asyncio.sleep(60)
    return web.Response(text=target)


async def streamed(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"piece")
    return response


DOORS = [
    Door(path="/", prefix=True, handler=echo, voice=ImgproxyVoice(), dialect="imgproxy"),
    Door(path="/images/", prefix=True, handler=echo, voice=ProblemVoice(), dialect="query"),
    Door(path="/streamed/", prefix=True, handler=streamed, voice=ProblemVoice(), dialect="query"),
]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[Ask]]]:
    servers: list[TestServer] = []

    async def start(settings: WebSettings | None = None, **given: Any) -> Ask:
        application = make_application(DOORS, settings=settings or WebSettings(), **given)
        server = TestServer(application)
        servers.append(server)
        await server.start_server(max_line_size=16384, access_log=None)

        async def ask(target: str, method: str = "GET", **headers: str) -> Answer:
            reader, writer = await asyncio.open_connection(server.host, server.port)
            lines = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close"]
            lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            data = await reader.read()
            writer.close()
            await writer.wait_closed()
            return parse(data)

        ask.server = server  # type: ignore[attr-defined]
        return ask

    yield start
    for server in servers:
        await server.close()


def parse(data: bytes) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body


@pytest.mark.parametrize(
    "target",
    [
        "/_/plain/https://example.com//a.jpg",
        "//_/a%2Fb%20c//d",
        "/_/a/../b/./c",
        "/_/%0Ax?query=1&x=%2F",
        "/_/%ZZ",
        "/_/" + "x" * 9000,
    ],
)
async def test_a_handler_sees_the_target_as_it_came(serve, target):
    ask = await serve()
    assert (await ask(target))[2].decode() == target


async def test_a_target_in_absolute_form_is_as_good(serve):
    ask = await serve()
    assert (await ask("http://example.com/_/a%2Fb?c"))[2] == b"/_/a%2Fb?c"
    assert (await ask("http://example.com/"))[2].startswith(b"<!doctype html>")


@pytest.mark.parametrize("target", ["/_/fine", "/_/boom", "/images/bad", "/", "/health", "/ready", "/favicon.ico"])
async def test_every_answer_has_the_common_headers(serve, target):
    ask = await serve()
    _, headers, _ = await ask(target, X_Request_ID="abc_1-2")
    assert headers["Server"] == "imgproxy"
    assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Request-ID"] == "abc_1-2"


async def test_a_streamed_answer_has_them_too(serve):
    ask = await serve()
    _, headers, body = await ask("/streamed/x")
    assert headers["Server"] == "imgproxy"
    assert b"piece" in body


@pytest.mark.parametrize("given", ["", "a b", "ä", "x" * 129, "a/b"])
async def test_an_odd_request_id_is_replaced(serve, given):
    ask = await serve()
    _, headers, _ = await ask("/_/x", X_Request_ID=given)
    assert headers["X-Request-ID"] not in ("", given)


async def test_fresh_ids_differ(serve):
    ask = await serve()
    assert len({(await ask("/_/x"))[1]["X-Request-ID"] for _ in range(3)}) == 3


async def test_errors_have_the_voice_of_their_route(serve):
    ask = await serve()
    status, headers, body = await ask("/_/bad")
    assert (status, body, headers["Vary"]) == (404, b"Invalid URL", "Accept")
    status, headers, body = await ask("/images/bad")
    assert (status, headers["Content-Type"]) == (400, "application/problem+json")
    assert json.loads(body)["detail"] == "w: 'x'"


async def test_aiohttps_own_errors_keep_their_status(serve):
    ask = await serve()
    assert (await ask("/_/large"))[0] == 413


async def test_an_unexpected_error_is_logged_and_not_shown(serve, tmp_path):
    lines = await logged(serve, tmp_path, "/_/boom", X_Request_ID="r7")
    failed, answered = lines
    assert failed["event"] == "request_failed"
    assert "RuntimeError: /srv/secret" in failed["exception"]
    assert (answered["request_id"], answered["status"], answered["level"]) == ("r7", 500, "error")


async def test_that_another_connection_broke_is_no_client_who_left(serve, tmp_path):
    failed, answered = await logged(serve, tmp_path, "/_/reset")
    assert "ConnectionResetError: by a peer of ours" in failed["exception"]
    assert (answered["status"], answered["level"]) == (500, "error")


async def logged(serve: Any, tmp_path: Path, target: str, **headers: str) -> list[dict[str, Any]]:
    output = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with Logs(LogSettings(), output=output) as logs:
        ask = await serve(logs=logs)
        await ask(target, **headers)
        await asyncio.sleep(0.01)
    os.close(output)
    return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


async def test_every_request_is_one_line(serve, tmp_path):
    trace = "0af7651916cd43dd8448eb211c80319c"
    (line,) = await logged(serve, tmp_path, "/images/bad", traceparent=f"00-{trace}-b7ad6b7169203331-01")
    assert line.pop("time")
    assert line.pop("request_id")
    assert line.pop("total_ms") > 0
    assert line.pop("bytes_out") > 0
    assert line == {
        "level": "warning",
        "event": "request_answered",
        "trace_id": trace,
        "method": "GET",
        "dialect": "query",
        "error": "bad-request",
        "detail": "w: 'x'; told to operators",
        "status": 400,
    }


async def test_probes_are_neither_logged_nor_counted(serve, tmp_path):
    assert await logged(serve, tmp_path, "/health") == []


async def test_a_path_outside_of_the_prefix_leads_nowhere_and_is_logged(serve, tmp_path):
    ask = await serve(WebSettings(path_prefix="img/"))
    assert (await ask("/_/x"))[::2] == (404, b" ")
    assert (await ask("/img/_/x"))[::2] == (200, b"/img/_/x")


async def test_head_answers_as_get_without_a_body(serve):
    ask = await serve()
    status, headers, body = await ask("/_/x", method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, "4", b"")


async def test_other_methods_are_not_found(serve):
    ask = await serve()
    assert (await ask("/_/x", method="POST"))[::2] == (404, b" ")
    assert (await ask("/images/x", method="DELETE"))[0] == 405


async def test_options_with_and_without_an_origin(serve):
    ask = await serve()
    status, headers, body = await ask("/_/x", method="OPTIONS")
    assert (status, body, headers["Content-Type"]) == (200, b" ", "text/plain")
    assert "Access-Control-Allow-Origin" not in headers
    ask = await serve(WebSettings(allow_origin="*"))
    for method in ("OPTIONS", "GET"):
        _, headers, _ = await ask("/_/x", method=method)
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["Access-Control-Allow-Methods"] == "GET, OPTIONS"


@pytest.mark.parametrize("target", ["/_/x", "/images/x"])
async def test_the_secret_guards_pictures(serve, target):
    ask = await serve(WebSettings(secret="word"))
    assert (await ask(target))[0] == 403
    assert (await ask(target, Authorization="Bearer wörd"))[0] == 403
    assert (await ask(target, Authorization="Bearer word"))[0] == 200
    assert (await ask("/health"))[0] == 200
    assert (await ask("/"))[0] == 200


async def test_health(serve):
    ask = await serve(WebSettings(health_check_path="alive"), alive=lambda: True)
    for path in ("/health", "/alive"):
        status, headers, body = await ask(path)
        assert (status, body, headers["Content-Type"]) == (200, b"imgproxy is running", "text/plain")
        assert headers["Cache-Control"] == "no-cache"
    ask = await serve(alive=lambda: False)
    assert (await ask("/health"))[::2] == (500, b"Error")


async def test_ready(serve):
    async def down() -> None:
        raise OSError

    formats = {"read": ["gif", "pdf"], "write": ["gif"]}
    ask = await serve(checks=[ReadinessCheck(name="store", ping=down)], formats=formats)
    status, headers, body = await ask("/ready")
    assert (status, headers["Cache-Control"]) == (503, "no-store")
    assert json.loads(body) == {"ready": False, "draining": False, "checks": {"store": "OSError"}, "formats": formats}


@pytest.mark.parametrize("path", ["/favicon.ico", "/.well-known/security.txt"])
async def test_what_browsers_try_is_not_here(serve, path):
    ask = await serve()
    assert (await ask(path))[0] == 404


async def test_while_draining_every_answer_closes_its_connection(serve):
    ask = await serve()
    ask.server.app[TRAFFIC].draining = True
    reader, writer = await asyncio.open_connection(ask.server.host, ask.server.port)
    writer.write(b"GET /_/x HTTP/1.1\r\nHost: x\r\n\r\n")
    status, headers, _ = parse(await asyncio.wait_for(reader.read(), 5))
    writer.close()
    await writer.wait_closed()
    assert (status, headers["Connection"]) == (200, "close")


async def test_a_client_who_left_is_recorded(serve):
    metrics = Metrics(MetricsSettings())
    ask = await serve(metrics=metrics)
    _, writer = await asyncio.open_connection(ask.server.host, ask.server.port)
    writer.write(b"GET /_/never HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(0.05)
    assert b"imgproxy_requests_in_progress 1.0" in metrics.exposition()
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.05)
    text = metrics.exposition()
    assert b'imgproxy_requests_total{dialect="imgproxy",method="GET",outcome="",status="499"} 1.0' in text
    assert b"imgproxy_requests_in_progress 0.0" in text


async def test_expectations_are_met(serve):
    ask = await serve()
    assert b"200 OK" in (await ask("/_/x", Expect="100-continue"))[2]
