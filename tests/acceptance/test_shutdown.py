"""The end under load drops nobody, and what is too much is refused at once."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import pictures
from tests.acceptance.clients import Client, get_once
from tests.acceptance.origin import Origin
from tests.acceptance.service import serving
from tests.capabilities import dropping

FEW, CROWD = 24, 96


@dataclass
class Load:
    """What clients saw: the statuses of answers, and the requests that were sent and never answered."""

    statuses: list[int] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    refused: int = 0

    async def ask_until_the_end(self, port: int, name: int) -> None:
        """Ask for ever new pictures, until nobody takes a connection any more."""
        for number in range(100_000):
            try:
                client = await Client.connected(port)
            except ConnectionError:
                self.refused += 1
                return
            except TimeoutError:
                self.lost.append("connection")
                return
            try:
                await self._converse(client, f"/unsafe/w:{60 + name}/cb:{number}/q:{1 + number % 100}")
            except (OSError, EOFError) as error:
                self.lost.append(repr(error))
            finally:
                await client.leave()

    async def _converse(self, client: Client, options: str) -> None:
        """Ask a few times on one connection, or until it is said to close."""
        for one in range(5):
            answer = await client.get(f"{options}/bl:{1 + one}/plain/local:///a.png@jpg")
            self.statuses.append(answer.status)
            if answer.headers["Connection"] == "close":
                return


@pytest.mark.parametrize(
    ("processes", "clients", "by"),
    [
        pytest.param(1, FEW, [], id="one process"),
        pytest.param(1, CROWD, [], id="one process and a crowd"),
        pytest.param(2, FEW, dropping(), id="two without capabilities"),
        pytest.param(2, FEW, [], id="two", marks=pytest.mark.slow),
        pytest.param(2, CROWD, [], id="two and a crowd", marks=pytest.mark.slow),
        pytest.param(1, FEW, dropping(), id="one without capabilities", marks=pytest.mark.slow),
        pytest.param(1, CROWD, dropping(), id="one without capabilities and a crowd", marks=pytest.mark.slow),
    ],
)
async def test_a_stop_under_load_fails_no_request(processes: int, clients: int, by: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(pictures.png(pictures.marked(300, 200)))
    load = Load()
    with serving(tmp_path, local_filesystem_root=str(tmp_path), processes=str(processes), by=by) as service:
        asking = [asyncio.create_task(load.ask_until_the_end(service.port, name)) for name in range(clients)]
        await asyncio.sleep(1.2)
        assert not any(one.done() for one in asking)
        started = time.monotonic()
        service.asked_to_end()
        async with asyncio.timeout(20):
            await asyncio.gather(*asking)
        assert await asyncio.to_thread(service.ends) == 0
        print(f"{len(load.statuses)} answers, ended {time.monotonic() - started:.2f} s after the signal")
    assert load.lost == []
    assert set(load.statuses) == {200}
    assert len(load.statuses) > clients
    assert load.refused == clients


async def test_a_picture_under_way_is_finished_and_readiness_says_no(tmp_path: Path, origin: Origin) -> None:
    url = origin.put("/slow.png", pictures.png(pictures.marked(60, 40)), held=True)
    settings = {"allow_loopback_source_addresses": "true", "shutdown_delay": "1"}
    with serving(tmp_path, **settings) as service:
        under_way = asyncio.create_task(get_once(service.port, f"/unsafe/w:20/plain/{url}"))
        await asyncio.to_thread(origin.is_asked, "/slow.png")
        service.asked_to_end()
        await asyncio.to_thread(service.told, "server_draining")
        ready = await asyncio.to_thread(service.get, "/ready")
        assert (ready.status, ready.headers["Connection"]) == (503, "close")
        assert b'"draining":true' in ready.body
        origin.let_go("/slow.png")
        assert (await under_way).size == (20, 13)
        assert await asyncio.to_thread(service.ends) == 0


async def test_beyond_the_queue_requests_are_refused_at_once(tmp_path: Path, origin: Origin) -> None:
    (tmp_path / "a.png").write_bytes(pictures.png(pictures.marked(60, 40)))
    settings = {"workers": "1", "requests_queue_size": "2", "allow_loopback_source_addresses": "true"}
    folder = {"local_filesystem_root": str(tmp_path), "images_source": "local:///"}
    with serving(tmp_path, **settings, **folder) as service:
        known = "/unsafe/w:9/plain/local:///a.png"
        assert service.get(known).status == 200
        url = origin.put("/slow.png", pictures.png(pictures.marked(60, 40)), held=True)
        inside = [
            asyncio.create_task(get_once(service.port, f"/unsafe/w:{width}/plain/{url}")) for width in (10, 20, 30)
        ]
        await asyncio.to_thread(service.reaches, 3, "queue_depth")
        await asyncio.to_thread(origin.is_asked, "/slow.png")

        refused = await asyncio.to_thread(service.get, f"/unsafe/w:40/plain/{url}")
        assert refused.said == (429, "Too many requests")
        assert int(refused.headers["Retry-After"]) >= 1
        problem = await asyncio.to_thread(service.get, "/images/a.png?w=40")
        assert (problem.status, problem.problem["type"]) == (503, "overloaded")
        assert int(problem.headers["Retry-After"]) >= 1
        assert problem.headers["Cache-Control"] == "no-store"
        for path in ("/health", "/ready", known):
            answer = await asyncio.to_thread(service.get, path)
            assert (answer.status, answer.seconds < 2) == (200, True)
        assert max(refused.seconds, problem.seconds) < 2  # those inside wait longer
        assert origin.times("/slow.png") == 1  # once for all
        assert service.metric("refused_total") == 2

        origin.let_go("/slow.png")
        assert [answer.image.width for answer in await asyncio.gather(*inside)] == [10, 20, 30]
        assert (await asyncio.to_thread(service.get, f"/unsafe/w:40/plain/{url}")).status == 200


async def test_who_shares_a_picture_under_way_takes_no_place(tmp_path: Path, origin: Origin) -> None:
    settings = {"workers": "1", "requests_queue_size": "1", "allow_loopback_source_addresses": "true"}
    with serving(tmp_path, **settings) as service:
        url = origin.put("/slow.png", pictures.png(pictures.marked(60, 40)), held=True)
        many = [asyncio.create_task(get_once(service.port, f"/unsafe/w:10/plain/{url}")) for _ in range(50)]
        await asyncio.to_thread(service.reaches, 50, "requests_in_progress")
        origin.let_go("/slow.png")
        assert {answer.status for answer in await asyncio.gather(*many)} == {200}
        assert service.metric("refused_total") == 0
