"""What an image's HEALTHCHECK runs, against a service of three lines."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from imgproxy_py.web import healthcheck
from imgproxy_py.web.server import ServerSettings


async def ask(bind: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Ask from a thread, so that the service in this loop can answer."""
    monkeypatch.setenv("IMGPROXY_BIND", bind)
    return await asyncio.to_thread(healthcheck.main)


async def serve(address: int | Path, status: int = 200) -> web.AppRunner:
    """Answer on a port of this machine, or on a unix socket."""

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="it lives" if status == 200 else "Error", status=status)

    app = web.Application()
    app.router.add_get("/health", health)
    runner = web.AppRunner(app)
    await runner.setup()
    if isinstance(address, Path):
        await web.UnixSite(runner, str(address)).start()
    else:
        await web.TCPSite(runner, "127.0.0.1", address).start()
    return runner


@pytest.mark.parametrize(("status", "code"), [(200, 0), (500, 1)])
async def test_the_exit_code_is_what_the_service_says(
    status: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = unused_port()
    runner = await serve(port, status)
    assert await ask(f":{port}", monkeypatch) == code
    assert await ask(f"127.0.0.1:{port}", monkeypatch) == code
    await runner.cleanup()
    assert capsys.readouterr().out.startswith(str(status))


async def test_a_unix_socket_is_asked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = await serve(tmp_path / "service.sock")
    assert await ask(f"unix:{tmp_path / 'service.sock'}", monkeypatch) == 0
    await runner.cleanup()
    assert await ask(f"unix:{tmp_path / 'nobody.sock'}", monkeypatch) == 1


async def test_nobody_there_is_no_health(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await ask(f"127.0.0.1:{unused_port()}", monkeypatch) == 1


def test_it_asks_where_the_service_listens_by_default() -> None:
    assert ServerSettings().bind == healthcheck._DEFAULT


def test_it_imports_next_to_nothing() -> None:
    code = "import sys, imgproxy_py.web.healthcheck; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"aiohttp", "pydantic", "pyvips", "typer", "asyncio"} & set(loaded)
