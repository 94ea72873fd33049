"""Pictures whose time is over: at once while they are refreshed, in place of errors, confirmed without a transform."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import pictures, servers
from tests.acceptance.origin import Origin, Page
from tests.acceptance.service import IN_MEMORY, Service, serving, until
from tests.acceptance.test_storage import BUCKET, bucket, on_s3

CONFIRMED = "imgproxy-py; fwd=stale; fwd-status=304; stored"
OLD, NEW = pictures.png(pictures.marked(60, 40)), pictures.png(pictures.marked(90, 30))
POLICIES = (
    "http://*/confirmed seconds=1; http://*/meanwhile seconds=1 swr=60; http://*/excused seconds=1 sie=3; * seconds=1"
)
SETTINGS = {"allow_loopback_source_addresses": "true", "cache_policies": POLICIES, "download_timeout": "1"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("stale"), **SETTINGS) as running:
        yield running


def showing(origin: Origin, path: str) -> str:
    """The target of a picture whose original is there from now on."""
    return "/_/w:20/plain/" + origin.put(path, OLD, ETag='"1"')


def is_over(answered: float) -> None:
    """Wait until a picture of that time is not fresh any more."""
    time.sleep(max(0.0, answered + 1.1 - time.monotonic()))


def transforms(*services: Service) -> float:
    return sum(one.metric("stage_duration_seconds_count", stage="transform") for one in services)


def test_a_stale_picture_is_answered_at_once_though_its_origin_is_not_done(service: Service, origin: Origin) -> None:
    target = showing(origin, "/meanwhile-1.png")
    first, answered = service.get(target), time.monotonic()
    is_over(answered)
    made = transforms(service)
    origin.put("/meanwhile-1.png", OLD, held=True, ETag='"1"')
    with ThreadPoolExecutor(8) as threads:
        stale = list(threads.map(lambda _: service.get(target), range(50)))
    assert {(one.status, one.body) for one in stale} == {(200, first.body)}
    assert all(one.cache.startswith("imgproxy-py; hit; detail=memory; ttl=-") for one in stale)
    assert {one.headers["Age"] for one in stale} <= {"1", "2"}
    assert service.line(stale[0])["stale"] > 0
    origin.is_asked("/meanwhile-1.png", 2)
    origin.let_go("/meanwhile-1.png")
    fresh = until(lambda: (answer := service.get(target)).cache == IN_MEMORY and answer)
    assert (fresh.body, fresh.headers["ETag"]) == (first.body, first.headers["ETag"])
    assert origin.times("/meanwhile-1.png") == 2
    assert origin.asked[-1].headers["if-none-match"] == '"1"'
    assert transforms(service) == made
    assert service.metric("stale_total", reason="refreshing") >= 50


def test_a_changed_original_shows_after_one_stale_answer(service: Service, origin: Origin) -> None:
    target = showing(origin, "/meanwhile-2.png")
    first, answered = service.get(target), time.monotonic()
    origin.put("/meanwhile-2.png", NEW, ETag='"2"')
    is_over(answered)
    assert service.get(target).body == first.body
    changed = until(lambda: (answer := service.get(target)).body != first.body and answer)
    assert changed.size == (20, 7)
    assert changed.headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize(
    "broken",
    [Page(b"", "500 Oops"), Page(OLD, then="stall", sent=10), Page(OLD, then="reset", sent=0), None],
    ids=["500", "stalls", "resets", "is down"],
)
def test_a_stale_picture_is_answered_in_place_of_an_error(service: Service, broken: Page | None) -> None:
    with Origin() as origin:
        target = showing(origin, "/excused.png")
        first, answered = service.get(target), time.monotonic()
        is_over(answered)
        if broken:
            origin.put("/excused.png", broken)
            check_excused(service, target, first.body)
    if not broken:
        check_excused(service, target, first.body)
    time.sleep(max(0.0, answered + 4.1 - time.monotonic()))
    assert service.get(target).status >= 400


def check_excused(service: Service, target: str, body: bytes) -> None:
    answer = service.get(target)
    assert (answer.status, answer.body) == (200, body)
    assert "fwd=stale; detail=stale-if-error; ttl=-" in answer.cache
    assert (
        int(answer.headers["Cache-Control"].split(",")[0].removeprefix("max-age=")) <= int(answer.headers["Age"]) + 10
    )
    line = service.line(answer)
    assert line["stale"] > 0
    assert line["error"] in ("source-unreachable", "source-timeout")


def test_without_such_a_rule_the_error_is_told(service: Service, origin: Origin) -> None:
    target = showing(origin, "/confirmed-no.png")
    service.get(target)
    is_over(time.monotonic())
    origin.put("/confirmed-no.png", Page(b"", "503 Later"))
    assert service.get(target).status >= 400
    origin.put("/confirmed-no.png", OLD, ETag='"1"')
    assert service.get(target).cache == CONFIRMED


def test_an_original_that_is_gone_takes_its_picture_with_it(service: Service, origin: Origin) -> None:
    target = showing(origin, "/excused-gone.png")
    service.get(target)
    is_over(time.monotonic())
    origin.put("/excused-gone.png", Page(b"", "410 Gone"))
    assert service.get(target).status == 410
    origin.put("/excused-gone.png", Page(b"", "500 Oops"))
    assert service.get(target).status >= 400


def test_a_picture_of_a_folder_is_confirmed_and_remade(tmp_path: Path) -> None:
    folder = tmp_path / "originals"
    folder.mkdir()
    settings = SETTINGS | {"local_filesystem_root": str(folder)}

    def put(data: bytes) -> None:
        (folder / "a.png").write_bytes(data)
        os.utime(folder / "a.png", (1, 1))  # size and time tell changes apart

    with serving(tmp_path, **settings) as service:
        check_confirmed_and_remade(service, "/_/w:20/plain/local:///a.png", put)


@pytest.mark.parametrize("kind", ["weed_server", "moto_server"])
def test_a_picture_from_s3_is_confirmed_and_remade(kind: str, request: Any, tmp_path: Path) -> None:
    server: servers.S3Server = request.getfixturevalue(kind)
    with bucket(server) as s3, on_s3(tmp_path, server, cache_policies="s3:// seconds=1") as service:

        def put(data: bytes) -> None:
            s3.put_object(Bucket=BUCKET, Key="stale.png", Body=data)

        check_confirmed_and_remade(service, f"/_/w:20/plain/s3://{BUCKET}/stale.png", put)


def check_confirmed_and_remade(service: Service, target: str, put: Callable[[bytes], None]) -> None:
    put(OLD)
    first = service.get(target)
    is_over(time.monotonic())
    confirmed = service.get(target)
    assert (confirmed.status, confirmed.cache, confirmed.body) == (200, CONFIRMED, first.body)
    assert confirmed.headers["ETag"] == first.headers["ETag"]
    assert transforms(service) == 1
    put(NEW)
    is_over(time.monotonic())
    changed = service.get(target)
    assert (changed.status, changed.size, transforms(service)) == (200, (20, 7), 2)
    assert service.metric("refreshed_total", result="confirmed") == 1
    assert service.metric("refreshed_total", result="remade") == 1


def test_several_servers_refresh_a_picture_once(tmp_path: Path, origin: Origin) -> None:
    settings = SETTINGS | {"cache_policies": "http:// seconds=2 swr=60", "memory_cache_expiration_seconds": "60"}
    with (
        servers.redis_server(tmp_path) as redis,
        serving(tmp_path, redis_url=redis.url, **settings) as one,
        serving(tmp_path, redis_url=redis.url, **settings) as two,
        serving(tmp_path, redis_url=redis.url, **settings) as three,
    ):
        services = (one, two, three)
        target = showing(origin, "/a.png")
        bodies = {service.get(target).body for service in services}
        assert (len(bodies), origin.times("/a.png")) == (1, 1)
        time.sleep(2.2)
        origin.put("/a.png", OLD, held=True, ETag='"1"')
        stale = [service.get(target) for service in services for _ in range(20)]
        assert all("ttl=-" in answer.cache for answer in stale)
        origin.is_asked("/a.png", 2)
        origin.let_go("/a.png")
        for service in services:
            until(lambda service=service: "ttl" not in service.get(target).cache)  # type: ignore[misc]
        assert origin.times("/a.png") == 2
        assert transforms(*services) == 1


def test_a_store_of_results_gives_what_is_stale_after_a_restart(tmp_path: Path, origin: Origin) -> None:
    settings = SETTINGS | {
        "result_store": f"local://{tmp_path}/results",
        "cache_policies": "http:// seconds=2 tiers=store sie=600",
    }
    (tmp_path / "results").mkdir()
    target = showing(origin, "/a.png")
    with serving(tmp_path, **settings) as first:
        body = first.get(target).body
        time.sleep(2.1)
    origin.put("/a.png", Page(b"", "500 Oops"))
    with serving(tmp_path, **settings) as second:
        answer = second.get(target)
        assert (answer.status, answer.body) == (200, body)
        assert "stale-if-error" in answer.cache
        origin.put("/a.png", OLD, ETag='"1"')
        assert second.get(target).cache == CONFIRMED
        until(lambda: second.get(target).cache == "imgproxy-py; hit; detail=stored")


def test_under_load_nothing_fails_while_an_original_changes_again_and_again(service: Service, origin: Origin) -> None:
    """Whatever is given is one of the pictures, never older than a moment."""
    url = origin.put("/meanwhile-load.png", OLD, ETag='"0"')
    target, ends = f"/_/w:20/f:png/plain/{url}", time.monotonic() + 6

    def asks(_: int) -> Counter[tuple[int, bytes]]:
        seen: Counter[tuple[int, bytes]] = Counter()
        while time.monotonic() < ends:
            answer = service.get(target)
            seen[answer.status, answer.body] += 1
        return seen

    with ThreadPoolExecutor(6) as threads:
        asking = [threads.submit(asks, number) for number in range(6)]
        for number in range(1, 5):
            time.sleep(1)
            origin.put("/meanwhile-load.png", pictures.png(pictures.marked(60, 10 + number)), ETag=f'"{number}"')
        seen = sum((one.result() for one in asking), Counter[tuple[int, bytes]]())
    assert {status for status, _ in seen} == {200}
    assert 2 <= len(seen) <= 5
    assert origin.times("/meanwhile-load.png") <= 8
