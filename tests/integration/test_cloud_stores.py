"""Google's and Azure's stores where they refuse, lie or are silent, and what only they have."""

from __future__ import annotations

import asyncio
import sys
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from imgproxy_py.assembly import open_studio
from imgproxy_py.errors import (
    SourceFailed,
    SourceIncomplete,
    SourceMissing,
    SourceTimeout,
    SourceTooLarge,
    SourceUnreachable,
)
from imgproxy_py.recipe.picture import Original
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.settings import Settings, SettingsError
from imgproxy_py.sources.settings import DownloadSettings
from imgproxy_py.sources.stored import Buckets, StoredSource
from imgproxy_py.stores.cloud import CloudBuckets, azure, google
from imgproxy_py.stores.cloud_settings import AbsSettings, GcsSettings
from tests.factories import jpeg
from tests.servers import GcsServer

NAME, KEY = "account", b64encode(b"secret").decode()


@dataclass
class Cloud:
    """A service that says what it is told to, for both protocols, and remembers what it was asked."""

    answer: Callable[[web.Request], web.StreamResponse | None] = field(default=lambda _: web.Response(status=404))
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    raw: bytes = b""
    url: str = ""

    def service(self, kind: str) -> CloudBuckets:
        if kind == "azure":
            return azure(AbsSettings(abs_name=NAME, abs_key=KEY, abs_endpoint=self.url))  # type: ignore[arg-type]
        return google(GcsSettings(gcs_endpoint=self.url))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.raw_path, dict(request.headers)))
        found = self.answer(request)
        if found is None:
            assert request.transport is not None
            request.transport.write(self.raw)
            await asyncio.sleep(0.05)
            request.transport.close()
            return web.Response()
        return found


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    made = Cloud()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    server = TestServer(app)
    await server.start_server()
    made.url = f"http://{server.host}:{server.port}"
    yield made
    await server.close()


KINDS = pytest.mark.parametrize("kind", ["google", "azure"])
HEADERS = {
    "ETag": '"1"',
    "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT",
    "x-goog-generation": "7",
    "x-ms-blob-type": "BlockBlob",
}


@KINDS
@pytest.mark.parametrize(
    ("status", "error", "upstream"),
    [
        (400, SourceMissing, 400),
        (401, SourceMissing, 401),
        (403, SourceMissing, 403),
        (404, SourceMissing, 404),
        (429, SourceMissing, 429),
        (500, SourceFailed, None),
        (503, SourceFailed, None),
    ],
)
async def test_refusals_are_told_apart(
    cloud: Cloud, kind: str, status: int, error: type[Exception], upstream: int | None
) -> None:
    cloud.answer = lambda _: web.Response(status=status, text="a secret of the service")
    with pytest.raises(error) as caught:
        await cloud.service(kind).bucket("b").get("a.png")
    assert getattr(caught.value, "upstream_status", None) == upstream
    assert "secret" not in caught.value.detail


@KINDS
async def test_an_object_is_read_with_what_is_known_of_it(cloud: Cloud, kind: str) -> None:
    said = HEADERS | {"Cache-Control": "max-age=9"}
    cloud.answer = lambda _: web.Response(body=b"x" * 10, content_type="image/png", headers=said)
    info, data = await cloud.service(kind).bucket("b").get("a/ö%2F.png")
    assert (data, info.size, info.media_type, info.cache_control) == (b"x" * 10, 10, "image/png", "max-age=9")
    assert (info.validators.etag, info.validators.modified_at) == ('"1"', 784111777.0)


@KINDS
async def test_what_is_unchanged_is_not_read_whether_the_cloud_says_so_or_not(cloud: Cloud, kind: str) -> None:
    bucket = cloud.service(kind).bucket("b")
    cloud.answer = lambda _: web.Response(body=b"x", headers=HEADERS)
    info, _ = await bucket.get("a.png")
    assert (await bucket.get_changed("a.png", info.validators))[1] is None
    assert cloud.asked[-1][2]["If-None-Match"] == '"1"'
    cloud.answer = lambda _: web.Response(status=304)
    unchanged, data = await bucket.get_changed("a.png", info.validators)
    assert (unchanged.validators, data) == (info.validators, None)


@KINDS
async def test_a_body_that_breaks_off_is_incomplete(cloud: Cloud, kind: str) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    cloud.answer = lambda _: None
    cloud.raw = f"HTTP/1.1 200 OK\r\n{head}Content-Length: 100\r\n\r\n".encode() + b"x" * 50
    bucket = cloud.service(kind).bucket("b")
    with pytest.raises(SourceIncomplete):
        await bucket.get("a.png")
    with pytest.raises(SourceIncomplete):
        async with bucket.open("a.png") as opened:
            [chunk async for chunk in opened.chunks]


@KINDS
async def test_the_size_limit_holds_before_anything_is_read(cloud: Cloud, kind: str) -> None:
    cloud.answer = lambda _: web.Response(body=b"x" * 100, headers=HEADERS)
    with pytest.raises(SourceTooLarge):
        await cloud.service(kind).bucket("b").get("a.png", max_bytes=99)


@KINDS
async def test_a_silent_cloud_is_too_slow(cloud: Cloud, kind: str) -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    cloud.handle = silent  # type: ignore[method-assign]
    async with _serving(silent) as url:
        cloud.url = url
        source = StoredSource(Buckets(cloud.service(kind)), DownloadSettings(download_timeout=0.2))
        started = time.monotonic()
        with pytest.raises(SourceTimeout):
            await source.fetch(SourceRef(scheme="gs", location="b/a.png"))
        assert time.monotonic() - started < 2


@asynccontextmanager
async def _serving(handler: Callable[[web.Request], object]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)
    yield f"http://{server.host}:{server.port}"
    await server.close()


@KINDS
async def test_who_cannot_be_reached_is_unreachable(cloud: Cloud, kind: str) -> None:
    cloud.url = "http://127.0.0.1:9"
    with pytest.raises(SourceUnreachable):
        await cloud.service(kind).bucket("b").get("a.png")


@KINDS
@pytest.mark.parametrize("key", ["a//b.png", "/a.png", "a/"])
async def test_keys_that_would_become_others_are_not_asked_for(cloud: Cloud, kind: str, key: str) -> None:
    with pytest.raises(SourceMissing):
        await cloud.service(kind).bucket("b").get(key)
    assert cloud.asked == []


async def test_azure_is_asked_at_its_endpoint_with_a_signature(cloud: Cloud) -> None:
    with pytest.raises(SourceMissing):
        await cloud.service("azure").bucket("photos").get("a/b c.png")
    method, path, headers = cloud.asked[0]
    assert (method, path) == ("GET", "/photos/a/b%20c.png")
    assert headers["Authorization"].startswith(f"SharedKey {NAME}:")


async def test_google_is_asked_without_credentials_where_there_are_none(cloud: Cloud) -> None:
    with pytest.raises(SourceMissing):
        await cloud.service("google").bucket("photos").get("a.png")
    method, path, headers = cloud.asked[0]
    assert (method, path.replace("%2E", ".")) == ("GET", "/photos/a.png")
    assert "Authorization" not in headers


@pytest.mark.parametrize("ending", ["", "/storage/v1", "/storage/v1/"])
async def test_the_endpoint_of_googles_json_protocol_is_understood(gcs_server: GcsServer, ending: str) -> None:
    gcs_server.put("a.png", b"data")
    service = google(GcsSettings(gcs_endpoint=gcs_server.url + ending))
    assert (await service.bucket(gcs_server.bucket).get("a.png"))[1] == b"data"


async def test_a_generation_is_a_version(gcs_server: GcsServer) -> None:
    generation = gcs_server.put("versioned.png", b"first")
    source = StoredSource(
        Buckets(google(GcsSettings(gcs_endpoint=gcs_server.url))), DownloadSettings(download_timeout=60)
    )
    ref = SourceRef(scheme="gs", location=f"{gcs_server.bucket}/versioned.png", version=generation)
    found = await source.fetch(ref)
    assert isinstance(found, Original)
    assert found.data == b"first"
    with pytest.raises(SourceMissing):
        await source.fetch(SourceRef(scheme="gs", location=ref.location, version="1"))


@pytest.mark.parametrize("key", ["100%.png", "a%2Fb.png", "a#b.png", "a b/größe.png", "a+b&c=d?e.png"])
async def test_keys_are_literal(gcs_server: GcsServer, key: str) -> None:
    gcs_server.put(key, key.encode())
    bucket = google(GcsSettings(gcs_endpoint=gcs_server.url)).bucket(gcs_server.bucket)
    assert (await bucket.get(key))[1] == key.encode()


@pytest.mark.parametrize(
    ("allowed", "denied", "name", "good"),
    [
        ((), (), "a", True),
        (("a",), (), "a", True),
        (("a",), (), "b", False),
        ((), ("a",), "a", False),
        ((), ("a",), "b", True),
        (("a",), ("a",), "a", True),
    ],
)
def test_lists_of_buckets_hold(allowed: tuple[str, ...], denied: tuple[str, ...], name: str, good: bool) -> None:
    services = [
        google(GcsSettings(gcs_endpoint="http://x", gcs_allowed_buckets=allowed, gcs_denied_buckets=denied)),
        azure(AbsSettings(abs_name=NAME, abs_key=KEY, abs_allowed_buckets=allowed, abs_denied_buckets=denied)),  # type: ignore[arg-type]
    ]
    for service in services:
        if good:
            assert service.bucket(name) is service.bucket(name)
        else:
            with pytest.raises(SourceUnreachable):
                service.bucket(name)


def test_connections_are_kept_for_a_few_buckets_only() -> None:
    service = google(GcsSettings(gcs_endpoint="http://x"))
    first = service.bucket("first")
    for number in range(200):
        service.bucket(f"b{number}")
    assert repr(service) == "<CloudBuckets: 64 connected>"
    assert service.bucket("first") is not first


@pytest.mark.parametrize("given", [{"gcs_key": "no json"}, {"gcs_key": "[1]"}])
def test_a_wrong_key_of_google_stops_the_start(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        GcsSettings(**given)  # type: ignore[arg-type]


def test_a_wrong_key_of_azure_stops_the_start() -> None:
    with pytest.raises(ValidationError):
        AbsSettings(abs_key="no base64!")  # type: ignore[arg-type]


@pytest.mark.parametrize("switch", ["use_gcs", "use_abs"])
async def test_without_the_extra_the_start_says_what_is_missing(switch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("obstore", "imgproxy_py.stores.cloud"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr("imgproxy_py.stores.cloud")
    with pytest.raises(SettingsError, match=rf"IMGPROXY_{switch.upper()}.*imgproxy_py\[cloud\]"):
        async with open_studio(Settings.load({switch: "true"})):
            pass


async def test_the_service_serves_what_lies_in_google(gcs_server: GcsServer) -> None:
    gcs_server.put("cat.jpg", jpeg())
    settings = Settings.load({"use_gcs": "true", "gcs_endpoint": gcs_server.url, "gcs_allowed_buckets": "sources"})
    async with open_studio(settings) as studio:
        await studio.sources.ping()
        found = await studio.sources.fetch(SourceRef(scheme="gs", location="sources/cat.jpg"))
        assert isinstance(found, Original)
        assert found.data == jpeg()
        with pytest.raises(SourceUnreachable):
            await studio.sources.fetch(SourceRef(scheme="gs", location="others/cat.jpg"))
