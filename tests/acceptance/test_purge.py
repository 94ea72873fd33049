"""An original changes and is purged: how long until none of four processes gives its old picture."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import redis

from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.recipe.tags import source_tag
from tests import pictures, servers
from tests.acceptance.origin import Origin
from tests.acceptance.service import Service, cli, serving, until

PROCESSES = 4
SECRET = "of purges"
OLD, NEW = (pictures.png(pictures.marked(*size)) for size in ((300, 200), (200, 300)))
INTERVAL = 1.0


@pytest.fixture(scope="module")
def settings(redis_server: servers.RedisServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    results = tmp_path_factory.mktemp("results")
    return {
        "redis_url": redis_server.url,
        "redis_key_prefix": f"{results}:",
        "redis_timeout": "2",
        "result_store": f"local://{results}",
        "purge_secret": SECRET,
        "purge_interval": str(INTERVAL),
        "allow_loopback_source_addresses": "true",
    }


@pytest.fixture(scope="module")
def services(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Service]]:
    folder = tmp_path_factory.mktemp("services")
    with ExitStack() as running:
        yield [running.enter_context(serving(folder, **settings)) for _ in range(PROCESSES)]


def purge(service: Service, **order: Any) -> dict[str, Any]:
    connection = HTTPConnection("127.0.0.1", service.port, timeout=20)
    connection.request("POST", "/purge", json.dumps(order), {"Authorization": f"Bearer {SECRET}"})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    assert answer.status == 200, body
    return dict(body)


def shape(service: Service, target: str) -> tuple[int, int]:
    return service.get(target).size


def warm(services: list[Service], target: str) -> None:
    for service in services:
        service.get(target)
        answer = service.get(target)
        assert (answer.size, service.line(answer)["outcome"]) == ((60, 40), "memory")


def changed(services: list[Service], origin: Origin) -> tuple[str, str]:
    """Give the URL of an original, and the target of its picture, that all have in memory as it was before it changed."""
    url = origin.put("/cat.png", OLD)
    target = f"/unsafe/rs:fit:60:60/plain/{url}"
    warm(services, target)
    origin.put("/cat.png", NEW)
    return url, target


class Watch:
    """Asks a process over and over, and remembers when it last gave the old picture."""

    def __init__(self, service: Service, target: str) -> None:
        self._service, self._target = service, target
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.last_old = 0.0
        self.seen: list[int] = []
        self.failed: list[int] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join(20)

    def _run(self) -> None:
        while not self._ends.is_set():
            asked = time.monotonic()
            answer = self._service.get(self._target)
            if answer.status != 200:
                self.failed.append(answer.status)
            elif answer.image.width == 60:
                self.last_old = asked
            self.seen.append(answer.image.width)


def seconds_of_old(services: list[Service], target: str, purging: Callable[[], object]) -> float:
    """How long after a purge was answered the last question was asked that the old picture answered; below 0 for none."""
    with ExitStack() as stack:
        watches = [stack.enter_context(Watch(service, target)) for service in services]
        time.sleep(0.2)
        purging()
        purged = time.monotonic()
        until(lambda: all(one.seen[-20:] == [40] * 20 for one in watches))
    assert [one.failed for one in watches] == [[]] * PROCESSES
    return max(one.last_old for one in watches) - purged


def test_none_of_four_processes_serves_the_old_picture_once_it_is_purged(
    services: list[Service], origin: Origin
) -> None:
    url, target = changed(services, origin)
    assert origin.times("/cat.png") == 1  # the others found it in Redis
    said: list[dict[str, Any]] = []
    took = seconds_of_old(services, target, lambda: said.append(purge(services[0], sources=[url], by="cms")))
    print(f"the last old picture was asked for {took * 1000:+.1f} ms after the purge was answered")
    assert took < 0.5
    assert (said[0]["processes"], said[0]["forgotten"]) == (PROCESSES, 1)
    audit = services[0].told("pictures_purged", by="cms")
    assert (audit["sources"], audit["generation"]) == ([url], said[0]["generation"])
    for service in services[1:]:
        assert service.told("purge_heard", generation=said[0]["generation"])["forgotten"] == 1


@contextmanager
def deaf(server: servers.RedisServer) -> Iterator[None]:
    """End every connection that listens, as often as it comes back."""
    ends = threading.Event()

    def kill() -> None:
        with redis.Redis.from_url(server.url) as client:
            while not ends.is_set():
                client.client_kill_filter(_type="pubsub")
                time.sleep(0.001)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        time.sleep(0.1)
        yield
    finally:
        ends.set()
        thread.join(10)


def test_processes_whose_connections_are_ended_look_for_themselves(
    services: list[Service], origin: Origin, redis_server: servers.RedisServer, settings: dict[str, str]
) -> None:
    url, target = changed(services, origin)
    with deaf(redis_server):
        took = seconds_of_old(services, target, lambda: purge(services[0], sources=[url]))
    print(
        f"with connections ended, the last old picture was asked for {took * 1000:+.1f} ms after the purge was answered"
    )
    assert took < INTERVAL + 1


def test_processes_that_are_told_nothing_are_late_by_the_interval_at_most(
    services: list[Service], origin: Origin, redis_server: servers.RedisServer, settings: dict[str, str]
) -> None:
    url, target = changed(services, origin)

    def record_and_tell_nobody() -> None:
        with redis.Redis.from_url(redis_server.url) as client:
            seconds, microseconds = client.time()
            tag = source_tag(SourceRef(scheme="http", location=url.removeprefix("http://")))
            key = f"{settings['redis_key_prefix']}purges"
            client.zadd(key, {f"tag:{tag}": seconds * 1_000_000 + microseconds})

    took = seconds_of_old(services, target, record_and_tell_nobody)
    print(f"told nothing, the last old picture was asked for {took * 1000:+.1f} ms after the purge")
    assert took < INTERVAL + 0.5


def test_the_command_purges_them_all(services: list[Service], origin: Origin, settings: dict[str, str]) -> None:
    url, target = changed(services, origin)
    done = cli("purge", url, **{name: settings[name] for name in ("redis_url", "redis_key_prefix", "redis_timeout")})
    assert done.returncode == 0, done.stderr
    assert f"purged   our own caches: {PROCESSES} processes told at once" in done.stdout.decode()
    until(lambda: [shape(service, target) for service in services] == [(40, 60)] * PROCESSES)


def test_a_picture_under_way_while_it_was_purged_is_kept_by_nobody(services: list[Service], origin: Origin) -> None:
    url = origin.put("/cat.png", OLD, held=True)
    target = f"/unsafe/rs:fit:60:60/plain/{url}"
    with ThreadPoolExecutor() as threads:
        before = threads.submit(shape, services[0], target)
        origin.is_asked("/cat.png")
        purge(services[1], sources=[url])
        time.sleep(0.2)  # until all have heard
        origin.let_go("/cat.png")
        assert before.result(20) == (60, 40)  # it was asked for before
    time.sleep(0.2)  # what is kept while the answer leaves
    origin.put("/cat.png", NEW)
    assert [shape(service, target) for service in services] == [(40, 60)] * PROCESSES


def test_a_process_that_starts_later_knows_what_was_purged(
    services: list[Service], settings: dict[str, str], origin: Origin, redis_server: servers.RedisServer, tmp_path: Path
) -> None:
    url = origin.put("/pets/cat.png", OLD)
    target = f"/unsafe/rs:fit:60:60/plain/{url}"
    warm(services[:1], target)
    time.sleep(0.2)
    with redis.Redis.from_url(redis_server.url) as client:  # so that the store of results is all that is left
        for key in client.scan_iter(f"{settings['redis_key_prefix']}picture:*"):
            client.delete(key)
    origin.put("/pets/cat.png", NEW)
    purge(services[1], prefixes=[url.removesuffix("cat.png")])
    with serving(tmp_path, **settings) as late:
        assert shape(late, target) == (40, 60)
