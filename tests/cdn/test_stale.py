"""When the service is gone, what was kept is served for as long as was told; afterwards it is fetched anew."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.origin import Origin, Page
from tests.acceptance.service import Service, serving, until
from tests.cdn.conftest import SETTINGS, Fleet, signed
from tests.cdn.edges import EDGES, PURGE_SECRET, eventually

FRESH, REVALIDATE, IF_ERROR = 1, 1, 30
LIVES = {"cdn_ttl": str(FRESH), "stale_while_revalidate": str(REVALIDATE), "stale_if_error": str(IF_ERROR)}
LIVES["memory_cache_expiration_seconds"] = "1"  # else it would be the service that gives old pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "originals"
    path.mkdir()
    return path


@contextmanager
def running(folder: Path, directory: Path, **settings: str) -> Iterator[Service]:
    with serving(directory, **{**SETTINGS, **LIVES, "local_filesystem_root": str(folder), **settings}) as service:
        yield service


@pytest.fixture(params=EDGES)
def kind(request: pytest.FixtureRequest, tools: None) -> str:
    return str(request.param)


def own_status(answer: object) -> str:
    return str(answer.headers.get_all("Cache-Status"))  # type: ignore[attr-defined]


def test_stale_is_served_while_the_service_is_down_and_fetched_anew_afterwards(
    kind: str, folder: Path, tmp_path: Path
) -> None:
    with running(folder, tmp_path) as service:
        fleet, port = Fleet([service], folder), service.port
        target, other = signed(f"/w:20/plain/{fleet.put('a.png')}@png"), signed(f"/w:20/plain/{fleet.put('b.png')}@png")
        with EDGES[kind](tmp_path, [port]) as edge:
            old = edge.get(target)
            assert old.status == 200
            assert "stale-if-error=30" in old.headers["Cache-Control"]
            service.asked_to_end()
            assert service.ends() == 0
            time.sleep(FRESH + REVALIDATE + 1.3)
            started = time.monotonic()
            answers = [edge.get(target) for _ in range(20)]
            assert {(one.status, one.body) for one in answers} == {(200, old.body)}
            assert all("stale" in own_status(one) for one in answers)
            print(f"{kind}: 20 stale answers in {time.monotonic() - started:.2f} s while nobody is there")
            assert edge.get(other).status in (502, 503, 504)  # never seen: there is nothing to give

            fleet.put("a.png", shade=200)
            with running(folder, tmp_path, bind=f"127.0.0.1:{port}"):
                took = eventually(lambda: edge.get(target).body != old.body)
                new = edge.get(target)
                assert new.status == 200
                assert new.headers["ETag"] != old.headers["ETag"]
                eventually(lambda: edge.get(other).status == 200)
                print(f"{kind}: the new picture {took:.2f} s after the service was back")


def test_stale_is_served_while_the_service_fails(kind: str, folder: Path, tmp_path: Path, origin: Origin) -> None:
    # Nothing is kept in the service, which otherwise answers from what it has for as long as the edge does.
    with running(folder, tmp_path, memory_cache_bytes="0", originals_cache_bytes="0") as service:
        url = origin.put(
            "/a.png", (folder / Fleet([service], folder).put("a.png").removeprefix("local:///")).read_bytes()
        )
        target = signed(f"/w:20/plain/{url}@png")
        with EDGES[kind](tmp_path, [service.port]) as edge:
            old = edge.get(target)
            origin.put("/a.png", Page(b"", "500 Internal Server Error"))
            time.sleep(FRESH + REVALIDATE + 1.5)
            answers = [edge.get(target) for _ in range(5)]
            assert {(one.status, one.body) for one in answers} == {(200, old.body)}
            # It was asked, and it did fail.
            failed = until(lambda: [one for one in list(service.events) if one.get("status", 0) >= 500])
            print(f"{kind}: 5 stale answers while the service answers {failed[0]['status']} ({len(failed)} times)")
            origin.put("/a.png", (folder / Fleet([service], folder).put("b.png", shade=9)[9:]).read_bytes())
            eventually(lambda: edge.get(target).body != old.body)


def test_within_stale_while_revalidate_nobody_waits(kind: str, folder: Path, tmp_path: Path) -> None:
    with running(folder, tmp_path, stale_while_revalidate="20") as service:
        fleet = Fleet([service], folder)
        target = signed(f"/w:20/plain/{fleet.put('a.png')}@png")
        with EDGES[kind](tmp_path, [service.port]) as edge:
            old = edge.get(target)
            fleet.put("a.png", shade=200)
            time.sleep(FRESH + 0.5)
            with stopped(service):  # so that fetching anew cannot be done yet
                first = edge.get(target)
                assert (first.status, first.body) == (200, old.body)
                assert first.seconds < 0.5
            took = eventually(lambda: edge.get(target).body != old.body)
            print(f"{kind}: stale at once ({1000 * first.seconds:.0f} ms), anew {took:.2f} s later")


def test_beyond_stale_while_revalidate_the_service_is_asked_first(kind: str, folder: Path, tmp_path: Path) -> None:
    with running(folder, tmp_path) as service:
        fleet = Fleet([service], folder)
        target = signed(f"/w:20/plain/{fleet.put('a.png')}@png")
        with EDGES[kind](tmp_path, [service.port]) as edge:
            old = edge.get(target)
            fleet.put("a.png", shade=200)
            time.sleep(FRESH + REVALIDATE + 1.3)
            assert edge.get(target).body != old.body  # the first one already


def test_a_url_with_an_expiry_is_not_served_stale(kind: str, folder: Path, tmp_path: Path) -> None:
    with running(folder, tmp_path) as service:
        fleet = Fleet([service], folder)
        with EDGES[kind](tmp_path, [service.port]) as edge:
            expires = int(time.time()) + 3
            target = signed(f"/exp:{expires}/w:20/plain/{fleet.put('a.png')}@png")
            assert edge.get(target).status == 200
            service.asked_to_end()
            assert service.ends() == 0
            time.sleep(max(0.0, expires + 1.2 - time.time()))
            assert edge.get(target).status >= 500


def test_what_is_unchanged_is_revalidated_and_not_sent_again(kind: str, folder: Path, tmp_path: Path) -> None:
    with running(folder, tmp_path) as service:
        fleet = Fleet([service], folder)
        source = fleet.put("a.png")
        target = signed(f"/w:20/plain/{source}@png")
        with EDGES[kind](tmp_path, [service.port]) as edge:
            old = edge.get(target)
            for _ in range(2):
                time.sleep(FRESH + REVALIDATE + 1.3)
                again = edge.get(target)
                assert (again.status, again.body, again.headers["ETag"]) == (200, old.body, old.headers["ETag"])
            assert [one["status"] for one in fleet.asked(source)] == [200, 304, 304]
            if kind == "varnish":  # which makes a new object of an old one at each 304: its keys must have come along
                key = {"xkey_purge": old.headers["Cache-Tag"], "Authorization": f"Bearer {PURGE_SECRET}"}
                assert edge.get("/", method="PURGE", **key).body == b"purged 1\n"
                assert not edge.was_hit(edge.get(target))


@contextmanager
def stopped(service: Service) -> Iterator[None]:
    service.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        service.process.send_signal(signal.SIGCONT)
