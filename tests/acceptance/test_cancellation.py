"""Who leaves, or can wait no longer, stops the pixels; unless another waits for the same picture."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pictures
from tests.acceptance.clients import Client
from tests.acceptance.service import Service, serving, until

LONG = {
    "webp": "/unsafe/rs:fit:5000:5000:1/q:95/plain/local:///noise.png@webp",
    "progressive jpeg": "/unsafe/rs:fit:8000:8000:1/q:95/jpgo:1:0:1:0:1/plain/local:///noise.png@jpg",
    "gif": "/unsafe/rs:fit:4000:4000:1/plain/local:///noise.png@gif",
    "blur": "/unsafe/rs:fit:7000:7000:1/bl:80/plain/local:///noise.png@jpg",
}
"""Targets that take seconds, each at another part of the work."""


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    (folder / "noise.png").write_bytes(pictures.png(pictures.noise(2000, 2000)))
    (folder / "small.jpg").write_bytes(pictures.jpeg(pictures.marked(300, 200)))
    return folder


@pytest.fixture(scope="module")
def settings(originals: Path) -> dict[str, str]:
    return {
        "local_filesystem_root": str(originals),
        "max_src_resolution": "100",
        "webp_effort": "6",
        "memory_cache_bytes": "0",
        "workers": "2",
        "timeout": "60",
    }


@pytest.fixture(scope="module")
def slow(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("slow"), **settings) as running:
        yield running


@pytest.fixture
def fresh(settings: dict[str, str], tmp_path: Path) -> Iterator[Service]:
    """One that has not learned yet how long its work takes, and lets more wait than can be done in time."""
    with serving(tmp_path, **settings) as running:
        yield running


def counts(service: Service) -> tuple[float, float]:
    """How many pictures were encoded, and how many clients left theirs."""
    encoded = service.metric("stage_duration_seconds_count", stage="encode")
    return encoded, service.metric("errors_total", slug="client-gone")


def at_work(service: Service) -> bool:
    return service.metric("places_in_use") == 1


async def asked(service: Service, target: str, seconds: float = 1.0) -> Client:
    """A client whose picture has been worked on for a while, and is not done."""
    client = await Client.connected(service.port)
    await client.send(target)
    await asyncio.to_thread(until, lambda: at_work(service))
    await asyncio.sleep(seconds)
    assert at_work(service), "the work is not slow enough for this test"
    return client


@pytest.mark.parametrize("kind", LONG)
async def test_when_its_client_leaves_the_place_is_free_long_before_the_work_would_be_done(
    slow: Service, kind: str
) -> None:
    encoded, gone = counts(slow)
    client = await asked(slow, LONG[kind])
    left_at = time.monotonic()
    await client.leave()
    await asyncio.to_thread(until, lambda: not at_work(slow))
    print(f"{kind}: the place was free {(time.monotonic() - left_at) * 1000:.0f} ms after its client had left")
    assert time.monotonic() - left_at < 3
    for name in ("requests_in_progress", "flights", "queue_depth", "seats_in_use", "cost_in_use"):
        await asyncio.to_thread(slow.reaches, 0, name)
    assert counts(slow) == (encoded, gone + 1)


async def test_while_another_waits_for_it_the_picture_is_made(slow: Service) -> None:
    target = "/unsafe/rs:fit:1500:1500:1/q:95/plain/local:///noise.png@webp"
    first, second = await Client.connected(slow.port), await Client.connected(slow.port)
    await first.send(target)
    await asyncio.to_thread(until, lambda: at_work(slow))
    await second.send(target)
    await asyncio.to_thread(slow.reaches, 2, "requests_in_progress")
    await first.leave()
    answer = await second.answer()
    assert (answer.status, answer.size) == (200, (1500, 1500))
    await second.leave()


async def test_a_passed_deadline_stops_the_pixels(originals: Path, tmp_path: Path) -> None:
    settings = {"local_filesystem_root": str(originals), "webp_effort": "6", "timeout": "1.5", "workers": "2"}
    with serving(tmp_path, max_src_resolution="100", **settings) as service:
        answer = await asyncio.to_thread(service.get, LONG["webp"])
        assert answer.said == (503, "Timeout")
        answered_at = time.monotonic()
        await asyncio.to_thread(until, lambda: not at_work(service))
        print(f"the place was free {(time.monotonic() - answered_at) * 1000:.0f} ms after the deadline's answer")
        assert time.monotonic() - answered_at < 3
        assert service.is_alive()


async def test_small_pictures_are_made_beside_huge_ones(fresh: Service) -> None:
    huge = [await Client.connected(fresh.port) for _ in range(3)]
    for number, client in enumerate(huge):
        await client.send(f"/unsafe/rs:fit:{5000 + number}:5000:1/q:95/plain/local:///noise.png@webp")
    await asyncio.to_thread(until, lambda: fresh.metric("lane_waiting", lane="huge") == 2)
    for width in range(100, 120):
        answer = await asyncio.to_thread(fresh.get, f"/unsafe/w:{width}/plain/local:///small.jpg")
        assert answer.status == 200
    assert fresh.metric("lane_in_use", lane="huge") == 1
    await leave(fresh, huge)


async def leave(service: Service, clients: list[Client]) -> None:
    """Have all of them leave, and wait until nothing of theirs is under way."""
    for client in clients:
        await client.leave()
    for name in ("requests_in_progress", "lane_in_use", "lane_waiting", "seats_in_use"):
        await asyncio.to_thread(service.reaches, 0, name)


async def test_probes_and_metrics_answer_while_every_place_is_taken(fresh: Service) -> None:
    huge = [await Client.connected(fresh.port) for _ in range(6)]
    for number, client in enumerate(huge):
        await client.send(f"/unsafe/rs:fit:{5000 + number}:5000:1/q:95/plain/local:///noise.png@webp")
    await asyncio.to_thread(until, lambda: fresh.metric("lane_waiting", lane="huge") == 5)
    assert (await asyncio.to_thread(fresh.get, "/health")).status == 200
    assert (await asyncio.to_thread(fresh.get, "/ready")).status == 200
    await leave(fresh, huge)
