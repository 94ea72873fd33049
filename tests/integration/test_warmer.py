"""Warming, against servers that answer, refuse, rest, break off and say nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from imgproxy_py.warming import warmer as warming
from imgproxy_py.warming.journal import Journal
from imgproxy_py.warming.outcomes import Tally
from imgproxy_py.warming.warmer import Warmer, open_session
from tests.fakes import answering

MADE = {"Cache-Status": "imgproxy-py; fwd=miss; stored", "Content-Type": "image/png"}
Answering = Callable[[web.Request, int], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """A server whose answers are made by path, told how often that path was asked before; it remembers what it was asked."""

    url: str = ""
    answers: dict[str, Answering] = field(default_factory=dict)
    asked: list[web.Request] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    inside: int = 0
    most: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        before = self.seen[request.raw_path]
        self.seen[request.raw_path] += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            return await self.answers.get(request.raw_path, picture)(request, before)
        finally:
            self.inside -= 1


async def picture(request: web.Request, before: int) -> web.StreamResponse:
    await asyncio.sleep(0.01)
    return web.Response(body=b"0123456789", headers=MADE)


def status(code: int, *, times: int = 10**9, **headers: str) -> Answering:
    async def answer(request: web.Request, before: int) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=code, headers=named) if before < times else await picture(request, before)

    return answer


async def negotiated(request: web.Request, before: int) -> web.StreamResponse:
    return web.Response(body=request.headers["Accept"].encode(), headers={**MADE, "Vary": "Accept-Language, accept"})


async def breaks_off_once(request: web.Request, before: int) -> web.StreamResponse:
    if before:
        return await picture(request, before)
    response = web.StreamResponse(headers={**MADE, "Content-Length": "10"})
    await response.prepare(request)
    await response.write(b"01234")
    assert request.transport is not None
    request.transport.abort()
    return response


async def hangs_once(request: web.Request, before: int) -> web.StreamResponse:
    if not before:
        await asyncio.sleep(30)
    return await picture(request, before)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    async with answering(made.handle) as made.url:
        yield made


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long before the next try."""
    monkeypatch.setattr(warming, "pause", lambda attempt: 0.01)


async def warm(
    server: Server, paths: list[str], *, journal: Path | None = None, seconds: float = 5.0, **changed: Any
) -> Tally:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session(changed.get("concurrency", 4), seconds))
        done = stack.enter_context(Journal(journal))
        return await Warmer(session=session, journal=done, **changed).warm([server.url + path for path in paths])


async def test_every_url_is_asked_once_as_it_is_written(server: Server) -> None:
    paths = ["/_/w:8/plain/local:///a%2Fb%20c.png@webp", "/images/a//b/../c?w=1&s=%C3%A9", "/x"]
    tally = await warm(server, paths, headers={"Authorization": "Bearer hunter2"})
    assert sorted(one.raw_path for one in server.asked) == sorted(paths)
    assert {one.headers["Authorization"] for one in server.asked} == {"Bearer hunter2"}
    assert all(one.headers["User-Agent"].startswith("imgproxy-py warm/") for one in server.asked)
    assert (tally.warmed, tally.bytes, dict(tally.caches)) == (3, 30, {"made": 3})


async def test_no_more_than_so_many_are_asked_at_once(server: Server) -> None:
    tally = await warm(server, [f"/{number}" for number in range(40)], concurrency=3)
    assert (tally.warmed, server.most) == (40, 3)


async def test_kinds_of_clients_get_their_own_where_answers_vary(server: Server) -> None:
    server.answers["/negotiated"] = negotiated
    tally = await warm(server, ["/negotiated", "/fixed"], variants=("avif", "webp", "jpeg"))
    asked = [one.headers["Accept"].split(",")[0] for one in server.asked if one.raw_path == "/negotiated"]
    assert asked == ["image/avif", "image/webp", "image/*"]
    assert server.seen["/fixed"] == 1
    assert (tally.warmed, tally.same) == (4, 2)


@pytest.mark.parametrize(
    "answer",
    [status(code, times=2) for code in (408, 429, 500, 502, 503, 504)] + [breaks_off_once, hangs_once],
    ids=["408", "429", "500", "502", "503", "504", "breaks off", "hangs"],
)
async def test_what_may_come_later_is_tried_again(answer: Answering, server: Server) -> None:
    server.answers["/a"] = answer
    tally = await warm(server, ["/a"], seconds=0.5)
    assert (tally.warmed, len(tally.failures)) == (1, 0)
    assert tally.attempts == server.seen["/a"] > 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(404), "404 Not Found"),
        (status(403), "403 Forbidden"),
        (status(301, Location="https://elsewhere/a"), "301 Moved Permanently to https://elsewhere/a"),
        (status(200, Content_Type="text/html"), "no picture but text/html"),
        (status(200, Content_Type="image/png", Fallback_Image="1"), "a fallback image"),
    ],
)
async def test_what_will_not_come_is_not_tried_again(answer: Answering, error: str, server: Server) -> None:
    server.answers["/a"] = answer
    tally = await warm(server, ["/a", "/b"], variants=("avif", "jpeg"))
    assert [(one.url, one.error) for one in tally.failures] == [(f"{server.url}/a", error)]
    assert (server.seen["/a"], tally.warmed) == (1, 1)


async def test_tries_have_an_end_and_the_others_go_on(server: Server) -> None:
    server.answers["/a"] = status(502)
    tally = await warm(server, ["/a", "/b", "/c"], attempts=3)
    assert [(one.error, one.attempts) for one in tally.failures] == [("502 Bad Gateway", 3)]
    assert (server.seen["/a"], tally.warmed) == (3, 2)


async def test_everybody_rests_when_the_other_side_says_so(server: Server) -> None:
    server.answers["/0"] = status(503, times=1, Retry_After="1")
    loop = asyncio.get_running_loop()
    began: list[float] = []

    async def noted(request: web.Request, before: int) -> web.StreamResponse:
        began.append(loop.time())
        return await picture(request, before)

    server.answers |= {f"/{number}": noted for number in range(1, 8)}
    started = loop.time()
    tally = await warm(server, [f"/{number}" for number in range(8)], concurrency=2)
    assert tally.warmed == 8
    assert sum(moment - started < 0.9 for moment in began) <= 2  # those that were on their way
    assert max(began) - started >= 1


async def test_a_server_that_is_not_there_is_a_failure(unused_tcp_port: int) -> None:
    tally = await warm(Server(url=f"http://127.0.0.1:{unused_tcp_port}"), ["/a"], attempts=2)
    assert [one.error for one in tally.failures] == ["no answer (ClientConnectorError)"]


async def test_whoever_is_interrupted_goes_on_where_he_was(server: Server, tmp_path: Path) -> None:
    paths, journal = [f"/{number}" for number in range(60)], tmp_path / "done"
    running = asyncio.create_task(warm(server, paths, journal=journal, concurrency=2))
    while len(server.asked) < 20:  # noqa: ASYNC110 - a server's memory, not an event of ours
        await asyncio.sleep(0.005)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    done = journal.read_text().splitlines()
    assert 15 <= len(done) < 60
    tally = await warm(server, paths, journal=journal)
    assert (tally.skipped, tally.warmed) == (len(done), 60 - len(done))
    assert all(server.seen[one.removeprefix(f"jpeg {server.url}")] == 1 for one in done)
    assert set(server.seen) == set(paths)


async def test_failures_are_not_done(server: Server, tmp_path: Path) -> None:
    server.answers["/a"] = status(404, times=1)
    journal = tmp_path / "done"
    await warm(server, ["/a", "/b"], journal=journal)
    assert journal.read_text() == f"jpeg {server.url}/b\n"
    tally = await warm(server, ["/a", "/b"], journal=journal)
    assert (tally.warmed, tally.skipped) == (1, 1)


async def test_another_kind_of_client_is_not_done_yet(server: Server, tmp_path: Path) -> None:
    server.answers["/a"] = negotiated
    journal = tmp_path / "done"
    await warm(server, ["/a"], journal=journal, variants=("jpeg",))
    tally = await warm(server, ["/a"], journal=journal, variants=("avif", "jpeg"))
    assert (tally.warmed, tally.skipped) == (1, 1)
    assert server.asked[-1].headers["Accept"].startswith("image/avif")
