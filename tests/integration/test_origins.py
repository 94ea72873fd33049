"""The whole service in front of origins that hang, fail, reset and break off: others' pictures do not suffer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from yarl import URL

from imgproxy_py.assembly import open_application
from imgproxy_py.settings import Settings
from imgproxy_py.web.application import METRICS
from tests.factories import png

FAILURES, PAUSE = 3, 0.3
MOODS = ("hang", "fail", "reset", "break off")


class Moody:
    """A web server that is as its mood is; what is asked below `/bad` is always answered by 500."""

    def __init__(self) -> None:
        self.mood = "well"
        self.asked = 0
        self.inside = 0
        self.most = 0
        self.calm = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.asked += 1
                self.inside += 1
                self.most = max(self.most, self.inside)
                try:
                    await self._answer(head, writer)
                finally:
                    self.inside -= 1
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        body = png(32, 24)
        match "fail" if b"/bad/" in head.splitlines()[0] else self.mood:
            case "hang":
                await self.calm.wait()
                self._picture(writer, body)
            case "fail":
                writer.write(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")
            case "reset":
                writer.transport.abort()
                raise ConnectionResetError
            case "break off":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body[:-9])
                raise ConnectionResetError
            case _:
                self._picture(writer, body)

    def _picture(self, writer: asyncio.StreamWriter, body: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes
    seconds: float


@dataclass
class Client:
    session: ClientSession
    base: str
    metrics: Any

    async def get(self, source: str) -> Answer:
        url = URL(f"{self.base}/_/w:8/plain/{source}", encoded=True)
        started = asyncio.get_running_loop().time()
        async with self.session.get(url) as answer:
            body = await answer.read()
        return Answer(answer.status, answer.headers, body, asyncio.get_running_loop().time() - started)

    def metric(self, name: str) -> float:
        lines = self.metrics.exposition().decode().splitlines()
        return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(f"imgproxy_{name} ")))


Serve = Callable[..., Awaitable[Client]]


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never held")


@pytest.fixture
async def origins() -> AsyncIterator[tuple[Moody, Moody]]:
    made = (Moody(), Moody())
    opened = [await asyncio.start_server(one.serve, "127.0.0.1", 0) for one in made]
    for one, server in zip(made, opened, strict=True):
        one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    for one, server in zip(made, opened, strict=True):
        one.calm.set()
        server.close()


@pytest.fixture
async def serve(aws_credentials: None) -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:

        async def start(**changed: Any) -> Client:
            settings = {
                "allow_loopback_source_addresses": True,
                "download_timeout": 1.0,
                "origin_failures": FAILURES,
                "origin_pause": PAUSE,
                "origin_max_pause": PAUSE,
            }
            application = await stack.enter_async_context(open_application(Settings.load(settings | changed)))
            server = TestServer(application)
            await server.start_server(access_log=None)
            stack.push_async_callback(server.close)
            session = await stack.enter_async_context(ClientSession())
            return Client(session, f"http://127.0.0.1:{server.port}", application[METRICS])

        yield start


@pytest.mark.parametrize("mood", MOODS)
async def test_an_origin_that_fails_is_left_alone_until_it_is_well(
    mood: str, serve: Serve, origins: tuple[Moody, Moody]
) -> None:
    sick, well = origins
    client = await serve()
    sick.mood = mood
    for number in range(FAILURES):
        assert (await client.get(f"{sick.url}/{number}.png")).status in (404, 422, 502, 504)
    asked = sick.asked
    refused = await client.get(f"{sick.url}/more.png")
    assert (refused.status, refused.headers["Retry-After"], sick.asked) == (502, "1", asked)
    assert refused.body == b"Source is unreachable"
    assert (await client.get(f"{well.url}/a.png")).status == 200
    assert (client.metric("origins_left_alone"), client.metric("origins_lost_total")) == (1, 1)
    sick.mood = "well"
    await asyncio.sleep(PAUSE + 0.1)
    assert (await client.get(f"{sick.url}/more.png")).status == 200
    assert client.metric("origins_left_alone") == 0


async def test_an_origin_that_is_gone_is_not_dialled_again_and_again(
    serve: Serve, origins: tuple[Moody, Moody], unused_tcp_port: int
) -> None:
    client = await serve(origin_pause=30.0, origin_max_pause=30.0)
    gone = f"http://127.0.0.1:{unused_tcp_port}"
    told = [await client.get(f"{gone}/{number}.png") for number in range(FAILURES + 2)]
    assert [one.status for one in told] == [404, 404, 404, 502, 502]
    assert [one.headers.get("Retry-After") for one in told] == [None, None, None, "30", "30"]


async def test_a_slow_origin_takes_its_turns_and_nothing_of_others(serve: Serve, origins: tuple[Moody, Moody]) -> None:
    slow, well = origins
    client = await serve(origin_max_fetches=2, origin_failures=0, download_timeout=5.0, download_max_connections=3)
    slow.mood = "hang"
    asking = [asyncio.create_task(client.get(f"{slow.url}/{number}.png")) for number in range(12)]
    await until(lambda: client.metric("origin_waiting") == 10)
    assert client.metric("origin_fetches") == 2
    assert (await client.get(f"{well.url}/a.png")).status == 200
    slow.calm.set()
    assert {one.status for one in await asyncio.gather(*asking)} == {200}
    assert slow.most == 2


async def test_more_than_may_wait_for_one_origin_are_refused(serve: Serve, origins: tuple[Moody, Moody]) -> None:
    slow, well = origins
    client = await serve(origin_max_fetches=1, origin_max_waiting=1, origin_failures=0, download_timeout=1.0)
    slow.mood = "hang"
    asking = [asyncio.create_task(client.get(f"{slow.url}/{number}.png")) for number in range(2)]
    await until(lambda: client.metric("origin_waiting") == 1)
    refused = await client.get(f"{slow.url}/more.png")
    assert (refused.status, refused.body) == (429, b"Too many requests")
    assert "Retry-After" in refused.headers
    assert (await client.get(f"{well.url}/a.png")).status == 200
    assert [one.status for one in await asyncio.gather(*asking)] == [504, 504]


async def test_a_bucket_that_fails_is_left_alone_and_its_neighbour_is_not(
    serve: Serve, origins: tuple[Moody, Moody]
) -> None:
    endpoint, _ = origins
    client = await serve(use_s3=True, s3_endpoint=endpoint.url, s3_max_attempts=1, download_timeout=10.0)
    for number in range(FAILURES):
        assert (await client.get(f"s3://bad/{number}.png")).status == 502
    asked = endpoint.asked
    refused = await client.get("s3://bad/more.png")
    assert (refused.status, refused.headers["Retry-After"], endpoint.asked) == (502, "1", asked)
    assert (await client.get("s3://good/a.png")).status == 200


async def test_many_who_ask_a_hanging_origin_are_let_go_when_it_is_given_up(
    serve: Serve, origins: tuple[Moody, Moody]
) -> None:
    sick, _ = origins
    client = await serve(origin_max_fetches=FAILURES, origin_pause=30.0, origin_max_pause=30.0)
    sick.mood = "hang"
    told = await asyncio.gather(*(client.get(f"{sick.url}/{number}.png") for number in range(60)))
    # Without a breaker, three at a time for a second each would take twenty seconds.
    assert max(one.seconds for one in told) < 8
    # Before the last of the failures that count, the others' turns have gone to those who waited longest.
    assert FAILURES <= sick.asked < 2 * FAILURES
    assert sorted(one.status for one in told) == [502] * (60 - sick.asked) + [504] * sick.asked
