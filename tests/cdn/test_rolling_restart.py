"""Two instances behind an edge, replaced one after the other under load: nobody notices."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import servers
from tests.acceptance.clients import Client
from tests.acceptance.service import Service, serving
from tests.capabilities import dropping
from tests.cdn.conftest import SETTINGS, Fleet, signed
from tests.cdn.edges import EDGES

CLIENTS, ROUNDS, DELAY = 16, 1, 1.5


@dataclass
class Load:
    """What the clients saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    slowest: float = 0.0
    over: bool = False

    async def run(self, port: int, name: int, sources: list[str]) -> None:
        """Ask for pictures, new ones and known ones, on connections of ten requests each."""
        number = 0
        while not self.over:
            try:
                client = await Client.connected(port)
                for _ in range(10):
                    number += 1
                    known = number % 3 == 0
                    path = f"/w:{20 + number % (7 if known else 40)}"
                    path += "" if known else f"/q:{1 + number * 31 % 100}/bl:{1 + name}.{number % 9000:04d}"
                    answer = await client.get(signed(f"{path}/plain/{sources[number % len(sources)]}@jpg"))
                    self.statuses[answer.status] += 1
                    self.slowest = max(self.slowest, answer.seconds)
                await client.leave()
            except (OSError, EOFError, TimeoutError) as error:
                self.lost.append(repr(error))


@pytest.mark.parametrize(
    ("kind", "by"),
    [("nginx", []), ("nginx", dropping()), ("varnish", dropping())],
    ids=["nginx, as we are", "nginx, without capabilities", "varnish, without capabilities"],
)
async def test_a_rolling_restart_fails_no_request(kind: str, by: list[str], tools: None, tmp_path: Path) -> None:
    folder = tmp_path / "originals"
    folder.mkdir()
    settings = {**SETTINGS, "local_filesystem_root": str(folder), "shutdown_delay": str(DELAY), "workers": "2"}
    ports = servers.free_ports(2)
    fleet = Fleet([], folder)
    sources = [fleet.put() for _ in range(4)]
    load = Load()
    with ExitStack() as edges:
        stacks = {port: ExitStack() for port in ports}

        def start(port: int) -> Service:
            return stacks[port].enter_context(serving(tmp_path, **settings, by=by, bind=f"127.0.0.1:{port}"))

        try:
            instances = {port: await asyncio.to_thread(start, port) for port in ports}
            edge = edges.enter_context(EDGES[kind](tmp_path, ports))
            asking = [asyncio.create_task(load.run(edge.port, name, sources)) for name in range(CLIENTS)]
            started = time.monotonic()
            await asyncio.sleep(1)
            shares: Counter[int] = Counter()
            for _ in range(ROUNDS):
                for port in ports:
                    instances[port].asked_to_end()
                    assert await asyncio.to_thread(instances[port].ends) == 0
                    shares[port] += instances[port].outcomes().count("made")
                    await asyncio.to_thread(stacks[port].close)  # insists that there were no errors of its own
                    stacks[port] = ExitStack()
                    instances[port] = await asyncio.to_thread(start, port)
                    await asyncio.sleep(1)
            load.over = True
            await asyncio.gather(*asking)
            took = time.monotonic() - started
        finally:
            load.over = True
            for stack in stacks.values():
                await asyncio.to_thread(stack.close)
    total = sum(load.statuses.values())
    print(
        f"{kind}{', without capabilities' if by else ''}: {2 * ROUNDS} restarts in {took:.1f} s "
        f"under {CLIENTS} clients: {total} answers, "
        f"statuses {dict(load.statuses)}, {len(load.lost)} lost, slowest {load.slowest:.2f} s; "
        f"pictures made by each: {sorted(shares.values())}"
    )
    assert load.lost == []
    assert set(load.statuses) == {200}
    assert total > 500
    assert min(shares.values()) > 0
