"""Names that nobody tells hold up nobody else."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop

from imgproxy_py.errors import SourceUnreachable
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.sources.http import HttpSettings, HttpSource
from imgproxy_py.sources.names import SystemNames
from tests.acceptance.origin import Origin

SYSTEM = socket.getaddrinfo


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Until it is set, nobody says what the names that end in `silent.test` are; they are loopback's."""
    ends = threading.Event()

    def ask(host: str, *others: Any, **named: Any) -> Any:
        if not host.endswith("silent.test"):
            return SYSTEM(host, *others, **named)
        ends.wait(20)
        return SYSTEM("127.0.0.1", *others, **named)

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    yield ends
    ends.set()


async def test_addresses_are_the_systems() -> None:
    found = await SystemNames().resolve("localhost", 80)
    assert {(one["host"], one["port"]) for one in found} == {
        one[4][:2] for one in SYSTEM("localhost", 80, type=socket.SOCK_STREAM)
    }
    (only,) = await SystemNames().resolve("127.0.0.1", 81, socket.AF_INET)
    assert (only["hostname"], only["host"], only["port"], only["family"]) == ("127.0.0.1", "127.0.0.1", 81, 2)


async def test_a_link_local_address_keeps_its_interface() -> None:
    (only,) = await SystemNames().resolve("fe80::1%lo", 80, socket.AF_INET6)
    assert only["host"] == "fe80::1%lo"


@pytest.mark.parametrize(("name", "error"), [("nobody.invalid", OSError), ("a" * 64 + ".test", UnicodeError)])
async def test_a_name_without_addresses_is_an_error(name: str, error: type[Exception]) -> None:
    names = SystemNames(1)
    for _ in range(2):  # and its place is free again
        with pytest.raises(error):
            await asyncio.wait_for(names.resolve(name), 15)


async def test_names_that_nobody_tells_hold_up_no_others(silence: threading.Event) -> None:
    names = SystemNames()
    waiting = [asyncio.create_task(names.resolve(f"{one}.silent.test")) for one in range(40)]
    assert await asyncio.wait_for(names.resolve("localhost"), 5)
    assert not any(one.done() for one in waiting)
    silence.set()
    assert {found["host"] for several in await asyncio.gather(*waiting) for found in several} == {"127.0.0.1"}


async def test_who_gives_up_frees_no_thread(silence: threading.Event) -> None:
    names = SystemNames(1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(names.resolve("a.silent.test"), 0.05)
    next_one = asyncio.create_task(names.resolve("localhost"))
    await asyncio.sleep(0.05)
    assert not next_one.done()
    silence.set()
    assert await asyncio.wait_for(next_one, 5)


def ref(location: str) -> SourceRef:
    return SourceRef(scheme="http", location=location)


def test_originals_are_fetched_while_names_are_waited_for(silence: threading.Event) -> None:
    settings = HttpSettings(allow_loopback_source_addresses=True, download_timeout=10)

    async def fetched_meanwhile(origin: Origin) -> bytes:
        async with HttpSource(settings) as source:
            silent = [ref(f"{one}.silent.test:{origin.port}/none") for one in range(10)]
            waiting = [asyncio.create_task(source.fetch(one)) for one in silent]
            await asyncio.sleep(0.1)
            original = await asyncio.wait_for(source.fetch(ref(f"127.0.0.1:{origin.port}/a")), 5)
            assert not any(one.done() for one in waiting)
            silence.set()
            assert all(isinstance(one, Exception) for one in await asyncio.gather(*waiting, return_exceptions=True))
            return bytes(original.data)

    with Origin() as origin:
        origin.put("/a", b"picture")
        assert uvloop.run(fetched_meanwhile(origin)) == b"picture"
        origin.is_asked("/none", 10)


def test_an_original_of_an_unknown_name_is_unreachable() -> None:
    async def fetched() -> None:
        async with HttpSource(HttpSettings()) as source:
            await source.fetch(ref("nobody.invalid/a"))

    with pytest.raises(SourceUnreachable):
        uvloop.run(fetched())
