"""Clients who come in crowds are let in quickly, and keep nobody else from being heard.

On uvloop, whose manners these are about; what is counted are rounds of its loop and the order of answers, not time.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from itertools import pairwise
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import uvloop
from aiohttp import web
from structlog.testing import capture_logs

from imgproxy_py.web import accepting, crowds, rounds
from imgproxy_py.web.accepting import Acceptor
from imgproxy_py.web.application import WebSettings, make_application
from imgproxy_py.web.crowds import Doorkeeper
from imgproxy_py.web.doors import Door
from imgproxy_py.web.problems import ImgproxyVoice
from imgproxy_py.web.server import Server, ServerSettings
from imgproxy_py.web.traffic import TRAFFIC, Traffic
from tests.fakes import until

PICTURE = b"GET /picture HTTP/1.1\r\nHost: a\r\n\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"


class Served(NamedTuple):
    """A server in this process, and what it has begun of pictures so far."""

    port: int
    traffic: Traffic
    begun: list[int]
    acceptor: Acceptor

    @property
    def doorkeeper(self) -> Doorkeeper:
        return self.acceptor._doorkeeper

    def connection(self, stack: ExitStack) -> socket.socket:
        """Connect; the kernel does so by itself, whatever the event loop is about."""
        return stack.enter_context(socket.create_connection(("127.0.0.1", self.port), 10))


@asynccontextmanager
async def served(seconds: float = 0.0, processes: int = 1) -> AsyncIterator[Served]:
    """Serve pictures that take so many seconds each."""
    begun: list[int] = []

    async def picture(_: web.Request) -> web.Response:
        begun.append(len(begun))
        await asyncio.sleep(seconds)
        return web.Response(body=b"picture")

    door = Door(path="/picture", handler=picture, voice=ImgproxyVoice(), dialect="imgproxy")
    application = make_application([door], settings=WebSettings())
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    async with Server(application, listening, ServerSettings(max_clients=0, processes=processes)) as server:
        yield Served(listening.getsockname()[1], application[TRAFFIC], begun, server._acceptor)


async def rounds_until(true: Callable[[], bool]) -> int:
    """Give how many rounds the event loop has made until something was true."""
    count = 0
    while not true():
        await asyncio.sleep(0)
        count += 1
        assert count < 100_000
    return count


def on_uvloop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Have a test run on an event loop of its own."""

    def run() -> None:
        async def main() -> None:
            await test()

        uvloop.run(main())

    return run


@on_uvloop
async def test_a_few_who_connect_are_accepted_one_by_one_and_left_to_processes_beside_us() -> None:
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        # Whatever the machine does meanwhile, no round takes any time.
        patch.setattr(accepting, "time", SimpleNamespace(perf_counter=lambda: 1.0))
        async with served() as service:
            for _ in range(24):
                service.connection(stack)
            seen = [0]
            while seen[-1] < 24:
                await asyncio.sleep(0)
                seen.append(service.traffic.connections)
            assert max(after - before for before, after in pairwise(seen)) == 1


@on_uvloop
async def test_beside_other_processes_there_is_no_doorkeeper_and_busy_rounds_accept_more() -> None:
    with ExitStack() as stack:
        async with served(processes=2) as service:
            for _ in range(10 * crowds.EACH_ROUND):
                service.connection(stack)
            seen = [0]
            while seen[-1] < 10 * crowds.EACH_ROUND:
                time.sleep(crowds.EACH_ROUND * accepting.BUSY_SECONDS)  # noqa: ASYNC251 -- that is a busy round
                await asyncio.sleep(0)
                seen.append(service.traffic.connections)
            assert max(after - before for before, after in pairwise(seen)) == crowds.EACH_ROUND
            assert service.doorkeeper._process is None


async def _kept(service: Served, stack: ExitStack) -> None:
    """Have a crowd come, and the doorkeeper keep the door and know how we are."""
    for _ in range(accepting.CROWD):
        service.connection(stack)
    await until(lambda: service.acceptor._server is None, seconds=20)
    await until(service.acceptor._around.health, seconds=20)
    service.acceptor._look()


def _asked_aside(port: int, head: bytes) -> bytes:
    """Give all that a new connection is answered; the event loop, which runs in this thread, stands still meanwhile."""

    def ask() -> None:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(head)
            while part := connection.recv(4096):
                answer.append(part)

    answer: list[bytes] = []
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join(10)
    return _made_equal(b"".join(answer))


@on_uvloop
async def test_in_a_crowd_health_is_told_while_the_event_loop_stands_still() -> None:
    with ExitStack() as stack:
        async with served() as service:
            await _kept(service, stack)
            told = _asked_aside(service.port, HEALTH)
            with service.connection(stack) as probe:
                probe.sendall(HEALTH.replace(b"Host: a", b"Host: a\r\nX-Request-ID: answered-by-the-service"))
                probe.setblocking(False)
                ours = _made_equal(await asyncio.get_running_loop().sock_recv(probe, 4096))
            assert told.startswith(b"HTTP/1.1 200 OK\r\n")
            assert told.replace(b"Connection: close\r\n", b"") == ours


@on_uvloop
async def test_who_comes_by_the_doorkeeper_is_served_as_others() -> None:
    with ExitStack() as stack:
        async with served() as service:
            await _kept(service, stack)
            for _ in range(3):
                assert (await _asked(service, PICTURE)).endswith(b"\r\n\r\npicture")


@on_uvloop
async def test_some_of_those_who_come_by_the_doorkeeper_are_taken_in_each_round() -> None:
    with ExitStack() as stack:
        async with served() as service:
            await _kept(service, stack)
            for _ in range(80):
                service.connection(stack)
            time.sleep(0.5)  # noqa: ASYNC251 -- the doorkeeper accepts them meanwhile
            seen = [service.traffic.connections]
            while seen[-1] < accepting.CROWD + 80:
                await asyncio.sleep(0)
                seen.append(service.traffic.connections)
            assert max(after - before for before, after in pairwise(seen)) == crowds.EACH_ROUND


@on_uvloop
async def test_after_a_crowd_the_event_loop_accepts_again() -> None:
    async with served() as service:
        with ExitStack() as stack:
            await _kept(service, stack)
        await until(lambda: service.acceptor._server is not None, seconds=20)
        assert (await _asked(service, PICTURE)).endswith(b"picture")


@on_uvloop
async def test_a_doorkeeper_who_dies_is_replaced_and_nobody_waits_for_him() -> None:
    with ExitStack() as stack:
        async with served() as service:
            await _kept(service, stack)
            first = service.doorkeeper._process
            os.kill(first.pid, signal.SIGKILL)
            assert (await _asked(service, PICTURE)).endswith(b"picture")
            await until(
                lambda: service.doorkeeper._process is not first and service.acceptor._server is None, seconds=20
            )
            assert (await _asked(service, PICTURE)).endswith(b"picture")


@on_uvloop
async def test_a_doorkeeper_who_hangs_is_replaced() -> None:
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(accepting, "BEAT", 0.02)
        async with served() as service:
            await _kept(service, stack)
            first = service.doorkeeper._process
            os.kill(first.pid, signal.SIGSTOP)
            await until(lambda: service.doorkeeper._process is not first, seconds=20)
            assert (await _asked(service, PICTURE)).endswith(b"picture")


@on_uvloop
async def test_a_connection_that_no_descriptor_is_left_for_is_told_of() -> None:
    with ExitStack() as stack, capture_logs() as told:
        async with served() as service:
            await _kept(service, stack)
            client = service.connection(stack)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            try:
                client.sendall(PICTURE)
                await until(lambda: any(one["event"] == "descriptors_exhausted" for one in told), seconds=20)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert (await _asked(service, PICTURE)).endswith(b"picture")


@on_uvloop
async def test_without_a_doorkeeper_a_crowd_is_accepted_all_the_same() -> None:
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", "/nowhere/python")
        async with served() as service:
            await _crowd(service, stack, 3 * accepting.CROWD)
            assert (await _asked(service, PICTURE)).endswith(b"picture")


@on_uvloop
async def test_whom_the_doorkeeper_has_is_here_when_it_was_dismissed() -> None:
    with ExitStack() as stack:
        async with served() as service:
            await _kept(service, stack)
            for _ in range(20):
                service.connection(stack)
            time.sleep(0.3)  # noqa: ASYNC251 -- the doorkeeper accepts them meanwhile
            await service.acceptor.dismiss_doorkeeper()
            assert service.traffic.connections == accepting.CROWD + 20


@on_uvloop
async def test_the_doorkeeper_ends_with_the_server() -> None:
    async with served() as service:
        await until(lambda: service.doorkeeper.there, seconds=20)
        process = service.doorkeeper._process
    assert process.returncode == 0


async def _crowd(service: Served, stack: ExitStack, count: int) -> list[socket.socket]:
    crowd = [service.connection(stack) for _ in range(count)]
    await until(lambda: service.traffic.connections == count, seconds=20)
    return crowd


@on_uvloop
async def test_a_burst_of_requests_is_begun_a_few_in_each_round() -> None:
    with ExitStack() as stack:
        async with served() as service:
            for connection in await _crowd(service, stack, 500):
                connection.sendall(PICTURE)
            seen = [0]
            while seen[-1] < 500:
                await asyncio.sleep(0)
                seen.append(len(service.begun))
            assert max(after - before for before, after in pairwise(seen)) <= rounds.EACH_ROUND


@on_uvloop
async def test_requests_that_come_with_their_connections_are_begun_a_few_in_each_round() -> None:
    with ExitStack() as stack:
        async with served() as service:
            for _ in range(200):
                service.connection(stack).sendall(PICTURE)
            seen = [0]
            while seen[-1] < 200:
                await asyncio.sleep(0)
                seen.append(len(service.begun))
            # Their tasks take a round to start, so those of one meet those who waited for the next.
            assert max(after - before for before, after in pairwise(seen)) <= 2 * rounds.EACH_ROUND


@on_uvloop
async def test_health_is_answered_before_a_burst_that_came_earlier() -> None:
    with ExitStack() as stack:
        async with served() as service:
            *crowd, probe = await _crowd(service, stack, 501)
            for connection in crowd:
                connection.sendall(PICTURE)
            probe.sendall(HEALTH)
            probe.setblocking(False)
            answer = await asyncio.get_running_loop().sock_recv(probe, 4096)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert len(service.begun) < 100


def _made_equal(answer: bytes) -> bytes:
    """Give an answer with its date and its request's id made equal."""
    return re.sub(rb"(Date|X-Request-ID): [^\r]+", rb"\1: x", answer)


async def _asked(service: Served, head: bytes) -> bytes:
    """Give all that a new connection is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    await asyncio.sleep(0.01)
    writer.write(head)
    answer = await asyncio.wait_for(reader.read(4096), 10)
    writer.close()
    return _made_equal(answer)


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_health_that_is_known_is_told_as_that_which_was_looked_at(method: bytes) -> None:
    @on_uvloop
    async def ask() -> None:
        async with served() as service:
            head = HEALTH.replace(b"GET", method)
            looked = await _asked(service, head)
            assert looked.startswith(b"HTTP/1.1 200 OK\r\n")
            assert looked.endswith(b"running") == (method == b"GET")
            assert await _asked(service, head) == looked

    ask()


@on_uvloop
async def test_health_that_is_known_takes_no_task() -> None:
    async with served() as service:
        await _asked(service, HEALTH)
        with ExitStack() as stack:
            (probe,) = await _crowd(service, stack, 1)
            await asyncio.sleep(0.01)
            before = asyncio.all_tasks()
            probe.sendall(HEALTH)
            probe.setblocking(False)
            seen: set[asyncio.Task[object]] = set()
            while True:
                seen |= asyncio.all_tasks() - before
                try:
                    assert probe.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
                    break
                except BlockingIOError:
                    await asyncio.sleep(0)
            assert not seen


@on_uvloop
async def test_all_of_a_burst_are_answered() -> None:
    with ExitStack() as stack:
        async with served() as service:
            crowd = await _crowd(service, stack, 100)
            for connection in crowd:
                connection.sendall(PICTURE)
            loop = asyncio.get_running_loop()
            for connection in crowd:
                connection.setblocking(False)
                assert (await loop.sock_recv(connection, 4096)).startswith(b"HTTP/1.1 200 OK\r\n")


@on_uvloop
async def test_who_leaves_while_waiting_for_his_round_is_not_begun() -> None:
    with ExitStack() as stack:
        async with served(0.01) as service:
            crowd = await _crowd(service, stack, 200)
            for connection in crowd:
                connection.sendall(PICTURE)
            await rounds_until(lambda: len(service.begun) > 0)
            for connection in crowd[100:]:
                connection.close()
            await rounds_until(lambda: service.traffic.connections == 100 and service.traffic.in_flight == 0)
            assert 100 <= len(service.begun) < 200


@on_uvloop
async def test_requests_that_follow_one_in_line_are_answered_in_their_order() -> None:
    with ExitStack() as stack:
        async with served() as service:
            *crowd, last = await _crowd(service, stack, 101)
            for connection in crowd:
                connection.sendall(PICTURE)
            last.sendall(PICTURE)
            await asyncio.sleep(0)
            last.sendall(HEALTH)
            last.setblocking(False)
            answered, loop = b"", asyncio.get_running_loop()
            while b"running" not in answered:
                answered += await loop.sock_recv(last, 4096)
            assert answered.count(b"HTTP/1.1 200 OK") == 2
            assert answered.index(b"picture") < answered.index(b"running")


@on_uvloop
async def test_a_crowd_that_leaves_is_seen_to_a_few_in_each_round() -> None:
    async with served(60) as service:
        with ExitStack() as stack:
            for connection in await _crowd(service, stack, 300):
                connection.sendall(PICTURE)
            await rounds_until(lambda: service.traffic.in_flight == 300)
        seen = [300]
        while seen[-1]:
            await asyncio.sleep(0)
            seen.append(service.traffic.connections)
        assert max(before - after for before, after in pairwise(seen)) <= rounds.ENDS_EACH_ROUND
        await rounds_until(lambda: service.traffic.in_flight == 0)
