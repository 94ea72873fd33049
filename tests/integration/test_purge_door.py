"""`POST /purge` and the service behind it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from imgproxy_py.assembly import open_application
from imgproxy_py.settings import Settings
from tests import servers
from tests.factories import png

SECRET = "a secret of its own"
TARGET = "/_/w:8/plain/local:///pets/cat.png"


@dataclass
class Answer:
    status: int
    headers: Any
    content: Any


@dataclass
class Client:
    session: ClientSession
    base: str

    async def outcome(self, target: str = TARGET) -> str:
        """Where a picture came from."""
        async with self.session.get(self.base + target) as answer:
            assert answer.status == 200
            told = answer.headers["Cache-Status"]
        return told.rpartition("detail=")[2] if "hit" in told else "made"

    async def purge(self, body: Any = None, secret: str = SECRET, method: str = "POST") -> Answer:
        data = io.BytesIO(body) if isinstance(body, bytes) else orjson.dumps(body or {})
        headers = {"Authorization": f"Bearer {secret}"}
        async with self.session.request(method, f"{self.base}/purge", data=data, headers=headers) as answer:
            return Answer(answer.status, answer.headers, orjson.loads(await answer.read()))


Serve = Callable[..., Awaitable[Client]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    (tmp_path / "originals" / "pets").mkdir(parents=True)
    (tmp_path / "originals" / "pets" / "cat.png").write_bytes(png())
    async with AsyncExitStack() as opening:

        async def start(**given: Any) -> Client:
            settings = {
                "local_filesystem_root": str(tmp_path / "originals"),
                "images_source": "local:///",
                "purge_secret": SECRET,
                "redis_timeout": 2.0,
                **given,
            }
            application = await opening.enter_async_context(open_application(Settings.load(settings)))
            server = TestServer(application)
            await opening.enter_async_context(server)
            session = await opening.enter_async_context(ClientSession())
            return Client(session, f"http://127.0.0.1:{server.port}")

        yield start


@pytest.fixture(params=["alone", "redis", "redis and store"])
async def service(serve: Serve, request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    given: dict[str, Any] = {}
    if "redis" in request.param:
        given = {"redis_url": request.getfixturevalue("redis_server").url, "redis_key_prefix": uuid4().hex}
    if "store" in request.param:
        (tmp_path / "results").mkdir()
        given["result_store"] = f"local://{tmp_path}/results"
    return await serve(**given)


@pytest.mark.parametrize(
    ("body", "hits"),
    [
        ({"sources": ["local:///pets/cat.png"]}, True),
        ({"sources": ["pets/cat.png"]}, True),
        ({"sources": ["local:///pets/dog.png"]}, False),
        ({"prefixes": ["local:///pets/"]}, True),
        ({"prefixes": ["pets/"]}, True),
        ({"prefixes": ["local:///cars/"]}, False),
        ({"tags": ["summer"]}, False),
        ({"tags": ["summer"], "prefixes": ["local:///"], "sources": ["x.png"], "by": "cms", "edges": False}, True),
    ],
)
async def test_what_is_named_is_made_anew_and_nothing_else(service: Client, body: Any, hits: bool) -> None:
    assert [await service.outcome() for _ in range(2)] == ["made", "memory"]
    answer = await service.purge(body)
    assert answer.status == 200, answer.content
    assert answer.headers["Cache-Control"] == "no-store"
    assert (answer.content["forgotten"], answer.content["complete"]) == (int(hits), True)
    assert await service.outcome() == ("made" if hits else "memory")
    assert await service.outcome() == "memory"


async def test_tags_of_urls_are_purged_though_the_picture_is_shared(service: Client) -> None:
    tagged = f"{TARGET.replace('/plain', '/cache_tags:summer/plain')}"
    assert await service.outcome() == "made"
    assert await service.outcome(tagged) == "memory"
    await service.purge({"tags": ["summer"]})
    assert await service.outcome(tagged) == "made"


@pytest.mark.parametrize("secret", ["", "another", f"{SECRET} "])
async def test_it_demands_its_own_secret(serve: Serve, secret: str) -> None:
    service = await serve(secret="of pictures", memory_cache_bytes=0)
    answer = await service.purge({"tags": ["a"]}, secret=secret.rstrip() + "x" if secret else "")
    assert (answer.status, answer.content["type"]) == (403, "forbidden")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (await service.purge({"tags": ["a"]}, secret="of pictures")).status == 403
    assert (await service.purge({"tags": ["a"]})).status == 200


async def test_without_a_secret_there_is_no_door(serve: Serve) -> None:
    service = await serve(purge_secret="")
    async with service.session.post(f"{service.base}/purge", data=b"{}") as answer:
        assert answer.status == 404


async def test_only_post_purges(serve: Serve) -> None:
    answer = await (await serve()).purge(method="GET")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "the body is no JSON"),
        (b"[]", "the body is no JSON object"),
        (b"{}", "nothing to purge"),
        ({"sources": []}, "nothing to purge"),
        ({"tags": ["a b"]}, "tags: 'a b'"),
        ({"tags": "a"}, "tags: 'a'"),
        ({"sources": [""]}, "sources"),
        ({"source": ["a"]}, "source: "),
        ({"tags": ["a"], "edges": "no"}, "edges: 'no'"),
        ({"tags": ["a"], "by": "x" * 101}, "by: "),
        ({"tags": [f"t{n}" for n in range(1001)]}, "1001 at once"),
        ({"sources": ["http://a b/"]}, ""),
        (b" " * (1 << 21), "too long"),
    ],
)
async def test_what_is_wrong_is_told_as_a_problem(serve: Serve, body: Any, told: str) -> None:
    answer = await (await serve()).purge(body)
    assert (answer.status, answer.content["type"]) == (400, "bad-request")
    assert told in answer.content["detail"]


@pytest.mark.parametrize("given", [{"processes": 2}, {"result_store": "local:///tmp"}])
async def test_what_would_not_hold_is_refused(serve: Serve, given: dict[str, Any]) -> None:
    answer = await (await serve(**given)).purge({"tags": ["a"]})
    assert (answer.status, answer.content["type"]) == (503, "purge-unavailable")
    assert "Redis" in answer.content["detail"]


async def test_it_is_told_of_in_one_line_without_secrets(serve: Serve) -> None:
    service = await serve()
    with capture_logs() as lines:
        await service.purge({"sources": ["https://example.com/a.jpg?token=hunter2"], "tags": ["t"], "by": "cms"})
    (line,) = [one for one in lines if one["event"] == "pictures_purged"]
    assert (line["by"], line["address"]) == ("cms", "127.0.0.1")
    assert (line["sources"], line["tags"], line["names"]) == (["https://example.com/a.jpg"], ["t"], 2)
    assert line["request_id"]
    assert "hunter2" not in repr(lines)
    assert SECRET not in repr(lines)


async def test_a_front_that_refuses_is_told_of_and_prefixes_do_not_reach_it(serve: Serve) -> None:
    service = await serve(purge_varnish_urls=("http://127.0.0.1:1",), purge_varnish_secret="x")
    answer = await service.purge({"tags": ["a"]})
    assert (answer.status, answer.content["complete"]) == (200, False)
    assert [one["refused"] for one in answer.content["edges"]] == [True]
    for body in ({"prefixes": ["local:///"]}, {"tags": ["a"], "edges": False}):
        assert (await service.purge(body)).content["edges"] == []


async def test_a_redis_that_is_down_is_told_of(serve: Serve, redis_server: servers.RedisServer) -> None:
    answer = await (await serve(redis_url="redis://127.0.0.1:1")).purge({"tags": ["a"]})
    assert (answer.status, answer.content["type"]) == (503, "purge-unavailable")


async def test_another_service_forgets_as_well(serve: Serve, redis_server: servers.RedisServer) -> None:
    shared = {"redis_url": redis_server.url, "redis_key_prefix": uuid4().hex}
    one, two = await serve(**shared), await serve(**shared)
    assert [await one.outcome(), await two.outcome()] == ["made", "redis"]
    assert [await one.outcome(), await two.outcome()] == ["memory", "memory"]
    answer = await one.purge({"sources": ["pets/cat.png"]})
    async with asyncio.timeout(2):
        while await two.outcome() == "memory":  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert answer.content["forgotten"] == 1
