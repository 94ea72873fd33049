"""A thousand who ask for one cold picture make one fetch and one transform; nobody's leaving harms the others."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import pictures
from tests.acceptance.clients import Client
from tests.acceptance.origin import Origin
from tests.acceptance.service import Service, sample, serving, until

CROWD = 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("single")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Service]:
    settings = {"allow_loopback_source_addresses": "true", "local_filesystem_root": str(folder), "timeout": "20"}
    with serving(folder, **settings, download_timeout="15") as service:
        yield service


@dataclass(frozen=True)
class Since:
    """The service, and what its metrics and lines tell since a test began."""

    service: Service
    before: str
    lines: int

    def more(self, name: str, **labels: str) -> float:
        """By how much a count has grown."""
        return self.service.metric(name, **labels) - sample(self.before, name, **labels)

    def outcomes(self, answers: int) -> Counter[str]:
        """What the log lines of so many answered requests say."""

        def said() -> list[str] | None:
            found = [one for one in self.service.outcomes()[self.lines :] if one]
            return found if len(found) >= answers else None

        return Counter(until(said))


@pytest.fixture
def since(running: Service) -> Since:
    return Since(running, running.metrics(), len(running.outcomes()))


@pytest.fixture
def single(since: Since) -> Service:
    return since.service


async def crowd(service: Service, target: str, size: int = CROWD) -> list[Client]:
    """So many clients, each on a connection of its own, all inside of the service with the same question."""
    clients = []
    for begin in range(0, size, 100):  # a hundred at a time, so that no queue of connections overflows
        clients += await asyncio.gather(*(Client.connected(service.port) for _ in range(begin, min(begin + 100, size))))
    for client in clients:
        await client.send(target)
    await asyncio.to_thread(service.reaches, size, "requests_in_progress")
    return clients


async def left(clients: list[Client]) -> None:
    await asyncio.gather(*(client.leave() for client in clients))


async def test_a_thousand_at_once_share_one_transform(single: Service, since: Since, origin: Origin) -> None:
    url = origin.put("/cold.png", pictures.png(pictures.marked(900, 600)), held=True)
    clients = await crowd(single, f"/unsafe/rs:fill:200:200/plain/{url}")
    assert single.metric("flights") == 1
    started = time.monotonic()
    origin.let_go("/cold.png")
    answers = await asyncio.gather(*(client.answer() for client in clients))
    print(f"{CROWD} answered {time.monotonic() - started:.3f} s after the origin's answer")
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert answers[0].size == (200, 200)
    assert origin.times("/cold.png") == 1
    assert since.outcomes(CROWD) == {"made": 1, "shared": CROWD - 1}
    assert since.more("stage_duration_seconds_count", stage="transform") == 1
    assert since.more("requests_total", outcome="made") == 1
    assert since.more("requests_total", outcome="shared") == CROWD - 1
    await left(clients)


async def test_half_of_a_thousand_may_leave(single: Service, since: Since, origin: Origin) -> None:
    url = origin.put("/cold.png", pictures.png(pictures.marked(900, 600)), held=True)
    clients = await crowd(single, f"/unsafe/w:201/plain/{url}")
    leaving, staying = clients[: CROWD // 2], clients[CROWD // 2 :]  # the very first, whose request began it, leaves
    await left(leaving)
    await asyncio.to_thread(single.reaches, len(staying), "requests_in_progress")
    origin.let_go("/cold.png")
    answers = await asyncio.gather(*(client.answer() for client in staying))
    assert {answer.status for answer in answers} == {200}
    assert {answer.size for answer in answers[:3]} == {(201, 134)}
    assert origin.times("/cold.png") == 1
    assert since.more("stage_duration_seconds_count", stage="fetch") <= 1
    told = since.outcomes(len(staying))
    assert told["made"] <= 1  # who had begun it may have left: then no line says `made`, yet it was done once
    assert sum(told.values()) == len(staying)
    assert since.more("cache_puts_total", tier="memory") == 1
    assert since.more("errors_total", slug="client-gone") == len(leaving)
    await left(staying)


async def test_when_everybody_leaves_the_fetch_stops(single: Service, origin: Origin) -> None:
    url = origin.put("/cold.png", b"", held=True)
    clients = await crowd(single, f"/unsafe/w:202/plain/{url}", 50)
    await asyncio.to_thread(until, lambda: origin.waiting == 1)
    assert single.metric("queue_depth") == 1
    await left(clients)
    await asyncio.to_thread(until, lambda: origin.waiting == 0)
    for name in ("requests_in_progress", "flights", "queue_depth", "places_in_use"):
        await asyncio.to_thread(single.reaches, 0, name)
    assert single.is_alive()


async def test_when_everybody_leaves_the_pixels_stop(single: Service, since: Since, folder: Path) -> None:
    (folder / "slow.png").write_bytes(pictures.png(pictures.noise(3000, 3000)))
    slow = "/unsafe/rs:fit:9000:9000:1/bl:90/plain/local:///slow.png@webp"
    clients = await crowd(single, slow, 50)
    await asyncio.to_thread(single.reaches, 1, "places_in_use")
    await asyncio.sleep(0.5)
    assert single.metric("places_in_use") == 1  # it would take much longer than this
    started = time.monotonic()
    await left(clients)
    for name in ("requests_in_progress", "flights", "places_in_use"):
        await asyncio.to_thread(single.reaches, 0, name)
    took = time.monotonic() - started
    print(f"the place was free {took:.3f} s after the last had left")
    assert took < 2
    assert since.more("stage_duration_seconds_count", stage="transform") == 0
    assert single.is_alive()
