"""Several servers, one Redis, one cold picture: it is fetched and made once, whoever dies."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import pictures, servers
from tests.acceptance.clients import Client
from tests.acceptance.origin import Origin, Page
from tests.acceptance.service import IN_REDIS, MADE, Answer, Service, serving, until

SHARED = "imgproxy-py; fwd=miss; collapsed"
LEASE = 1.0

Start = Callable[..., list[Service]]

HOW_MANY = pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
EACH = 50


SETTINGS = {
    "allow_loopback_source_addresses": "true",
    "timeout": "20",
    "download_timeout": "15",
    "lease_seconds": str(LEASE),
    "workers": "2",
}


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Service]]:
    """Four servers around one Redis, for those who leave them as they are."""
    directory = tmp_path_factory.mktemp("four")
    with ExitStack() as stack:
        url = stack.enter_context(servers.redis_server(directory)).url
        yield [stack.enter_context(serving(directory, redis_url=url, **SETTINGS)) for _ in range(4)]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[servers.RedisServer]:
    with servers.redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def start(tmp_path: Path, redis: servers.RedisServer) -> Iterator[Start]:
    """Start so many servers around a Redis of their own."""
    with ExitStack() as stack:

        def run(count: int, **changed: str) -> list[Service]:
            settings = SETTINGS | {"redis_url": redis.url} | changed
            return [stack.enter_context(serving(tmp_path, **settings)) for _ in range(count)]

        yield run


async def crowd(services: list[Service], target: str, each: int) -> list[Client]:
    """So many clients of each server, all inside of it with the same question."""
    clients = []
    for service in services:
        several = await asyncio.gather(*(Client.connected(service.port) for _ in range(each)))
        for client in several:
            await client.send(target)
        clients += several
    for service in services:
        await asyncio.to_thread(service.reaches, each, "requests_in_progress")
    return clients


async def answers(clients: list[Client]) -> list[Answer]:
    found = await asyncio.gather(*(client.answer() for client in clients))
    await asyncio.gather(*(client.leave() for client in clients))
    return list(found)


def total(services: list[Service], name: str, **labels: str) -> float:
    return sum(one.metric(name, **labels) for one in services)


def holder(services: list[Service]) -> Service:
    def found() -> Service | None:
        return next((one for one in services if one.metric("leases_held") == 1), None)

    return until(found)


async def test_four_servers_and_two_hundred_clients_make_one_fetch_and_one_picture(
    four: list[Service], origin: Origin
) -> None:
    url = origin.put("/cold.png", pictures.png(pictures.marked(900, 600)), held=True)
    counted = ("leases_waited_total", "leases_taken_total", "leases_lost_total", "leases_taken_over_total")
    before = {name: total(four, name) for name in counted}
    made = total(four, "stage_duration_seconds_count", stage="transform")
    clients = await crowd(four, f"/unsafe/rs:fill:200:200/plain/{url}", 50)
    await asyncio.to_thread(until, lambda: total(four, "leases_waited_total") - before["leases_waited_total"] == 3)
    assert total(four, "leases_held") == 1
    origin.let_go("/cold.png")
    began = time.monotonic()
    given = await answers(clients)
    print(f"200 clients of 4 servers answered {time.monotonic() - began:.3f} s after the origin's answer")
    assert {one.status for one in given} == {200}
    assert len({one.body for one in given}) == 1
    assert len({one.headers["ETag"] for one in given}) == 1
    assert Counter(one.cache for one in given) == {MADE: 1, SHARED: 199}
    assert origin.times("/cold.png") == 1
    assert total(four, "stage_duration_seconds_count", stage="transform") - made == 1
    assert [total(four, name) - before[name] for name in counted] == [3, 1, 0, 0]
    assert total(four, "leases_held") == 0


async def test_two_hundred_at_once_without_any_order_make_one_fetch(four: list[Service], origin: Origin) -> None:
    for turn in range(5):
        path = f"/cold-{turn}.png"
        url = origin.put(path, pictures.png(pictures.marked(300 + turn, 200)))
        clients = await asyncio.gather(*(Client.connected(four[one % 4].port) for one in range(200)))
        await asyncio.gather(*(client.send(f"/unsafe/w:{100 + turn}/plain/{url}") for client in clients))
        given = await answers(list(clients))
        told = Counter(one.cache for one in given)
        assert {one.status for one in given} == {200}
        assert (told[MADE], origin.times(path)) == (1, 1), told
        assert set(told) <= {MADE, SHARED, IN_REDIS, "imgproxy-py; hit; detail=memory"}


@HOW_MANY
async def test_when_the_maker_is_killed_another_makes_it(count: int, start: Start, origin: Origin) -> None:
    running = await asyncio.to_thread(start, count)
    url = origin.put("/slow.png", pictures.png(pictures.marked(900, 600)), held=True)
    target = f"/unsafe/w:211/plain/{url}"
    clients = await crowd(running, target, EACH)
    await asyncio.to_thread(until, lambda: total(running, "leases_waited_total") == count - 1)
    await asyncio.sleep(LEASE * 1.5)  # it is renewed meanwhile
    assert origin.times("/slow.png") == 1
    doomed = await asyncio.to_thread(holder, running)
    index = running.index(doomed)
    os.kill(doomed.process.pid, signal.SIGKILL)
    killed = time.monotonic()
    await asyncio.to_thread(origin.is_asked, "/slow.png", 2)
    took = time.monotonic() - killed
    print(f"another fetched {took:.3f} s after the maker was killed")
    assert took < LEASE + 0.5
    origin.let_go("/slow.png")
    await asyncio.gather(*(client.leave() for client in clients[index * EACH :][:EACH]))
    survivors = [client for one, client in enumerate(clients) if one // EACH != index]
    given = await answers(survivors)
    rest = [one for one in running if one is not doomed]
    assert Counter(one.status for one in given) == {200: EACH * (count - 1)}
    assert Counter(one.cache for one in given) == {MADE: 1, SHARED: EACH * (count - 1) - 1}
    assert origin.times("/slow.png") == 2
    assert total(rest, "leases_taken_over_total") == 1
    assert total(rest, "stage_duration_seconds_count", stage="transform") == 1


@HOW_MANY
async def test_when_redis_dies_everybody_is_answered(
    count: int, start: Start, origin: Origin, redis: servers.RedisServer
) -> None:
    running = await asyncio.to_thread(start, count)
    url = origin.put("/cold.png", pictures.png(pictures.marked(900, 600)), held=True)
    clients = await crowd(running, f"/unsafe/w:212/plain/{url}", EACH)
    await asyncio.to_thread(until, lambda: total(running, "leases_waited_total") == count - 1)
    redis.server.kill()
    lost = time.monotonic()
    await asyncio.to_thread(origin.is_asked, "/cold.png", count)
    took = time.monotonic() - lost
    print(f"all {count} fetched {took:.3f} s after Redis had died")
    assert took < 1.5
    origin.let_go("/cold.png")
    given = await answers(clients)
    assert Counter(one.status for one in given) == {200: EACH * count}
    assert Counter(one.cache for one in given) == {MADE: count, SHARED: (EACH - 1) * count}
    assert len({one.body for one in given}) == 1
    assert total(running, "leases_missed_total") >= count - 1


async def test_when_the_original_is_missing_it_is_asked_for_once(four: list[Service], origin: Origin) -> None:
    page = origin.put("/gone.png", Page(b"", "404 Not Found"), held=True)
    waited = total(four, "leases_waited_total")
    clients = await crowd(four, f"/unsafe/w:213/plain/{page}", 25)
    await asyncio.to_thread(until, lambda: total(four, "leases_waited_total") - waited == 3)
    origin.let_go("/gone.png")
    given = await answers(clients)
    assert Counter(one.status for one in given) == {404: 100}
    assert len({one.body for one in given}) == 1
    assert origin.times("/gone.png") == 1


async def test_when_the_makers_clients_leave_another_makes_it_at_once(start: Start, origin: Origin) -> None:
    running = await asyncio.to_thread(start, 2, lease_seconds="15")
    url = origin.put("/left.png", pictures.png(pictures.marked(300, 200)), held=True)
    clients = await crowd(running, f"/unsafe/w:214/plain/{url}", 10)
    await asyncio.to_thread(until, lambda: total(running, "leases_waited_total") == 1)
    index = running.index(await asyncio.to_thread(holder, running))
    leaving, staying = clients[index * 10 : index * 10 + 10], clients[(1 - index) * 10 :][:10]
    await asyncio.gather(*(client.leave() for client in leaving))
    began = time.monotonic()
    await asyncio.to_thread(origin.is_asked, "/left.png", 2)
    assert time.monotonic() - began < 5  # a third of the lease
    origin.let_go("/left.png")
    assert Counter(one.status for one in await answers(staying)) == {200: 10}


async def test_without_leases_each_server_makes_its_own(start: Start, origin: Origin) -> None:
    running = await asyncio.to_thread(start, 2, lease_seconds="0")
    url = origin.put("/each.png", pictures.png(pictures.marked(300, 200)), held=True)
    clients = await crowd(running, f"/unsafe/w:215/plain/{url}", 5)
    await asyncio.to_thread(origin.is_asked, "/each.png", 2)
    origin.let_go("/each.png")
    assert Counter(one.cache for one in await answers(clients)) == {MADE: 2, SHARED: 8}
